#ifndef NN_LOSSES_H
#define NN_LOSSES_H
#include <stdint.h>

#include "nn_types.h"

/// What a classification loss asks of rows of values, one value per class. With s = smoothing and n classes, class c of a
/// row has the factor weight[c] · ((1 - s) [c is the row's class] + s / n); all are 0 where the class is `ignored`.
struct nn_class_targets {
  int64_t rows, classes;
  const int64_t *target;  // one class per row
  const void *weight;     // one per class, or NULL: 1
  int64_t ignored;
  double smoothing;
};

/// sums[r] = -Σ over c of factor[r, c] · x[r, c]. Elements are NN_F32 or NN_F64; sums run in double.
void nn_class_sums(int dtype, struct nn_class_targets targets, const void *x, void *sums);
/// y[r, c] = -factor[r, c] · g[r].
void nn_class_spread(int dtype, struct nn_class_targets targets, const void *g, void *y);

#endif
