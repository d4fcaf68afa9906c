#include "emulated.h"

#include "../../../Sources/CCUDAKernels/Kernels/reduce.cu"
