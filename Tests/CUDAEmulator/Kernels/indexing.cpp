#include "emulated.h"

#include "../../../Sources/CCUDAKernels/Kernels/indexing.cu"
