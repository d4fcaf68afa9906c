#include "emulated.h"

#include "../../../Sources/CCUDAKernels/Kernels/sort.cu"
