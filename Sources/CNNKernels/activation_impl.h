// Included by activation.c through real_paths.h.

// Neither branch overflows.
static inline NN_REAL NN_NAME(sigmoid_)(NN_REAL x) {
  NN_REAL e = NN_EXP_REAL(-fabs(x));
  return (x >= 0 ? 1 : e) / (1 + e);
}

// tanh(log(1 + NN_EXP_REAL(x))) without the logarithm.
static inline NN_REAL NN_NAME(tanh_softplus_)(NN_REAL x) {
  if (x > 20) return 1;
  NN_REAL e = NN_EXP_REAL(x), n = e * (e + 2);
  return n / (n + 2);
}

static inline NN_REAL NN_NAME(silu_slope_)(NN_REAL x) {
  NN_REAL s = NN_NAME(sigmoid_)(x);
  return s * (1 + x * (1 - s));
}

static inline NN_REAL NN_NAME(mish_slope_)(NN_REAL x) {
  NN_REAL t = NN_NAME(tanh_softplus_)(x);
  return t + x * (1 - t * t) * NN_NAME(sigmoid_)(x);
}

static inline NN_REAL NN_NAME(gelu_tanh_)(NN_REAL x) { return tanh(NN_GELU_K * (x + NN_GELU_C * x * x * x)); }

static inline NN_REAL NN_NAME(gelu_tanh_slope_)(NN_REAL x) {
  NN_REAL t = NN_NAME(gelu_tanh_)(x);
  return (1 + t) / 2 + x * (1 - t * t) * (NN_GELU_K / 2) * (1 + 3 * NN_GELU_C * x * x);
}

// A contiguous form apart, so that it vectorises where the function allows.
#define NN_EACH(EXPR)                                                                      \
  {                                                                                        \
    if (sx == 1)                                                                           \
      for (int64_t i = 0; i < n; i++) { NN_REAL x = in[i]; out[i] = (EXPR); }                 \
    else                                                                                   \
      for (int64_t i = 0; i < n; i++) { NN_REAL x = in[i * sx]; out[i] = (EXPR); }            \
    return;                                                                                \
  }

static void NN_NAME(activate_)(int op, int64_t n, const void *px, int64_t sx, void *py, double pa, double pb,
                              double pc) {
  const NN_REAL *in = px;
  NN_REAL *out = py, a = (NN_REAL)pa, b = (NN_REAL)pb, c = (NN_REAL)pc;
  switch (op) {
    case NN_ELU: NN_EACH(x > 0 ? b * x : a * expm1(c * x))
    case NN_SILU: NN_EACH(x / (1 + NN_EXP_REAL(-x)))
    case NN_MISH: NN_EACH(x * NN_NAME(tanh_softplus_)(x))
    case NN_SOFTPLUS_BETA: NN_EACH(a * x > b ? x : log1p(NN_EXP_REAL(a * x)) / a)
    case NN_SOFTSIGN: NN_EACH(x / (1 + fabs(x)))
    case NN_LOGSIGMOID: NN_EACH((x > 0 ? 0 : x) - log1p(NN_EXP_REAL(-fabs(x))))
    case NN_HARDSWISH: NN_EACH(x * (x < -3 ? 0 : x > 3 ? 6 : x + 3) / 6)
    case NN_HARDSIGMOID: NN_EACH((x < -3 ? 0 : x > 3 ? 6 : x + 3) / 6)
    case NN_HARDTANH: NN_EACH(x < a ? a : x > b ? b : x)
    case NN_TANHSHRINK: NN_EACH(x - tanh(x))
    case NN_SOFTSHRINK: NN_EACH(x > a ? x - a : x < -a ? x + a : x * 0)
    case NN_HARDSHRINK: NN_EACH(x >= -a && x <= a ? 0 : x)
    case NN_GELU: NN_EACH(x / 2 * NN_ONE_PLUS_ERF_REAL(x * NN_SQRT_HALF))
    case NN_GELU_TANH: NN_EACH(x / 2 * (1 + NN_NAME(gelu_tanh_)(x)))
    case NN_LEAKY_RELU: NN_EACH(x > 0 ? x : x * a)
    case NN_THRESHOLD: NN_EACH(x <= a ? b : x)
  }
}
#undef NN_EACH

#define NN_EACH(EXPR)                                                                             \
  {                                                                                               \
    if (sx == 1 && sg == 1)                                                                       \
      for (int64_t i = 0; i < n; i++) { NN_REAL x = in[i], g = slope[i]; out[i] = (EXPR); }          \
    else                                                                                          \
      for (int64_t i = 0; i < n; i++) { NN_REAL x = in[i * sx], g = slope[i * sg]; out[i] = (EXPR); } \
    return;                                                                                       \
  }

static void NN_NAME(activate_backward_)(int op, int64_t n, const void *pg, int64_t sg, const void *px, int64_t sx,
                                       void *py, double pa, double pb, double pc) {
  const NN_REAL *in = px, *slope = pg;
  NN_REAL *out = py, a = (NN_REAL)pa, b = (NN_REAL)pb, c = (NN_REAL)pc;
  switch (op) {
    case NN_ELU: NN_EACH(g * (x > 0 ? b : a * c * NN_EXP_REAL(c * x)))
    case NN_SILU: NN_EACH(g * NN_NAME(silu_slope_)(x))
    case NN_MISH: NN_EACH(g * NN_NAME(mish_slope_)(x))
    case NN_SOFTPLUS_BETA: NN_EACH(a * x > b ? g : g * NN_NAME(sigmoid_)(a * x))
    case NN_SOFTSIGN: NN_EACH(g / ((1 + fabs(x)) * (1 + fabs(x))))
    case NN_LOGSIGMOID: NN_EACH(g * NN_NAME(sigmoid_)(-x))
    case NN_HARDSWISH: NN_EACH(x <= -3 ? 0 : x < 3 ? g * (x / 3 + (NN_REAL)0.5) : g)
    case NN_HARDSIGMOID: NN_EACH(x > -3 && x < 3 ? g / 6 : 0)
    case NN_HARDTANH: NN_EACH(x <= a || x >= b ? 0 : g)
    case NN_TANHSHRINK: NN_EACH(g * tanh(x) * tanh(x))
    case NN_SOFTSHRINK:
    case NN_HARDSHRINK: NN_EACH(x >= -a && x <= a ? 0 : g)
    case NN_GELU: NN_EACH(g * (NN_ONE_PLUS_ERF_REAL(x * NN_SQRT_HALF) / 2 + x * NN_PHI_0 * NN_EXP_REAL(-x * x / 2)))
    case NN_GELU_TANH: NN_EACH(g * NN_NAME(gelu_tanh_slope_)(x))
    case NN_LEAKY_RELU: NN_EACH(x > 0 ? g : g * a)
    case NN_THRESHOLD: NN_EACH(x <= a ? 0 : g)
  }
}
#undef NN_EACH
