#include "emulated.h"

#include "../../../Sources/CCUDAKernels/Kernels/statistics.cu"
