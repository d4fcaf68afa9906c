#include "emulated.h"

#include "../../../Sources/CCUDAKernels/Kernels/normalization.cu"
