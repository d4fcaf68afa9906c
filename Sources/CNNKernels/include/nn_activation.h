#ifndef NN_ACTIVATION_H
#define NN_ACTIVATION_H
#include <stdint.h>

#include "nn_types.h"

// `path` is the instruction set (enum nn_kernel_path); elements are NN_F32 or NN_F64.

// Activation functions with up to three parameters a, b, c. Inputs have a stride in elements.

enum nn_activation {
  NN_ELU,        // x > 0 ? b x : a (exp(c x) - 1)
  NN_SILU,       // x sigmoid(x)
  NN_MISH,       // x tanh(log(1 + exp(x)))
  NN_SOFTPLUS_BETA, // a x > b ? x : log(1 + exp(a x)) / a
  NN_SOFTSIGN,   // x / (1 + |x|)
  NN_LOGSIGMOID, // log(sigmoid(x))
  NN_HARDSWISH,  // x min(max(x + 3, 0), 6) / 6
  NN_HARDSIGMOID, // min(max(x + 3, 0), 6) / 6
  NN_HARDTANH,   // min(max(x, a), b)
  NN_TANHSHRINK, // x - tanh(x)
  NN_SOFTSHRINK, // towards 0 by a, 0 within [-a, a]
  NN_HARDSHRINK, // 0 within [-a, a]
  NN_GELU,       // x Φ(x)
  NN_GELU_TANH,  // the approximation of x Φ(x) with tanh
  NN_LEAKY_RELU, // x > 0 ? x : a x
  NN_THRESHOLD   // x > a ? x : b
};

/// y = f(x).
void nn_activate(int path, int op, int dtype, int64_t n, const void *x, int64_t sx, void *y, double a, double b,
                 double c);
/// y = g · f'(x).
void nn_activate_backward(int path, int op, int dtype, int64_t n, const void *g, int64_t sg, const void *x,
                          int64_t sx, void *y, double a, double b, double c);

#endif
