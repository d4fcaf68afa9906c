#include "emulated.h"

#include "../../../Sources/CCUDAKernels/Kernels/losses.cu"
