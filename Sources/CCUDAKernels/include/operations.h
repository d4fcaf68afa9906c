#pragma once

// Numbers and structures that Swift and the kernels share. Included by C, by C++ and by NVRTC: no other header is needed.
