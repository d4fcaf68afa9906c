#include "elements.h"
#include "mathematics.h"

// y = f(a, b), and conditions.

#define NN_CASE(op, value)                          \
  case op:                                          \
    for (int k = 0; k < nn_each; k++) {             \
      T a = x.at[k], b = z.at[k];                   \
      y.at[k] = (U)(value);                         \
    }                                               \
    break;

#define NN_PACKS(U) const nn_pack<T, nn_each> &x, const nn_pack<T, nn_each> &z, nn_pack<U, nn_each> &y

template <class T>
NN_DEVICE T nn_divided(T a, T b) {
  return b == 0 ? (T)0 : (T)(a / b);
}
NN_DEVICE float nn_divided(float a, float b) { return a / b; }
NN_DEVICE double nn_divided(double a, double b) { return a / b; }

template <class T>
struct nn_simple_binary {
  typedef T U;
  static NN_MEMBER void apply(int op, NN_PACKS(U)) {
    switch (op) {
      NN_CASE(NN_CUDA_ADD, a + b)
      NN_CASE(NN_CUDA_SUB, a - b)
      NN_CASE(NN_CUDA_MUL, a * b)
      NN_CASE(NN_CUDA_DIV, nn_divided(a, b))
      NN_CASE(NN_CUDA_MAXIMUM, nn_larger(a, b))
      NN_CASE(NN_CUDA_MINIMUM, nn_smaller(a, b))
    }
  }
};

/// Whole numbers: a division by 0 gives 0.
template <class T>
struct nn_costly_binary {
  typedef T U;
  static NN_MEMBER void apply(int op, NN_PACKS(U)) {
    switch (op) {
      NN_CASE(NN_CUDA_TRUNC_DIV, b == 0 ? 0 : a / b)
      NN_CASE(NN_CUDA_FLOOR_DIV, b == 0 ? 0 : a / b - ((a % b != 0) && ((a < 0) != (b < 0))))
      NN_CASE(NN_CUDA_FMOD, b == 0 ? 0 : a % b)
      NN_CASE(NN_CUDA_REMAINDER, b == 0 ? 0 : a % b + (((a % b != 0) && ((a < 0) != (b < 0))) ? b : 0))
      NN_CASE(NN_CUDA_POW, nn_int_pow((long long)a, (long long)b))
    }
  }
};

#define NN_COSTLY_FLOAT(type)                                                                  \
  template <>                                                                                  \
  struct nn_costly_binary<type> {                                                              \
    typedef type T;                                                                            \
    typedef type U;                                                                            \
    static NN_MEMBER void apply(int op, NN_PACKS(U)) {                                        \
      switch (op) {                                                                            \
        NN_CASE(NN_CUDA_FLOOR_DIV, nn_floor_div(a, b))                                         \
        NN_CASE(NN_CUDA_TRUNC_DIV, nn_trunc(a / b))                                            \
        NN_CASE(NN_CUDA_FMOD, nn_fmod(a, b))                                                   \
        NN_CASE(NN_CUDA_REMAINDER, nn_remainder(a, b))                                         \
        NN_CASE(NN_CUDA_POW, nn_pow(a, b))                                                     \
        NN_CASE(NN_CUDA_ATAN2, nn_atan2(a, b))                                                 \
      }                                                                                        \
    }                                                                                          \
  };
NN_COSTLY_FLOAT(float)
NN_COSTLY_FLOAT(double)

template <class T>
struct nn_comparison {
  typedef nn_u8 U;
  static NN_MEMBER void apply(int op, NN_PACKS(U)) {
    switch (op) {
      NN_CASE(NN_CUDA_EQ, a == b)
      NN_CASE(NN_CUDA_NE, a != b)
      NN_CASE(NN_CUDA_LT, a < b)
      NN_CASE(NN_CUDA_LE, a <= b)
      NN_CASE(NN_CUDA_GT, a > b)
      NN_CASE(NN_CUDA_GE, a >= b)
    }
  }
};

/// y is dense, a and b in its memory order or single elements.
template <class Apply, class T, class U>
NN_DEVICE void nn_binary_dense(int op, long long n, nn_line<T> a, nn_line<T> b, U *y) {
  long long first = nn_place() * nn_each;
  if (first + nn_each <= n) {
    nn_pack<typename Apply::U, nn_each> values;
    Apply::apply(op, nn_load(a, first), nn_load(b, first), values);
    nn_store(y, first, values);
    return;
  }
  for (long long i = first; i < n; i++) {
    nn_pack<typename Apply::U, nn_each> values;
    Apply::apply(
        op, nn_load(nn_line<T>{a.data + i * a.step, 0}, 0), nn_load(nn_line<T>{b.data + i * b.step, 0}, 0), values);
    y[i] = (U)values.at[0];
  }
}

/// y is dense, a and b anyhow.
template <class Apply, class T, class U>
NN_DEVICE void nn_binary_walk(int op, const nn_cuda_walk &walk, const T *a, const T *b, U *y) {
  long long first = nn_first();
  nn_pack<nn_value<T>, nn_each> x, z;
  nn_pack<typename Apply::U, nn_each> values;
  for (int k = 0; k < nn_each; k++) {
    long long i = first + (long long)k * blockDim.x;
    nn_spot<2> spot = nn_find<2>(walk, i < walk.count ? i : 0);
    x.at[k] = a[spot.at[0]];
    z.at[k] = b[spot.at[1]];
  }
  Apply::apply(op, x, z, values);
  for (int k = 0; k < nn_each; k++) {
    long long i = first + (long long)k * blockDim.x;
    if (i < walk.count) y[i] = (U)values.at[k];
  }
}

#define NN_BINARY(name, apply, T, U, type)                                                                            \
  NN_KERNEL(256, nn_##name##_##type, int op, long long n, const T *a, int sa, const T *b, int sb,                  \
            U *y) {                                                                                                \
    nn_binary_dense<apply<nn_value<T>>>(op, n, nn_line<T>{a, sa}, nn_line<T>{b, sb}, y);                                     \
  }                                                                                                                \
  NN_KERNEL(256, nn_##name##_walk_##type, int op, nn_cuda_walk walk, const T *a, const T *b, U *y) {               \
    nn_binary_walk<apply<nn_value<T>>>(op, walk, a, b, y);                                                                   \
  }
#define NN_BINARIES(T, type)                        \
  NN_BINARY(binary, nn_simple_binary, T, T, type)      \
  NN_BINARY(costly_binary, nn_costly_binary, T, T, type) \
  NN_BINARY(compare, nn_comparison, T, nn_u8, type)

NN_BINARIES(nn_u8, uint8)
NN_BINARIES(int, int32)
NN_BINARIES(long long, int64)
NN_BINARIES(nn_bf16, bfloat16)
NN_BINARIES(float, float32)
NN_BINARIES(double, float64)

// y = condition ? a : b, for elements of some bytes.

template <class T>
NN_DEVICE void nn_select_dense(long long n, nn_line<nn_u8> c, nn_line<T> a, nn_line<T> b, T *y) {
  long long first = nn_place() * nn_each;
  if (first + nn_each <= n) {
    nn_pack<nn_u8, nn_each> condition = nn_load(c, first);
    nn_pack<T, nn_each> values = nn_load(a, first), others = nn_load(b, first);
    for (int k = 0; k < nn_each; k++) values.at[k] = condition.at[k] ? values.at[k] : others.at[k];
    nn_store(y, first, values);
    return;
  }
  for (long long i = first; i < n; i++) y[i] = c.data[i * c.step] ? a.data[i * a.step] : b.data[i * b.step];
}

template <class T>
NN_DEVICE void nn_select_walk(const nn_cuda_walk &walk, const nn_u8 *c, const T *a, const T *b, T *y) {
  long long first = nn_first();
  for (int k = 0; k < nn_each; k++) {
    long long i = first + (long long)k * blockDim.x;
    if (i >= walk.count) break;
    nn_spot<3> spot = nn_find<3>(walk, i);
    y[i] = c[spot.at[0]] ? a[spot.at[1]] : b[spot.at[2]];
  }
}

#define NN_SELECT(T, bytes)                                                                                         \
  NN_KERNEL(256, nn_select_##bytes, long long n, const nn_u8 *c, int sc, const T *a, int sa, const T *b, int sb,    \
            T *y) {                                                                                                 \
    nn_select_dense(n, nn_line<nn_u8>{c, sc}, nn_line<T>{a, sa}, nn_line<T>{b, sb}, y);                             \
  }                                                                                                                 \
  NN_KERNEL(256, nn_select_walk_##bytes, nn_cuda_walk walk, const nn_u8 *c, const T *a, const T *b, T *y) {         \
    nn_select_walk(walk, c, a, b, y);                                                                               \
  }
NN_SELECT(nn_u8, 1)
NN_SELECT(unsigned short, 2)
NN_SELECT(unsigned, 4)
NN_SELECT(nn_u64, 8)
