#include "nn_resample.h"

#define NN_IMPL "resample_impl.h"
#include "real_paths.h"

void nn_weighted_rows(int path, int dtype, int64_t n, int64_t taps, const int64_t *places, const double *weights,
                      int64_t row, const void *x, void *y) {
  NN_CALL_REAL(dtype, path, weighted_rows_, n, taps, places, weights, row, x, y);
}
