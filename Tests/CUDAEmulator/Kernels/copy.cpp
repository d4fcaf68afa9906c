#include "emulated.h"

#include "../../../Sources/CCUDAKernels/Kernels/copy.cu"
