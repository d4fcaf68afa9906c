#include "emulated.h"

#include "../../../Sources/CCUDAKernels/Kernels/matrix.cu"
