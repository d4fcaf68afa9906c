// Included by elementwise.c once per instruction set; NN_SUFFIX names the copy.
#include <math.h>
#include <string.h>

// A contiguous, a scalar-broadcast and a general form, so that the first ones vectorise.
#define NN_LOOP1(T, U, EXPR)                                          \
  {                                                                   \
    const T *x = px;                                                  \
    U *y = py;                                                        \
    if (sx == 1)                                                      \
      for (int64_t i = 0; i < n; i++) { T v = x[i]; y[i] = (U)(EXPR); } \
    else                                                              \
      for (int64_t i = 0; i < n; i++) { T v = x[i * sx]; y[i] = (U)(EXPR); } \
    return;                                                           \
  }

#define NN_LOOP2(T, U, EXPR)                                                                       \
  {                                                                                                \
    const T *x = pa, *z = pb;                                                                      \
    U *y = py;                                                                                     \
    if (sa == 1 && sb == 1)                                                                        \
      for (int64_t i = 0; i < n; i++) { T a = x[i], b = z[i]; y[i] = (U)(EXPR); }                  \
    else if (sa == 1 && sb == 0) {                                                                 \
      T b = z[0];                                                                                  \
      for (int64_t i = 0; i < n; i++) { T a = x[i]; y[i] = (U)(EXPR); }                            \
    } else if (sa == 0 && sb == 1) {                                                               \
      T a = x[0];                                                                                  \
      for (int64_t i = 0; i < n; i++) { T b = z[i]; y[i] = (U)(EXPR); }                            \
    } else                                                                                         \
      for (int64_t i = 0; i < n; i++) { T a = x[i * sa], b = z[i * sb]; y[i] = (U)(EXPR); }        \
    return;                                                                                        \
  }

#define NN_UNARY_COMMON(T, ABS)                              \
  case NN_NEG: NN_LOOP1(T, T, -v)                            \
  case NN_ABS: NN_LOOP1(T, T, ABS)                           \
  case NN_SIGN: NN_LOOP1(T, T, (v > 0) - (v < 0))            \
  case NN_SQUARE: NN_LOOP1(T, T, v * v)                      \
  case NN_RELU: NN_LOOP1(T, T, v < 0 ? (T)0 : v)

#define NN_UNARY_FLOAT(NAME, T, S)                                                            \
  static void NN_NAME(NAME)(int op, int64_t n, const void *px, int64_t sx, void *py) {        \
    switch (op) {                                                                             \
      NN_UNARY_COMMON(T, fabs##S(v))                                                          \
      case NN_FLOOR: NN_LOOP1(T, T, floor##S(v))                                              \
      case NN_CEIL: NN_LOOP1(T, T, ceil##S(v))                                                \
      case NN_ROUND: NN_LOOP1(T, T, nearbyint##S(v))                                          \
      case NN_TRUNC: NN_LOOP1(T, T, trunc##S(v))                                              \
      case NN_EXP: NN_LOOP1(T, T, exp##S(v))                                                  \
      case NN_EXPM1: NN_LOOP1(T, T, expm1##S(v))                                              \
      case NN_LOG: NN_LOOP1(T, T, log##S(v))                                                  \
      case NN_LOG1P: NN_LOOP1(T, T, log1p##S(v))                                              \
      case NN_LOG2: NN_LOOP1(T, T, log2##S(v))                                                \
      case NN_LOG10: NN_LOOP1(T, T, log10##S(v))                                              \
      case NN_SQRT: NN_LOOP1(T, T, sqrt##S(v))                                                \
      case NN_RSQRT: NN_LOOP1(T, T, 1 / sqrt##S(v))                                           \
      case NN_RECIPROCAL: NN_LOOP1(T, T, 1 / v)                                               \
      case NN_SIN: NN_LOOP1(T, T, sin##S(v))                                                  \
      case NN_COS: NN_LOOP1(T, T, cos##S(v))                                                  \
      case NN_TAN: NN_LOOP1(T, T, tan##S(v))                                                  \
      case NN_ASIN: NN_LOOP1(T, T, asin##S(v))                                                \
      case NN_ACOS: NN_LOOP1(T, T, acos##S(v))                                                \
      case NN_ATAN: NN_LOOP1(T, T, atan##S(v))                                                \
      case NN_SINH: NN_LOOP1(T, T, sinh##S(v))                                                \
      case NN_COSH: NN_LOOP1(T, T, cosh##S(v))                                                \
      case NN_TANH: NN_LOOP1(T, T, tanh##S(v))                                                \
      /* Neither branch overflows, and both keep the last bits for large |v|. */              \
      case NN_SIGMOID:                                                                        \
        NN_LOOP1(T, T, v >= 0 ? 1 / (1 + exp##S(-v)) : exp##S(v) / (1 + exp##S(v)))           \
      case NN_ERF: NN_LOOP1(T, T, erf##S(v))                                                  \
      case NN_ERFINV: NN_LOOP1(T, T, nn_erfinv((double)v))                                    \
      case NN_SOFTPLUS: NN_LOOP1(T, T, (v > 0 ? v : 0) + log1p##S(exp##S(-fabs##S(v))))       \
    }                                                                                         \
  }

NN_UNARY_FLOAT(unary_f32_, float, f)
NN_UNARY_FLOAT(unary_f64_, double, )

#define NN_UNARY_INT(NAME, T, ABS)                                                            \
  static void NN_NAME(NAME)(int op, int64_t n, const void *px, int64_t sx, void *py) {        \
    switch (op) {                                                                             \
      NN_UNARY_COMMON(T, ABS)                                                                 \
      default: NN_LOOP1(T, T, v) /* rounding leaves an integer as it is */                    \
    }                                                                                         \
  }

NN_UNARY_INT(unary_u8_, uint8_t, v)
NN_UNARY_INT(unary_i32_, int32_t, v < 0 ? -v : v)
NN_UNARY_INT(unary_i64_, int64_t, v < 0 ? -v : v)

// Python's remainder has the sign of the divisor.
#define NN_BINARY_FLOAT(NAME, T, S)                                                                    \
  static void NN_NAME(NAME)(int op, int64_t n, const void *pa, int64_t sa, const void *pb, int64_t sb, \
                            void *py) {                                                                \
    switch (op) {                                                                                      \
      case NN_ADD: NN_LOOP2(T, T, a + b)                                                               \
      case NN_SUB: NN_LOOP2(T, T, a - b)                                                               \
      case NN_MUL: NN_LOOP2(T, T, a * b)                                                               \
      case NN_DIV: NN_LOOP2(T, T, a / b)                                                               \
      case NN_FLOOR_DIV: NN_LOOP2(T, T, nn_floor_div##S(a, b))                                         \
      case NN_TRUNC_DIV: NN_LOOP2(T, T, trunc##S(a / b))                                               \
      case NN_FMOD: NN_LOOP2(T, T, fmod##S(a, b))                                                      \
      case NN_REMAINDER: NN_LOOP2(T, T, nn_remainder##S(a, b))                                         \
      case NN_MAXIMUM: NN_LOOP2(T, T, a != a ? a : (a > b || b == b ? (a > b ? a : b) : b))            \
      case NN_MINIMUM: NN_LOOP2(T, T, a != a ? a : (a < b || b == b ? (a < b ? a : b) : b))            \
      case NN_POW: NN_LOOP2(T, T, pow##S(a, b))                                                        \
      case NN_ATAN2: NN_LOOP2(T, T, atan2##S(a, b))                                                    \
    }                                                                                                  \
  }

NN_BINARY_FLOAT(binary_f32_, float, f)
NN_BINARY_FLOAT(binary_f64_, double, )

#define NN_BINARY_INT(NAME, T)                                                                         \
  static void NN_NAME(NAME)(int op, int64_t n, const void *pa, int64_t sa, const void *pb, int64_t sb, \
                            void *py) {                                                                \
    switch (op) {                                                                                      \
      case NN_ADD: NN_LOOP2(T, T, a + b)                                                               \
      case NN_SUB: NN_LOOP2(T, T, a - b)                                                               \
      case NN_MUL: NN_LOOP2(T, T, a * b)                                                               \
      case NN_DIV:                                                                                     \
      case NN_TRUNC_DIV: NN_LOOP2(T, T, b == 0 ? 0 : a / b)                                            \
      case NN_FLOOR_DIV: NN_LOOP2(T, T, b == 0 ? 0 : a / b - ((a % b != 0) && ((a < 0) != (b < 0))))   \
      case NN_FMOD: NN_LOOP2(T, T, b == 0 ? 0 : a % b)                                                 \
      case NN_REMAINDER:                                                                               \
        NN_LOOP2(T, T, b == 0 ? 0 : a % b + (((a % b != 0) && ((a < 0) != (b < 0))) ? b : 0))          \
      case NN_MAXIMUM: NN_LOOP2(T, T, a > b ? a : b)                                                   \
      case NN_MINIMUM: NN_LOOP2(T, T, a < b ? a : b)                                                   \
      case NN_POW: NN_LOOP2(T, T, nn_int_pow((int64_t)a, (int64_t)b))                                  \
    }                                                                                                  \
  }

NN_BINARY_INT(binary_u8_, uint8_t)
NN_BINARY_INT(binary_i32_, int32_t)
NN_BINARY_INT(binary_i64_, int64_t)

#define NN_COMPARE(NAME, T)                                                                             \
  static void NN_NAME(NAME)(int op, int64_t n, const void *pa, int64_t sa, const void *pb, int64_t sb,  \
                            uint8_t *py) {                                                              \
    switch (op) {                                                                                       \
      case NN_EQ: NN_LOOP2(T, uint8_t, a == b)                                                          \
      case NN_NE: NN_LOOP2(T, uint8_t, a != b)                                                          \
      case NN_LT: NN_LOOP2(T, uint8_t, a < b)                                                           \
      case NN_LE: NN_LOOP2(T, uint8_t, a <= b)                                                          \
      case NN_GT: NN_LOOP2(T, uint8_t, a > b)                                                           \
      case NN_GE: NN_LOOP2(T, uint8_t, a >= b)                                                          \
    }                                                                                                   \
  }

NN_COMPARE(compare_u8_, uint8_t)
NN_COMPARE(compare_i32_, int32_t)
NN_COMPARE(compare_i64_, int64_t)
NN_COMPARE(compare_f32_, float)
NN_COMPARE(compare_f64_, double)

// Sums of float32 run in 16 float lanes over short blocks, then in double: fast, and as good as double.
static double NN_NAME(sum_run_f32_)(int64_t n, const float *x) {
  double total = 0;
  for (int64_t i = 0; i < n;) {
    int64_t end = i + 1024 < n ? i + 1024 : n;
    float lane[16] = {0};
    for (; i + 16 <= end; i += 16)
      for (int k = 0; k < 16; k++) lane[k] += x[i + k];
    double block = 0;
    for (int k = 0; k < 16; k++) block += lane[k];
    for (; i < end; i++) block += x[i];
    total += block;
  }
  return total;
}

static void NN_NAME(sum_columns_f32_)(int64_t rows, int64_t rs, int64_t cols, const float *x, double *acc) {
  for (int64_t c0 = 0; c0 < cols; c0 += 64) {
    int64_t width = c0 + 64 < cols ? 64 : cols - c0;
    for (int64_t r0 = 0; r0 < rows; r0 += 64) {
      int64_t end = r0 + 64 < rows ? r0 + 64 : rows;
      float lane[64] = {0};
      if (width == 64)
        for (int64_t r = r0; r < end; r++)
          for (int k = 0; k < 64; k++) lane[k] += x[r * rs + c0 + k];
      else
        for (int64_t r = r0; r < end; r++)
          for (int64_t k = 0; k < width; k++) lane[k] += x[r * rs + c0 + k];
      for (int64_t k = 0; k < width; k++) acc[c0 + k] += lane[k];
    }
  }
}

#define NN_REDUCE_BODY(A, STEP)                                            \
  if (cols > 1 && cs == 1)                                                 \
    for (int64_t r = 0; r < rows; r++)                                     \
      for (int64_t c = 0; c < cols; c++) { A v = (A)x[r * rs + c]; A *q = acc + c; STEP; } \
  else                                                                     \
    for (int64_t c = 0; c < cols; c++) {                                   \
      A s = acc[c], *q = &s;                                               \
      for (int64_t r = 0; r < rows; r++) { A v = (A)x[r * rs + c * cs]; STEP; } \
      acc[c] = s;                                                          \
    }

#define NN_REDUCE(NAME, T, A)                                                                           \
  static void NN_NAME(NAME)(int op, int64_t rows, int64_t rs, int64_t cols, int64_t cs, const void *px, \
                            void *pacc) {                                                               \
    const T *x = px;                                                                                    \
    A *acc = pacc;                                                                                      \
    switch (op) {                                                                                       \
      case NN_SUM: NN_REDUCE_BODY(A, *q += v) break;                                                    \
      case NN_PROD: NN_REDUCE_BODY(A, *q *= v) break;                                                   \
      case NN_MAX: NN_REDUCE_BODY(A, if (!(v <= *q) && *q == *q) *q = v) break;                         \
      case NN_MIN: NN_REDUCE_BODY(A, if (!(v >= *q) && *q == *q) *q = v) break;                         \
    }                                                                                                   \
  }

NN_REDUCE(reduce_u8_, uint8_t, int64_t)
NN_REDUCE(reduce_i32_, int32_t, int64_t)
NN_REDUCE(reduce_i64_, int64_t, int64_t)
NN_REDUCE(reduce_f32_, float, double)
NN_REDUCE(reduce_f64_, double, double)

static void NN_NAME(unary_)(int op, int dtype, int64_t n, const void *x, int64_t sx, void *y) {
  switch (dtype) {
    case NN_BOOL:
    case NN_U8: NN_NAME(unary_u8_)(op, n, x, sx, y); break;
    case NN_I32: NN_NAME(unary_i32_)(op, n, x, sx, y); break;
    case NN_I64: NN_NAME(unary_i64_)(op, n, x, sx, y); break;
    case NN_F32: NN_NAME(unary_f32_)(op, n, x, sx, y); break;
    case NN_F64: NN_NAME(unary_f64_)(op, n, x, sx, y); break;
  }
}

static void NN_NAME(binary_)(int op, int dtype, int64_t n, const void *a, int64_t sa, const void *b, int64_t sb,
                             void *y) {
  switch (dtype) {
    case NN_BOOL:
    case NN_U8: NN_NAME(binary_u8_)(op, n, a, sa, b, sb, y); break;
    case NN_I32: NN_NAME(binary_i32_)(op, n, a, sa, b, sb, y); break;
    case NN_I64: NN_NAME(binary_i64_)(op, n, a, sa, b, sb, y); break;
    case NN_F32: NN_NAME(binary_f32_)(op, n, a, sa, b, sb, y); break;
    case NN_F64: NN_NAME(binary_f64_)(op, n, a, sa, b, sb, y); break;
  }
}

static void NN_NAME(compare_)(int op, int dtype, int64_t n, const void *a, int64_t sa, const void *b, int64_t sb,
                              uint8_t *y) {
  switch (dtype) {
    case NN_BOOL:
    case NN_U8: NN_NAME(compare_u8_)(op, n, a, sa, b, sb, y); break;
    case NN_I32: NN_NAME(compare_i32_)(op, n, a, sa, b, sb, y); break;
    case NN_I64: NN_NAME(compare_i64_)(op, n, a, sa, b, sb, y); break;
    case NN_F32: NN_NAME(compare_f32_)(op, n, a, sa, b, sb, y); break;
    case NN_F64: NN_NAME(compare_f64_)(op, n, a, sa, b, sb, y); break;
  }
}

static void NN_NAME(reduce_)(int op, int dtype, int64_t rows, int64_t rs, int64_t cols, int64_t cs, const void *x,
                             void *acc) {
  if (op == NN_SUM && dtype == NN_F32 && cols == 1 && rs == 1) {
    *(double *)acc += NN_NAME(sum_run_f32_)(rows, x);
    return;
  }
  if (op == NN_SUM && dtype == NN_F32 && cols > 1 && cs == 1) {
    NN_NAME(sum_columns_f32_)(rows, rs, cols, x, acc);
    return;
  }
  switch (dtype) {
    case NN_BOOL:
    case NN_U8: NN_NAME(reduce_u8_)(op, rows, rs, cols, cs, x, acc); break;
    case NN_I32: NN_NAME(reduce_i32_)(op, rows, rs, cols, cs, x, acc); break;
    case NN_I64: NN_NAME(reduce_i64_)(op, rows, rs, cols, cs, x, acc); break;
    case NN_F32: NN_NAME(reduce_f32_)(op, rows, rs, cols, cs, x, acc); break;
    case NN_F64: NN_NAME(reduce_f64_)(op, rows, rs, cols, cs, x, acc); break;
  }
}

#undef NN_LOOP1
#undef NN_LOOP2
#undef NN_UNARY_COMMON
#undef NN_UNARY_FLOAT
#undef NN_UNARY_INT
#undef NN_BINARY_FLOAT
#undef NN_BINARY_INT
#undef NN_COMPARE
#undef NN_REDUCE_BODY
#undef NN_REDUCE
