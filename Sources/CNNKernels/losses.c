#include "nn_losses.h"

#include <string.h>

// Memory is what these wait for; they are compiled once.
#define NN_CLASS_KERNELS(T, NAME)                                                                       \
  static void NAME##_sums(struct nn_class_targets t, const T *x, T *sums) {                             \
    const T *weight = t.weight;                                                                         \
    const double even = t.smoothing / (double)t.classes;                                                \
    for (int64_t r = 0; r < t.rows; r++, x += t.classes) {                                              \
      int64_t k = t.target[r];                                                                          \
      sums[r] = 0;                                                                                      \
      if (k == t.ignored) continue;                                                                     \
      double sum = (1 - t.smoothing) * (weight ? weight[k] : 1) * x[k];                                 \
      /* Not for a smoothing of 0: a class that does not count may be at minus infinity. */             \
      if (even > 0) {                                                                                   \
        double all = 0;                                                                                 \
        for (int64_t c = 0; c < t.classes; c++) all += (weight ? (double)weight[c] : 1) * x[c];         \
        sum += even * all;                                                                              \
      }                                                                                                 \
      sums[r] = (T)-sum;                                                                                \
    }                                                                                                   \
  }                                                                                                     \
  static void NAME##_spread(struct nn_class_targets t, const T *g, T *y) {                              \
    const T *weight = t.weight;                                                                         \
    const double even = t.smoothing / (double)t.classes;                                                \
    for (int64_t r = 0; r < t.rows; r++, y += t.classes) {                                              \
      int64_t k = t.target[r];                                                                          \
      memset(y, 0, (size_t)t.classes * sizeof(T));                                                      \
      if (k == t.ignored) continue;                                                                     \
      if (even > 0)                                                                                     \
        for (int64_t c = 0; c < t.classes; c++) y[c] = (T)(-even * (weight ? weight[c] : 1) * g[r]);    \
      y[k] = (T)(-(1 - t.smoothing + even) * (weight ? weight[k] : 1) * g[r]);                          \
    }                                                                                                   \
  }

NN_CLASS_KERNELS(float, f32)
NN_CLASS_KERNELS(double, f64)

void nn_class_sums(int dtype, struct nn_class_targets targets, const void *x, void *sums) {
  if (dtype == NN_F64)
    f64_sums(targets, x, sums);
  else
    f32_sums(targets, x, sums);
}

void nn_class_spread(int dtype, struct nn_class_targets targets, const void *g, void *y) {
  if (dtype == NN_F64)
    f64_spread(targets, g, y);
  else
    f32_spread(targets, g, y);
}
