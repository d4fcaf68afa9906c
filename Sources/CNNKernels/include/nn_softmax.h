#ifndef NN_SOFTMAX_H
#define NN_SOFTMAX_H
#include <stdint.h>

#include "nn_types.h"

// `path` is the instruction set (enum nn_kernel_path); elements are NN_F32 or NN_F64.

/// Lines of n elements that lie `step` apart: `rows` groups, `row` apart, of `width` lines side by side in memory
/// (element k of line j of row r is at r * row + k * step + j).
struct nn_lines {
  int64_t n, step, width, rows, row;
};

/// y = softmax of every line of x, or its logarithm. Sums run in double.
void nn_softmax(int path, int dtype, int logarithm, struct nn_lines lines, const void *x, void *y);
/// d = gradient of the lines of x, from the gradient g of the result y.
void nn_softmax_backward(int path, int dtype, int logarithm, struct nn_lines lines, const void *g, const void *y,
                         void *d);

#endif
