#include "emulated.h"

#include "../../../Sources/CCUDAKernels/Kernels/random.cu"
