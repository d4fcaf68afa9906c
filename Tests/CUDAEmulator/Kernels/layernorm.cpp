#include "emulated.h"

#include "../../../Sources/CCUDAKernels/Kernels/layernorm.cu"
