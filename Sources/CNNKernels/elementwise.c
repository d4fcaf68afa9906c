#include "nn_elementwise.h"

#include <math.h>
#include <string.h>

#include "dispatch.h"
#include "nn_dispatch.h"

static double nn_floor_div(double a, double b) {
  if (b == 0) return a / b;
  double mod = fmod(a, b), div = (a - mod) / b;
  if (mod != 0 && (b < 0) != (mod < 0)) div -= 1;
  if (div == 0) return copysign(0, a / b);
  double whole = floor(div);
  return div - whole > 0.5 ? whole + 1 : whole;
}

static float nn_floor_divf(float a, float b) {
  if (b == 0) return a / b;
  float mod = fmodf(a, b), div = (a - mod) / b;
  if (mod != 0 && (b < 0) != (mod < 0)) div -= 1;
  if (div == 0) return copysignf(0, a / b);
  float whole = floorf(div);
  return div - whole > 0.5f ? whole + 1 : whole;
}

static double nn_remainder(double a, double b) {
  double mod = fmod(a, b);
  return mod != 0 && (b < 0) != (mod < 0) ? mod + b : mod;
}

static float nn_remainderf(float a, float b) {
  float mod = fmodf(a, b);
  return mod != 0 && (b < 0) != (mod < 0) ? mod + b : mod;
}

static int64_t nn_int_pow(int64_t base, int64_t exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  uint64_t result = 1, factor = (uint64_t)base;
  for (; exponent; exponent >>= 1, factor *= factor)
    if (exponent & 1) result *= factor;
  return (int64_t)result;
}

// Winitzki's starting value, then Halley steps; erfc keeps the digits in the tails.
static double nn_erfinv(double x) {
  if (!(x > -1 && x < 1)) return x == 1 ? INFINITY : x == -1 ? -INFINITY : NAN;
  double a = 0.147, ln = log1p(-x * x), t = 2 / (M_PI * a) + ln / 2;
  double size = fabs(x), y = sqrt(sqrt(t * t - ln / a) - t);
  for (int i = 0; i < 4; i++) {
    double error = y > 0.5 ? (1 - size) - erfc(y) : erf(y) - size;
    double step = error / (2 / sqrt(M_PI) * exp(-y * y));
    double change = step / (1 + y * step);
    y -= change;
    // A step triples the number of right digits: what is left is below 1e-18 of y.
    if (fabs(change) <= 1e-6 * y) break;
  }
  return copysign(y, x);
}

#define NN_SUFFIX portable
#include "elementwise_impl.h"
#undef NN_SUFFIX

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define NN_SUFFIX avx2
#include "elementwise_impl.h"
#undef NN_SUFFIX
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"))), \
                             apply_to = function)
#define NN_SUFFIX avx512
#include "elementwise_impl.h"
#undef NN_SUFFIX
#pragma clang attribute pop

#define NN_CALL(f, ...)                                   \
  switch (nn_kernel_path()) {                             \
    case NN_AVX512: f##avx512(__VA_ARGS__); break;        \
    case NN_AVX2: f##avx2(__VA_ARGS__); break;            \
    default: f##portable(__VA_ARGS__); break;             \
  }
#else
#define NN_CALL(f, ...) f##portable(__VA_ARGS__)
#endif

void nn_unary(int op, int dtype, int64_t n, const void *x, int64_t sx, void *y) {
  NN_CALL(unary_, op, dtype, n, x, sx, y);
}

void nn_binary(int op, int dtype, int64_t n, const void *a, int64_t sa, const void *b, int64_t sb, void *y) {
  NN_CALL(binary_, op, dtype, n, a, sa, b, sb, y);
}

void nn_compare(int op, int dtype, int64_t n, const void *a, int64_t sa, const void *b, int64_t sb, uint8_t *y) {
  NN_CALL(compare_, op, dtype, n, a, sa, b, sb, y);
}

void nn_reduce(int op, int dtype, int64_t rows, int64_t rs, int64_t cols, int64_t cs, const void *x, void *acc) {
  NN_CALL(reduce_, op, dtype, rows, rs, cols, cs, x, acc);
}

#define NN_WHERE(T)                                                                    \
  {                                                                                    \
    const T *x = a, *z = b;                                                            \
    T *out = y;                                                                        \
    if (sc == 1 && sa == 1 && sb == 1)                                                 \
      for (int64_t i = 0; i < n; i++) out[i] = c[i] ? x[i] : z[i];                     \
    else                                                                               \
      for (int64_t i = 0; i < n; i++) out[i] = c[i * sc] ? x[i * sa] : z[i * sb];      \
    break;                                                                             \
  }

void nn_where(int size, int64_t n, const uint8_t *c, int64_t sc, const void *a, int64_t sa, const void *b,
              int64_t sb, void *y) {
  switch (size) {
    case 1: NN_WHERE(uint8_t)
    case 2: NN_WHERE(uint16_t)
    case 4: NN_WHERE(uint32_t)
    case 8: NN_WHERE(uint64_t)
  }
}

#define NN_COPY(T)                                                    \
  {                                                                   \
    const T *in = x;                                                  \
    T *out = y;                                                       \
    for (int64_t i = 0; i < n; i++) out[i * sy] = in[i * sx];         \
    break;                                                            \
  }

void nn_copy(int size, int64_t n, const void *x, int64_t sx, void *y, int64_t sy) {
  if (sx == 1 && sy == 1) {
    memcpy(y, x, (size_t)(n * size));
    return;
  }
  switch (size) {
    case 1: NN_COPY(uint8_t)
    case 2: NN_COPY(uint16_t)
    case 4: NN_COPY(uint32_t)
    case 8: NN_COPY(uint64_t)
  }
}

#define NN_TRANSPOSE(T)                                                   \
  {                                                                       \
    const T *in = x;                                                      \
    T *out = y;                                                           \
    for (int64_t j0 = from; j0 < n; j0 += 8) {                            \
      int64_t j1 = j0 + 8 < n ? j0 + 8 : n;                               \
      for (int64_t i = 0; i < m; i++)                                     \
        for (int64_t j = j0; j < j1; j++) out[i * sy + j] = in[j * sx + i]; \
    }                                                                     \
    break;                                                                \
  }

/// Squares of 4 by 4 elements are turned in registers. Returns how many columns j are done.
static int64_t transpose_u32(int64_t m, int64_t n, const uint32_t *x, int64_t sx, uint32_t *y, int64_t sy) {
  typedef uint32_t quad __attribute__((vector_size(16)));
  typedef uint32_t loose __attribute__((vector_size(16), aligned(4), may_alias));
  if (n == 2 && sy == 2) {  // a constant distance, so that the compiler interleaves vectors
    for (int64_t i = 0; i < m; i++) {
      y[2 * i] = x[i];
      y[2 * i + 1] = x[sx + i];
    }
    return n;
  }
  int64_t j = 0;
  for (; j + 4 <= n; j += 4) {
    const uint32_t *p = x + j * sx;
    int64_t i = 0;
    for (; i + 4 <= m; i += 4) {
      quad a = *(const loose *)(p + i), b = *(const loose *)(p + sx + i);
      quad c = *(const loose *)(p + 2 * sx + i), d = *(const loose *)(p + 3 * sx + i);
      quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
      uint32_t *o = y + i * sy + j;
      *(loose *)o = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
      *(loose *)(o + sy) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
      ab = __builtin_shufflevector(a, b, 2, 6, 3, 7), cd = __builtin_shufflevector(c, d, 2, 6, 3, 7);
      *(loose *)(o + 2 * sy) = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
      *(loose *)(o + 3 * sy) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    }
    for (; i < m; i++)
      for (int64_t s = 0; s < 4; s++) y[i * sy + j + s] = p[s * sx + i];
  }
  return j;
}

void nn_transpose(int size, int64_t m, int64_t n, const void *x, int64_t sx, void *y, int64_t sy) {
  int64_t from = size == 4 ? transpose_u32(m, n, x, sx, y, sy) : 0;
  switch (size) {
    case 1: NN_TRANSPOSE(uint8_t)
    case 2: NN_TRANSPOSE(uint16_t)
    case 4: NN_TRANSPOSE(uint32_t)
    case 8: NN_TRANSPOSE(uint64_t)
  }
}

#define NN_CAST_TO(T, U)                                              \
  {                                                                   \
    const T *in = x;                                                  \
    U *out = y;                                                       \
    for (int64_t i = 0; i < n; i++) out[i] = (U)in[i * sx];           \
    return;                                                           \
  }
#define NN_CAST_BOOL(T)                                               \
  {                                                                   \
    const T *in = x;                                                  \
    uint8_t *out = y;                                                 \
    for (int64_t i = 0; i < n; i++) out[i] = in[i * sx] != 0;         \
    return;                                                           \
  }
/// The nearest bfloat16, the even one of two that are equally near; NaN stays NaN.
static inline uint16_t bf16_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, nan = bits >> 16 | 0x40;
  return (uint16_t)(x == x ? rounded : nan);
}
static inline float bf16_value(uint16_t x) {
  uint32_t bits = (uint32_t)x << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
#define NN_CAST_TO_BF16(T)                                                     \
  {                                                                            \
    const T *in = x;                                                           \
    uint16_t *out = y;                                                         \
    for (int64_t i = 0; i < n; i++) out[i] = bf16_of((float)in[i * sx]);       \
    return;                                                                    \
  }
// Out-of-range float to uint8 goes through int64, as PyTorch does on x86.
#define NN_CAST_FROM(T)                                               \
  switch (to) {                                                       \
    case NN_BOOL: NN_CAST_BOOL(T)                                     \
    case NN_U8: {                                                     \
      const T *in = x;                                                \
      uint8_t *out = y;                                               \
      for (int64_t i = 0; i < n; i++) out[i] = (uint8_t)(int64_t)in[i * sx]; \
      return;                                                         \
    }                                                                 \
    case NN_I32: NN_CAST_TO(T, int32_t)                               \
    case NN_I64: NN_CAST_TO(T, int64_t)                               \
    case NN_BF16: NN_CAST_TO_BF16(T)                                  \
    case NN_F32: NN_CAST_TO(T, float)                                 \
    case NN_F64: NN_CAST_TO(T, double)                                \
  }                                                                   \
  return;

/// From bfloat16: directly to float, to other types through that.
static void cast_bf16(int to, int64_t n, const uint16_t *x, int64_t sx, void *y) {
  if (to == NN_BF16) {
    nn_copy(2, n, x, sx, y, 1);
  } else if (to == NN_F32) {
    float *out = y;
    for (int64_t i = 0; i < n; i++) out[i] = bf16_value(x[i * sx]);
  } else {
    float values[256];
    for (int64_t i = 0; i < n; i += 256) {
      int64_t count = n - i < 256 ? n - i : 256;
      for (int64_t j = 0; j < count; j++) values[j] = bf16_value(x[(i + j) * sx]);
      nn_cast(NN_F32, to, count, values, 1, (char *)y + i * (to == NN_BOOL || to == NN_U8 ? 1 : to == NN_I32 ? 4 : 8));
    }
  }
}

void nn_cast(int from, int to, int64_t n, const void *x, int64_t sx, void *y) {
  switch (from) {
    case NN_BF16: cast_bf16(to, n, x, sx, y); return;
    case NN_BOOL:
    case NN_U8: NN_CAST_FROM(uint8_t)
    case NN_I32: NN_CAST_FROM(int32_t)
    case NN_I64: NN_CAST_FROM(int64_t)
    case NN_F32: NN_CAST_FROM(float)
    case NN_F64: NN_CAST_FROM(double)
  }
}

#define NN_ARG(T)                                                         \
  {                                                                       \
    const T *v = x;                                                       \
    for (int64_t i = 0; i < n; i++) {                                     \
      T a = v[i * sx], b = v[best * sx];                                  \
      if (b != b) break;                                                  \
      if (a != a || (min ? a < b : a > b)) best = i;                      \
    }                                                                     \
    break;                                                                \
  }

int64_t nn_arg_reduce(int min, int dtype, int64_t n, const void *x, int64_t sx) {
  int64_t best = 0;
  switch (dtype) {
    case NN_BOOL:
    case NN_U8: NN_ARG(uint8_t)
    case NN_I32: NN_ARG(int32_t)
    case NN_I64: NN_ARG(int64_t)
    case NN_F32: NN_ARG(float)
    case NN_F64: NN_ARG(double)
  }
  return best;
}
