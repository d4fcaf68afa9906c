#ifndef NN_RESAMPLE_H
#define NN_RESAMPLE_H
#include <stdint.h>

#include "nn_types.h"

// `path` is the instruction set (enum nn_kernel_path); elements are NN_F32 or NN_F64.

/// One output row as a weighted sum of input rows: y[j] = Σ over t < taps of weights[t] · x[places[t] * row + j],
/// j < n. The sum runs in double.
void nn_weighted_rows(int path, int dtype, int64_t n, int64_t taps, const int64_t *places, const double *weights,
                      int64_t row, const void *x, void *y);

#endif
