// Included by activation.c through real_paths.h.

#include "../CCUDAKernels/Kernels/activation_functions.h"

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
