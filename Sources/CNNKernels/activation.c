#include "nn_activation.h"

#include <string.h>
#include <tgmath.h>

#include "../CCUDAKernels/Kernels/activation_rows.h"
#include "vector_math.h"

#define NN_ROW(NAME, VALUE, SLOPE) NN_ACTIVATION_##NAME,
enum { NN_ACTIVATIONS(NN_ROW) };
#undef NN_ROW

#define NN_FUNCTION static inline

#define NN_IMPL "activation_impl.h"
#include "real_paths.h"

int nn_activation_number(const char *name) {
#define NN_ROW(NAME, VALUE, SLOPE) #NAME,
  static const char *const names[] = {NN_ACTIVATIONS(NN_ROW)};
#undef NN_ROW
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(names[i], name) == 0) return (int)i;
  return -1;
}

void nn_activate(int path, int op, int dtype, int64_t n, const void *x, int64_t sx, void *y, double a, double b,
                 double c) {
  NN_CALL_REAL(dtype, path, activate_, op, n, x, sx, y, a, b, c);
}

void nn_activate_backward(int path, int op, int dtype, int64_t n, const void *g, int64_t sg, const void *x,
                          int64_t sx, void *y, double a, double b, double c) {
  NN_CALL_REAL(dtype, path, activate_backward_, op, n, g, sg, x, sx, y, a, b, c);
}
