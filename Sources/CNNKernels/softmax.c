#include "nn_softmax.h"

#include <tgmath.h>

#include "vector_math.h"

#define NN_IMPL "softmax_impl.h"
#include "real_paths.h"

void nn_softmax(int path, int dtype, int logarithm, struct nn_lines lines, const void *x, void *y) {
  NN_CALL_REAL(dtype, path, softmax_, logarithm, lines, x, y);
}

void nn_softmax_backward(int path, int dtype, int logarithm, struct nn_lines lines, const void *g, const void *y,
                         void *d) {
  NN_CALL_REAL(dtype, path, softmax_backward_, logarithm, lines, g, y, d);
}
