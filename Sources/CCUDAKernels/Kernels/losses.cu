#include "elements.h"

// What a classification loss asks of rows of values, one value per class; see `ClassTargets`.

/// A warp for each row.
template <class T>
NN_DEVICE void nn_class_sums(const nn_cuda_targets &t, const T *x, T *sums) {
  nn_int row = nn_place() / 32;
  if (row >= t.rows) return;
  int lane = threadIdx.x & 31;
  nn_int target = t.target[row];
  if (target == t.ignored) {
    if (lane == 0) sums[row] = 0;
    return;
  }
  const T *weight = (const T *)t.weight;
  x += row * t.classes;
  double sum = 0;
  // Not for a smoothing of 0: a class that does not count may be at minus infinity.
  if (t.smoothing > 0) {
    for (nn_int c = lane; c < t.classes; c += 32) sum += (weight ? (double)weight[c] : 1.0) * x[c];
    sum = nn_warp_sum(sum) * (t.smoothing / (double)t.classes);
  }
  if (lane == 0) sums[row] = (T)-(sum + (1 - t.smoothing) * (weight ? (double)weight[target] : 1.0) * x[target]);
}

template <class T>
NN_DEVICE void nn_class_spread(const nn_cuda_targets &t, const T *g, T *y) {
  nn_int place = nn_place();
  if (place >= t.rows * t.classes) return;
  nn_int row = place / t.classes, c = place - row * t.classes, target = t.target[row];
  if (target == t.ignored) {
    y[place] = 0;
    return;
  }
  double factor = t.smoothing / (double)t.classes + (c == target ? 1 - t.smoothing : 0.0);
  const T *weight = (const T *)t.weight;
  y[place] = factor == 0 ? (T)0 : (T)(-factor * (weight ? (double)weight[c] : 1.0) * g[row]);
}

#define NN_LOSSES(T, name)                                                              \
  NN_KERNEL(256, nn_class_sums_##name, const nn_cuda_targets t, const T *__restrict__ x, T *__restrict__ sums) {  \
    nn_class_sums<T>(t, x, sums);                                                       \
  }                                                                                     \
  NN_KERNEL(256, nn_class_spread_##name, const nn_cuda_targets t, const T *__restrict__ g, T *__restrict__ y) {   \
    nn_class_spread<T>(t, g, y);                                                        \
  }
NN_REALS(NN_LOSSES)
