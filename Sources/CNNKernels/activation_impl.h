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
#define NN_EACH(...)                                                                      \
  {                                                                                        \
    if (sx == 1)                                                                           \
      for (int64_t i = 0; i < n; i++) { NN_REAL x = in[i]; out[i] = (__VA_ARGS__); }                 \
    else                                                                                   \
      for (int64_t i = 0; i < n; i++) { NN_REAL x = in[i * sx]; out[i] = (__VA_ARGS__); }            \
    return;                                                                                \
  }

static void NN_NAME(activate_)(int op, int64_t n, const void *px, int64_t sx, void *py, double pa, double pb,
                              double pc) {
  const NN_REAL *in = px;
  NN_REAL *out = py, a = (NN_REAL)pa, b = (NN_REAL)pb, c = (NN_REAL)pc;
#define NN_ROW(NAME, VALUE, SLOPE) case NN_ACTIVATION_##NAME: NN_EACH(VALUE)
  switch (op) { NN_ACTIVATIONS(NN_ROW) }
#undef NN_ROW
}
#undef NN_EACH

#define NN_EACH(...)                                                                             \
  {                                                                                               \
    if (sx == 1 && sg == 1)                                                                       \
      for (int64_t i = 0; i < n; i++) { NN_REAL x = in[i], g = slope[i]; out[i] = (__VA_ARGS__); }          \
    else                                                                                          \
      for (int64_t i = 0; i < n; i++) { NN_REAL x = in[i * sx], g = slope[i * sg]; out[i] = (__VA_ARGS__); } \
    return;                                                                                       \
  }

static void NN_NAME(activate_backward_)(int op, int64_t n, const void *pg, int64_t sg, const void *px, int64_t sx,
                                       void *py, double pa, double pb, double pc) {
  const NN_REAL *in = px, *slope = pg;
  NN_REAL *out = py, a = (NN_REAL)pa, b = (NN_REAL)pb, c = (NN_REAL)pc;
#define NN_ROW(NAME, VALUE, SLOPE) case NN_ACTIVATION_##NAME: NN_EACH(SLOPE)
  switch (op) { NN_ACTIVATIONS(NN_ROW) }
#undef NN_ROW
}
#undef NN_EACH
