// Activation functions with up to three parameters a, b, c, for elements NN_REAL: the name, the value at x, and the
// gradient of x from that of the value, g. A row is all that a function needs here; its name and the order of its
// parameters are those of `Activation` in Swift. What several rows need is in activation_functions.h. Included by the kernels of
// the host and those of a card.

// sqrt(1/2), 1/sqrt(2 pi), sqrt(2/pi), and the cubic coefficient of the approximation of GELU.
#define NN_SQRT_HALF ((NN_REAL)0.70710678118654752440)
#define NN_PHI_0 ((NN_REAL)0.39894228040143267794)
#define NN_GELU_K ((NN_REAL)0.79788456080286535588)
#define NN_GELU_C ((NN_REAL)0.044715)

#define NN_ACTIVATIONS(ROW)                                                                                          \
  ROW(relu, x <= 0 ? 0 : x, x <= 0 ? 0 : g)                                                                          \
  ROW(elu, x > 0 ? b * x : a * expm1(c * x), g * (x > 0 ? b : a * c * NN_EXP_REAL(c * x)))                           \
  ROW(silu, x / (1 + NN_EXP_REAL(-x)), g * NN_NAME(silu_slope_)(x))                                                  \
  ROW(mish, x * NN_NAME(tanh_softplus_)(x), g * NN_NAME(mish_slope_)(x))                                             \
  ROW(softplus, a * x > b ? x : log1p(NN_EXP_REAL(a * x)) / a, a * x > b ? g : g * NN_NAME(sigmoid_)(a * x))         \
  ROW(softsign, x / (1 + fabs(x)), g / ((1 + fabs(x)) * (1 + fabs(x))))                                              \
  ROW(logSigmoid, (x > 0 ? 0 : x) - log1p(NN_EXP_REAL(-fabs(x))), g * NN_NAME(sigmoid_)(-x))                         \
  ROW(hardswish, x * (x < -3 ? 0 : x > 3 ? 6 : x + 3) / 6, x <= -3 ? 0 : x < 3 ? g * (x / 3 + (NN_REAL)0.5) : g)     \
  ROW(hardsigmoid, (x < -3 ? 0 : x > 3 ? 6 : x + 3) / 6, x > -3 && x < 3 ? g / 6 : 0)                                \
  ROW(hardtanh, x < a ? a : x > b ? b : x, x <= a || x >= b ? 0 : g)                                                 \
  ROW(tanhshrink, x - tanh(x), g * tanh(x) * tanh(x))                                                                \
  ROW(softshrink, x > a ? x - a : x < -a ? x + a : x * 0, x >= -a && x <= a ? 0 : g)                                 \
  ROW(hardshrink, x >= -a && x <= a ? 0 : x, x >= -a && x <= a ? 0 : g)                                              \
  ROW(gelu, x / 2 * NN_ONE_PLUS_ERF_REAL(x * NN_SQRT_HALF),                                                          \
      g * (NN_ONE_PLUS_ERF_REAL(x * NN_SQRT_HALF) / 2 + x * NN_PHI_0 * NN_EXP_REAL(-x * x / 2)))                     \
  ROW(geluTanh, x / 2 * (1 + NN_NAME(gelu_tanh_)(x)), g * NN_NAME(gelu_tanh_slope_)(x))                              \
  ROW(leakyRelu, x > 0 ? x : x * a, x > 0 ? g : g * a)                                                               \
  ROW(threshold, x <= a ? b : x, x <= a ? 0 : g)
