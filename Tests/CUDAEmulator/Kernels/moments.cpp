#include "emulated.h"

#include "../../../Sources/CCUDAKernels/Kernels/moments.cu"
