#ifndef NN_SOFTMAX_H
#define NN_SOFTMAX_H
#include <stdint.h>

#include "nn_types.h"

/// Lines of n elements that lie `step` apart: `rows` groups, `row` apart, of `width` lines side by side in memory
/// (element k of line j of row r is at r * row + k * step + j).
struct nn_lines {
  int64_t n, step, width, rows, row;
};

/// y = softmax of every line of x, or its logarithm; NN_F32 and NN_F64. Sums run in double.
void nn_softmax(int dtype, int logarithm, struct nn_lines lines, const void *x, void *y);
/// d = gradient of the lines of x, from the gradient g of the result y.
void nn_softmax_backward(int dtype, int logarithm, struct nn_lines lines, const void *g, const void *y, void *d);

#endif
