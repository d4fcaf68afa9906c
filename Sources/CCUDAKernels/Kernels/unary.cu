#include "elements.h"
#include "mathematics.h"

// y = f(x). The operations that need few registers have kernels of their own.

#define NN_CASE(op, value)                          \
  case op:                                          \
    for (int k = 0; k < nn_each; k++) {             \
      T v = x.at[k];                                \
      x.at[k] = (T)(value);                         \
    }                                               \
    break;

template <class T>
struct nn_simple_unary {
  static NN_MEMBER void apply(int op, nn_pack<T, nn_each> &x) {
    switch (op) {
      NN_CASE(NN_CUDA_NEG, -v)
      NN_CASE(NN_CUDA_ABS, v < 0 ? -v : v)
      NN_CASE(NN_CUDA_SIGN, (v > 0) - (v < 0))
      NN_CASE(NN_CUDA_SQUARE, v * v)
      NN_CASE(NN_CUDA_RELU, v < 0 ? (T)0 : v)
    }
  }
};

#define NN_SIMPLE_FLOAT(type)                                                                  \
  template <>                                                                                  \
  NN_MEMBER void nn_simple_unary<type>::apply(int op, nn_pack<type, nn_each> &x) {            \
    typedef type T;                                                                            \
    switch (op) {                                                                              \
      NN_CASE(NN_CUDA_NEG, -v)                                                                 \
      NN_CASE(NN_CUDA_ABS, nn_fabs(v))                                                         \
      NN_CASE(NN_CUDA_SIGN, (v > 0) - (v < 0))                                                 \
      NN_CASE(NN_CUDA_SQUARE, v * v)                                                           \
      NN_CASE(NN_CUDA_RELU, v < 0 ? (T)0 : v)                                                  \
      NN_CASE(NN_CUDA_FLOOR, nn_floor(v))                                                      \
      NN_CASE(NN_CUDA_CEIL, nn_ceil(v))                                                        \
      NN_CASE(NN_CUDA_ROUND, nn_nearbyint(v))                                                  \
      NN_CASE(NN_CUDA_TRUNC, nn_trunc(v))                                                      \
      NN_CASE(NN_CUDA_SQRT, nn_sqrt(v))                                                        \
      NN_CASE(NN_CUDA_RSQRT, 1 / nn_sqrt(v))                                                   \
      NN_CASE(NN_CUDA_RECIPROCAL, 1 / v)                                                       \
    }                                                                                          \
  }
NN_SIMPLE_FLOAT(float)
NN_SIMPLE_FLOAT(double)

template <class T>
struct nn_costly_unary {
  static NN_MEMBER void apply(int op, nn_pack<T, nn_each> &x) {
    switch (op) {
      NN_CASE(NN_CUDA_EXP, nn_exp(v))
      NN_CASE(NN_CUDA_EXPM1, nn_expm1(v))
      NN_CASE(NN_CUDA_LOG, nn_log(v))
      NN_CASE(NN_CUDA_LOG1P, nn_log1p(v))
      NN_CASE(NN_CUDA_LOG2, nn_log2(v))
      NN_CASE(NN_CUDA_LOG10, nn_log10(v))
      NN_CASE(NN_CUDA_SIN, nn_sin(v))
      NN_CASE(NN_CUDA_COS, nn_cos(v))
      NN_CASE(NN_CUDA_TAN, nn_tan(v))
      NN_CASE(NN_CUDA_ASIN, nn_asin(v))
      NN_CASE(NN_CUDA_ACOS, nn_acos(v))
      NN_CASE(NN_CUDA_ATAN, nn_atan(v))
      NN_CASE(NN_CUDA_SINH, nn_sinh(v))
      NN_CASE(NN_CUDA_COSH, nn_cosh(v))
      NN_CASE(NN_CUDA_TANH, nn_tanh(v))
      NN_CASE(NN_CUDA_SIGMOID, nn_sigmoid(v))
      NN_CASE(NN_CUDA_ERF, nn_erf(v))
      NN_CASE(NN_CUDA_ERFINV, nn_erfinv((double)v))
      NN_CASE(NN_CUDA_SOFTPLUS, nn_softplus(v))
    }
  }
};

/// x and y are dense in one memory order.
template <class Apply, class T>
NN_DEVICE void nn_unary_dense(int op, long long n, const T *x, T *y) {
  long long first = nn_place() * nn_each;
  if (first + nn_each <= n) {
    nn_pack<nn_value<T>, nn_each> values = nn_load(nn_line<T>{x, 1}, first);
    Apply::apply(op, values);
    nn_store(y, first, values);
    return;
  }
  for (long long i = first; i < n; i++) {
    nn_pack<nn_value<T>, nn_each> values = nn_load(nn_line<T>{x + i, 0}, 0);
    Apply::apply(op, values);
    y[i] = (T)values.at[0];
  }
}

/// y is dense, x anyhow.
template <class Apply, class T>
NN_DEVICE void nn_unary_walk(int op, const nn_cuda_walk &walk, const T *x, T *y) {
  long long first = nn_first();
  nn_pack<nn_value<T>, nn_each> values;
  for (int k = 0; k < nn_each; k++) {
    long long i = first + (long long)k * blockDim.x;
    values.at[k] = x[i < walk.count ? nn_find<1>(walk, i).at[0] : 0];
  }
  Apply::apply(op, values);
  for (int k = 0; k < nn_each; k++) {
    long long i = first + (long long)k * blockDim.x;
    if (i < walk.count) y[i] = (T)values.at[k];
  }
}

#define NN_UNARY(name, apply, T, type)                                                                          \
  NN_KERNEL(256, nn_##name##_##type, int op, long long n, const T *x, T *y) {                                   \
    nn_unary_dense<apply<nn_value<T>>>(op, n, x, y);                                                                      \
  }                                                                                                             \
  NN_KERNEL(256, nn_##name##_walk_##type, int op, nn_cuda_walk walk, const T *x, T *y) {                        \
    nn_unary_walk<apply<nn_value<T>>>(op, walk, x, y);                                                                    \
  }

NN_UNARY(unary, nn_simple_unary, nn_u8, uint8)
NN_UNARY(unary, nn_simple_unary, int, int32)
NN_UNARY(unary, nn_simple_unary, long long, int64)
NN_UNARY(unary, nn_simple_unary, float, float32)
NN_UNARY(unary, nn_simple_unary, double, float64)
NN_UNARY(unary, nn_simple_unary, nn_bf16, bfloat16)
NN_UNARY(costly_unary, nn_costly_unary, nn_bf16, bfloat16)
NN_UNARY(costly_unary, nn_costly_unary, float, float32)
NN_UNARY(costly_unary, nn_costly_unary, double, float64)
