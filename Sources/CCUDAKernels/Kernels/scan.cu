#include "elements.h"
#include "wide.h"

// Running sums and products along lines of n elements, which begin where the walk says: operand 0 is x, operand 1 is y.

template <class A>
NN_DEVICE A nn_joined(int product, A a, A b) {
  return product ? a * b : a + b;
}

/// One thread per line.
template <class T>
NN_DEVICE void nn_scan_lines(int product, const nn_cuda_walk &lines, long long n, const T *x, long long sx, T *y,
                             long long sy) {
  typedef typename nn_wide<T>::type A;
  long long line = nn_place();
  if (line >= lines.count) return;
  nn_spot<2> spot = nn_find<2>(lines, line);
  x += spot.at[0];
  y += spot.at[1];
  A total = product ? 1 : 0;
  for (long long i = 0; i < n; i++) y[i * sy] = (T)(total = nn_joined(product, total, (A)x[i * sx]));
}

/// One block per line: each thread takes some neighbours, and the threads' totals are summed up in doubling steps.
template <class T>
NN_DEVICE void nn_scan_block(int product, const nn_cuda_walk &lines, long long n, const T *x, long long sx, T *y,
                             long long sy) {
  typedef typename nn_wide<T>::type A;
  NN_SHARED(A, totals, 256);
  nn_spot<2> spot = nn_find<2>(lines, blockIdx.x);
  x += spot.at[0];
  y += spot.at[1];
  A before = product ? 1 : 0;
  for (long long start = 0; start < n; start += 256 * nn_each) {
    long long first = start + (long long)threadIdx.x * nn_each;
    A values[nn_each], total = product ? 1 : 0;
    for (int k = 0; k < nn_each; k++) {
      if (first + k < n) total = nn_joined(product, total, (A)x[(first + k) * sx]);
      values[k] = total;
    }
    totals[threadIdx.x] = total;
    __syncthreads();
    for (int distance = 1; distance < 256; distance *= 2) {
      A other = (int)threadIdx.x >= distance ? totals[threadIdx.x - distance] : total;
      __syncthreads();
      if ((int)threadIdx.x >= distance) totals[threadIdx.x] = nn_joined(product, other, totals[threadIdx.x]);
      __syncthreads();
    }
    A base = before;
    if (threadIdx.x > 0) base = nn_joined(product, base, totals[threadIdx.x - 1]);
    for (int k = 0; k < nn_each; k++)
      if (first + k < n) y[(first + k) * sy] = (T)nn_joined(product, base, values[k]);
    before = nn_joined(product, before, totals[255]);
    __syncthreads();
  }
}

#define NN_SCAN(T, type)                                                                                         \
  NN_KERNEL(256, nn_scan_##type, int product, nn_cuda_walk lines, long long n, const T *x, long long sx, T *y,   \
            long long sy) {                                                                                      \
    nn_scan_lines(product, lines, n, x, sx, y, sy);                                                              \
  }                                                                                                              \
  NN_KERNEL(256, nn_scan_block_##type, int product, nn_cuda_walk lines, long long n, const T *x, long long sx,   \
            T *y, long long sy) {                                                                                \
    nn_scan_block(product, lines, n, x, sx, y, sy);                                                              \
  }
NN_SCAN(nn_u8, uint8)
NN_SCAN(int, int32)
NN_SCAN(long long, int64)
NN_SCAN(float, float32)
NN_SCAN(double, float64)

/// Writes the numbers of the flags that are set one behind the other; `ranks` counts them.
NN_KERNEL(256, nn_flagged, long long n, const nn_u8 *flags, const long long *ranks, long long *y) {
  long long i = nn_place();
  if (i < n && flags[i]) y[ranks[i] - 1] = i;
}
