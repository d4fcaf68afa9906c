#include "emulated.h"

#include "../../../Sources/CCUDAKernels/Kernels/resample.cu"
