#include "emulated.h"

#include "../../../Sources/CCUDAKernels/Kernels/softmax.cu"
