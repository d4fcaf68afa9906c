#include "emulated.h"

#include "../../../Sources/CCUDAKernels/Kernels/normalization_factors.cu"
