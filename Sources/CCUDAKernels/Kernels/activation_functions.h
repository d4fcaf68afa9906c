// What several rows of activation_rows.h need, of elements NN_REAL, as functions NN_NAME(…_). Included once for each type, by
// the kernels of the host and those of a card.

// Neither branch overflows.
NN_FUNCTION NN_REAL NN_NAME(sigmoid_)(NN_REAL x) {
  NN_REAL e = NN_EXP_REAL(-fabs(x));
  return (x >= 0 ? 1 : e) / (1 + e);
}

// tanh(log(1 + exp(x))) without the logarithm.
NN_FUNCTION NN_REAL NN_NAME(tanh_softplus_)(NN_REAL x) {
  if (x > 20) return 1;
  NN_REAL e = NN_EXP_REAL(x), n = e * (e + 2);
  return n / (n + 2);
}

NN_FUNCTION NN_REAL NN_NAME(silu_slope_)(NN_REAL x) {
  NN_REAL s = NN_NAME(sigmoid_)(x);
  return s * (1 + x * (1 - s));
}

NN_FUNCTION NN_REAL NN_NAME(mish_slope_)(NN_REAL x) {
  NN_REAL t = NN_NAME(tanh_softplus_)(x);
  return t + x * (1 - t * t) * NN_NAME(sigmoid_)(x);
}

NN_FUNCTION NN_REAL NN_NAME(gelu_tanh_)(NN_REAL x) { return tanh(NN_GELU_K * (x + NN_GELU_C * x * x * x)); }

NN_FUNCTION NN_REAL NN_NAME(gelu_tanh_slope_)(NN_REAL x) {
  NN_REAL t = NN_NAME(gelu_tanh_)(x);
  return (1 + t) / 2 + x * (1 - t * t) * (NN_GELU_K / 2) * (1 + 3 * NN_GELU_C * x * x);
}
