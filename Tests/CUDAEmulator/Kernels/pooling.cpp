#include "emulated.h"

#include "../../../Sources/CCUDAKernels/Kernels/pooling.cu"
