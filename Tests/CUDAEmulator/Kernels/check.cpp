// Kernels that check the emulation itself.

#include "emulated.h"
#include "../../../Sources/CCUDAKernels/Kernels/portable.h"

/// sums[block] = Σ of the block's part of x; the last threads leave early.
NN_KERNEL(256, check_sums, const float *x, float *sums, nn_int n) {
  nn_int i = (nn_int)blockIdx.x * blockDim.x + threadIdx.x;
  float total = nn_block_sum(i < n ? x[i] : 0);
  if (threadIdx.x != 0) return;
  sums[blockIdx.x] = total;
}

/// y[i] is that of the thread on the other side of the block; with `forgetting`, of memory nobody wrote to.
NN_KERNEL(256, check_mirror, const float *x, float *y, int forgetting) {
  NN_SHARED(float, tile, 256);
  unsigned i = threadIdx.x;
  if (!forgetting) tile[i] = x[i];
  __syncthreads();
  if (i >= 200) return;
  y[i] = tile[blockDim.x - 1 - i];
  __syncthreads();
  tile[i] = 0;
}
