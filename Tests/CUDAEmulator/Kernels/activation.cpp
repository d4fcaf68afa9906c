#include "emulated.h"

#include "../../../Sources/CCUDAKernels/Kernels/activation.cu"
