#ifndef NN_INDEXING_H
#define NN_INDEXING_H
#include <stdint.h>

#include "nn_types.h"

// Kernels over one line of a tensor; strides in elements. An index below 0 counts from `limit`.

/// y[i] = x[index[i]] for elements of `size` bytes (1, 4 or 8). Returns the first i whose index is out of range, or
/// n; what lies behind it is not written.
int64_t nn_gather_line(int size, int64_t n, const int64_t *index, int64_t si, int64_t limit, const void *x,
                       int64_t sx, void *y, int64_t sy);
/// y[index[i]] = x[i], in this order; otherwise as `nn_gather_line`.
int64_t nn_scatter_line(int size, int64_t n, const int64_t *index, int64_t si, int64_t limit, const void *x,
                        int64_t sx, void *y, int64_t sy);
/// y[index[i]] += x[i], in this order; bool stays bool.
int64_t nn_scatter_add_line(int dtype, int64_t n, const int64_t *index, int64_t si, int64_t limit, const void *x,
                            int64_t sx, void *y, int64_t sy);
/// y[r][k][g] = x[r][g][k] for `rows` rows of `groups` times `size` elements of `bytes` bytes (1, 4 or 8).
void nn_deal(int bytes, int64_t rows, int64_t groups, int64_t size, const void *x, void *y);
/// y[i] = x[0] + … + x[i], or their product; float32 accumulates in double.
void nn_scan_line(int dtype, int product, int64_t n, const void *x, int64_t sx, void *y, int64_t sy);

#endif
