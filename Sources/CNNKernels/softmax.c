#include "nn_softmax.h"

#include <tgmath.h>

#include "dispatch.h"

#define NN_IMPL "softmax_impl.h"
#include "all_paths.h"

void nn_softmax(int dtype, int logarithm, struct nn_lines lines, const void *x, void *y) {
  NN_CALL(dtype, softmax, logarithm, lines, x, y);
}

void nn_softmax_backward(int dtype, int logarithm, struct nn_lines lines, const void *g, const void *y, void *d) {
  NN_CALL(dtype, softmax_backward, logarithm, lines, g, y, d);
}
