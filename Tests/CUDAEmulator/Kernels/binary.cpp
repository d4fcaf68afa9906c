#include "emulated.h"

#include "../../../Sources/CCUDAKernels/Kernels/binary.cu"
