#include "emulated.h"

#include "../../../Sources/CCUDAKernels/Kernels/optimizers.cu"
