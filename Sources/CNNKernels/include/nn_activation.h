#ifndef NN_ACTIVATION_H
#define NN_ACTIVATION_H
#include <stdint.h>

#include "nn_types.h"

// `path` is the instruction set (enum nn_kernel_path); elements are NN_F32 or NN_F64.

// Activation functions with up to three parameters a, b, c (activation_rows.h). Inputs have a stride in elements.

/// Number of the function of a name, -1 if there is none.
int nn_activation_number(const char *name);
/// y = f(x).
void nn_activate(int path, int op, int dtype, int64_t n, const void *x, int64_t sx, void *y, double a, double b,
                 double c);
/// y = g · f'(x).
void nn_activate_backward(int path, int op, int dtype, int64_t n, const void *g, int64_t sg, const void *x,
                          int64_t sx, void *y, double a, double b, double c);

#endif
