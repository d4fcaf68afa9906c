#include "emulated.h"

#include "../../../Sources/CCUDAKernels/Kernels/scan.cu"
