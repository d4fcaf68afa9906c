#include "elements.h"
#include "mathematics.h"

// Softmax along lines of n elements that lie `step` apart. Line number l begins at l / step * n * step + l % step. Sums run
// in double.

template <class V>
NN_DEVICE V nn_softmax_value(bool logarithm, V x, V top, double shift) {
  return logarithm ? x - top - (V)shift : nn_exp(x - top) * (V)shift;
}

template <class V>
NN_DEVICE V nn_softmax_slope(bool logarithm, V g, V y, double sum) {
  return logarithm ? g - nn_exp(y) * (V)sum : y * (g - (V)sum);
}

/// A warp for each line.
template <class T>
NN_DEVICE void nn_softmax_warps(bool logarithm, nn_int n, nn_int lines, const T *x, T *y) {
  nn_int line = nn_place() / 32;
  if (line >= lines) return;
  int lane = threadIdx.x & 31;
  x += line * n;
  y += line * n;
  nn_value<T> top = -INFINITY;
  for (nn_int i = lane; i < n; i += 32) top = nn_maximum()((nn_value<T>)x[i], top);
  top = nn_warp_reduce(top, nn_maximum());
  double sum = 0;
  for (nn_int i = lane; i < n; i += 32) sum += nn_exp(x[i] - top);
  sum = nn_warp_sum(sum);
  double shift = logarithm ? log(sum) : 1 / sum;
  for (nn_int i = lane; i < n; i += 32) y[i] = nn_softmax_value<nn_value<T>>(logarithm, x[i], top, shift);
}

template <class T>
NN_DEVICE void nn_softmax_backward_warps(bool logarithm, nn_int n, nn_int lines, const T *g, const T *y, T *d) {
  nn_int line = nn_place() / 32;
  if (line >= lines) return;
  int lane = threadIdx.x & 31;
  g += line * n;
  y += line * n;
  d += line * n;
  double sum = 0;
  for (nn_int i = lane; i < n; i += 32) sum += logarithm ? (double)g[i] : (double)g[i] * y[i];
  sum = nn_warp_sum(sum);
  for (nn_int i = lane; i < n; i += 32) d[i] = nn_softmax_slope<nn_value<T>>(logarithm, g[i], y[i], sum);
}

/// A block for each line, for long ones.
template <class T>
NN_DEVICE void nn_softmax_blocks(bool logarithm, nn_int n, const T *x, T *y) {
  x += (nn_int)blockIdx.x * n;
  y += (nn_int)blockIdx.x * n;
  nn_value<T> top = -INFINITY;
  for (nn_int i = threadIdx.x; i < n; i += blockDim.x) top = nn_maximum()((nn_value<T>)x[i], top);
  top = nn_block_reduce(top, nn_maximum());
  double sum = 0;
  for (nn_int i = threadIdx.x; i < n; i += blockDim.x) sum += nn_exp(x[i] - top);
  sum = nn_block_sum(sum);
  double shift = logarithm ? log(sum) : 1 / sum;
  for (nn_int i = threadIdx.x; i < n; i += blockDim.x) y[i] = nn_softmax_value<nn_value<T>>(logarithm, x[i], top, shift);
}

template <class T>
NN_DEVICE void nn_softmax_backward_blocks(bool logarithm, nn_int n, const T *g, const T *y, T *d) {
  nn_int start = (nn_int)blockIdx.x * n;
  double sum = 0;
  for (nn_int i = threadIdx.x; i < n; i += blockDim.x)
    sum += logarithm ? (double)g[start + i] : (double)g[start + i] * y[start + i];
  sum = nn_block_sum(sum);
  for (nn_int i = threadIdx.x; i < n; i += blockDim.x)
    d[start + i] = nn_softmax_slope<nn_value<T>>(logarithm, g[start + i], y[start + i], sum);
}

/// A thread for each line, where neighbouring lines are neighbours in memory.
template <class T>
NN_DEVICE void nn_softmax_threads(bool logarithm, nn_int n, nn_int step, nn_int lines, const T *x, T *y) {
  nn_int line = nn_place();
  if (line >= lines) return;
  nn_int start = line / step * n * step + line % step;
  x += start;
  y += start;
  nn_value<T> top = -INFINITY;
  for (nn_int i = 0; i < n; i++) top = nn_maximum()((nn_value<T>)x[i * step], top);
  double sum = 0;
  for (nn_int i = 0; i < n; i++) sum += nn_exp(x[i * step] - top);
  double shift = logarithm ? log(sum) : 1 / sum;
  for (nn_int i = 0; i < n; i++) y[i * step] = nn_softmax_value<nn_value<T>>(logarithm, x[i * step], top, shift);
}

template <class T>
NN_DEVICE void nn_softmax_backward_threads(bool logarithm, nn_int n, nn_int step, nn_int lines, const T *g, const T *y,
                                           T *d) {
  nn_int line = nn_place();
  if (line >= lines) return;
  nn_int start = line / step * n * step + line % step;
  double sum = 0;
  for (nn_int i = 0, k = start; i < n; i++, k += step) sum += logarithm ? (double)g[k] : (double)g[k] * y[k];
  for (nn_int i = 0, k = start; i < n; i++, k += step) d[k] = nn_softmax_slope<nn_value<T>>(logarithm, g[k], y[k], sum);
}

#define NN_SOFTMAX(T, name)                                                                                     \
  NN_KERNEL(256, nn_softmax_warps_##name, int logarithm, nn_int n, nn_int lines, const T *__restrict__ x, T *__restrict__ y) {            \
    nn_softmax_warps<T>(logarithm, n, lines, x, y);                                                             \
  }                                                                                                             \
  NN_KERNEL(256, nn_softmax_blocks_##name, int logarithm, nn_int n, const T *__restrict__ x, T *__restrict__ y) {                         \
    nn_softmax_blocks<T>(logarithm, n, x, y);                                                                   \
  }                                                                                                             \
  NN_KERNEL(256, nn_softmax_threads_##name, int logarithm, nn_int n, nn_int step, nn_int lines, const T *__restrict__ x,     \
            T *__restrict__ y) {                                                                                             \
    nn_softmax_threads<T>(logarithm, n, step, lines, x, y);                                                     \
  }                                                                                                             \
  NN_KERNEL(256, nn_softmax_backward_warps_##name, int logarithm, nn_int n, nn_int lines, const T *__restrict__ g,           \
            const T *__restrict__ y, T *__restrict__ d) {                                                                                 \
    nn_softmax_backward_warps<T>(logarithm, n, lines, g, y, d);                                                 \
  }                                                                                                             \
  NN_KERNEL(256, nn_softmax_backward_blocks_##name, int logarithm, nn_int n, const T *__restrict__ g, const T *__restrict__ y, T *__restrict__ d) {    \
    nn_softmax_backward_blocks<T>(logarithm, n, g, y, d);                                                       \
  }                                                                                                             \
  NN_KERNEL(256, nn_softmax_backward_threads_##name, int logarithm, nn_int n, nn_int step, nn_int lines,        \
            const T *__restrict__ g, const T *__restrict__ y, T *__restrict__ d) {                                                                     \
    nn_softmax_backward_threads<T>(logarithm, n, step, lines, g, y, d);                                         \
  }
NN_REALS(NN_SOFTMAX)
