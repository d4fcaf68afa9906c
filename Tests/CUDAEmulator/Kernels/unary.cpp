#include "emulated.h"

#include "../../../Sources/CCUDAKernels/Kernels/unary.cu"
