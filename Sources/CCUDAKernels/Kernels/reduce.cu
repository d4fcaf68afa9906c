#include "elements.h"
#include "mathematics.h"
#include "wide.h"

// Many values to one. Floating-point numbers are added up in double, whole numbers in 64 bits, in an order that depends on
// shapes alone.

enum { nn_threads = 256 };

struct nn_sum {
  template <class A>
  static NN_MEMBER A start() {
    return 0;
  }
  template <class A>
  static NN_MEMBER A combine(A a, A b) {
    return a + b;
  }
};
struct nn_product {
  template <class A>
  static NN_MEMBER A start() {
    return 1;
  }
  template <class A>
  static NN_MEMBER A combine(A a, A b) {
    return a * b;
  }
};

NN_DEVICE void nn_least(double &value) { value = -(double)INFINITY; }
NN_DEVICE void nn_least(long long &value) { value = -0x7fffffffffffffffll - 1; }
NN_DEVICE void nn_most(double &value) { value = (double)INFINITY; }
NN_DEVICE void nn_most(long long &value) { value = 0x7fffffffffffffffll; }

struct nn_max {
  template <class A>
  static NN_MEMBER A start() {
    A value;
    nn_least(value);
    return value;
  }
  template <class A>
  static NN_MEMBER A combine(A a, A b) {
    return nn_larger(a, b);
  }
};
struct nn_min {
  template <class A>
  static NN_MEMBER A start() {
    A value;
    nn_most(value);
    return value;
  }
  template <class A>
  static NN_MEMBER A combine(A a, A b) {
    return nn_smaller(a, b);
  }
};

template <class A>
NN_DEVICE void nn_put(void *y, int type, long long place, A value) {
  switch (type) {
    case NN_CUDA_BOOL:
    case NN_CUDA_U8: ((nn_u8 *)y)[place] = (nn_u8)value; break;
    case NN_CUDA_I32: ((int *)y)[place] = (int)value; break;
    case NN_CUDA_I64: ((long long *)y)[place] = (long long)value; break;
    case NN_CUDA_BF16: ((nn_bf16 *)y)[place] = (nn_bf16)(float)value; break;
    case NN_CUDA_F32: ((float *)y)[place] = (float)value; break;
    case NN_CUDA_F64: ((double *)y)[place] = (double)value; break;
  }
}

/// What is left of a thread's elements of one result: `lane`, `lane + lanes` and so on up to `last`.
template <class Op, class A, class T>
NN_DEVICE A nn_fold(const nn_cuda_walk &folded, const T *x, long long first, long long last, int lanes) {
  A total = Op::template start<A>();
  long long i = first;
  if (folded.rank <= 1) {
    long long stride = folded.strides[0][0], step = lanes * stride;
    const T *p = x + i * stride;
    for (; i + 3 * (long long)lanes < last; i += 4 * (long long)lanes, p += 4 * step) {
      A a = (A)p[0], b = (A)p[step], c = (A)p[2 * step], d = (A)p[3 * step];
      total = Op::combine(total, Op::combine(Op::combine(a, b), Op::combine(c, d)));
    }
    for (; i < last; i += lanes, p += step) total = Op::combine(total, (A)p[0]);
  } else {
    for (; i < last; i += lanes) total = Op::combine(total, (A)x[nn_find<1>(folded, i).at[0]]);
  }
  return total;
}

template <class Op, class A, class T>
NN_DEVICE void nn_reduce_by(const nn_cuda_reduction &plan, const T *x, void *y) {
  NN_SHARED(A, shared, nn_threads);
  int lanes = plan.lanes, results = nn_threads / lanes;
  int lane = plan.isRow ? threadIdx.x % lanes : threadIdx.x / results;
  int column = plan.isRow ? threadIdx.x / lanes : threadIdx.x % results;
  long long result = (long long)blockIdx.x * results + column;
  long long begin = (long long)blockIdx.y * plan.part, end = begin + plan.part;
  if (end > plan.folded.count) end = plan.folded.count;
  A total = Op::template start<A>();
  if (result < plan.kept.count)
    total = nn_fold<Op, A>(plan.folded, x + nn_find<1>(plan.kept, result).at[0], begin + lane, end, lanes);
  if (lanes > 1) {
    int mine = column * lanes + lane;
    shared[mine] = total;
    for (int half = lanes / 2; half > 0; half /= 2) {
      __syncthreads();
      if (lane < half) shared[mine] = Op::combine(shared[mine], shared[mine + half]);
    }
    total = shared[mine];
  }
  if (lane == 0 && result < plan.kept.count)
    nn_put(y, plan.type, (long long)blockIdx.y * plan.kept.count + result, total);
}

template <class T>
NN_DEVICE void nn_reduce(const nn_cuda_reduction &plan, const T *x, void *y) {
  typedef typename nn_wide<T>::type A;
  switch (plan.op) {
    case NN_CUDA_SUM: nn_reduce_by<nn_sum, A>(plan, x, y); break;
    case NN_CUDA_PROD: nn_reduce_by<nn_product, A>(plan, x, y); break;
    case NN_CUDA_MAX: nn_reduce_by<nn_max, A>(plan, x, y); break;
    case NN_CUDA_MIN: nn_reduce_by<nn_min, A>(plan, x, y); break;
  }
}

/// Whether (a, i) comes before (b, j) as the place of an extreme: NaN before all, of equals the first.
template <class T>
NN_DEVICE bool nn_is_extreme(int smallest, T a, long long i, T b, long long j) {
  bool aIsNaN = a != a, bIsNaN = b != b;
  if (aIsNaN || bIsNaN) return aIsNaN && (!bIsNaN || i < j);
  if (a == b) return i < j;
  return smallest ? a < b : a > b;
}

/// The same with places instead of values; `smallest` comes as the operation.
template <class T>
NN_DEVICE void nn_arg_reduce(const nn_cuda_reduction &plan, const T *x, long long *y) {
  NN_SHARED(T, values, nn_threads);
  NN_SHARED(long long, places, nn_threads);
  int lanes = plan.lanes, results = nn_threads / lanes;
  int lane = plan.isRow ? threadIdx.x % lanes : threadIdx.x / results;
  int column = plan.isRow ? threadIdx.x / lanes : threadIdx.x % results;
  long long result = (long long)blockIdx.x * results + column, best = 0x7fffffffffffffffll;
  T value = 0;
  if (result < plan.kept.count) {
    const T *line = x + nn_find<1>(plan.kept, result).at[0];
    for (long long i = lane; i < plan.folded.count; i += lanes) {
      T other = line[i * plan.folded.strides[0][0]];
      if (i == lane || nn_is_extreme(plan.op, other, i, value, best)) {
        value = other;
        best = i;
      }
    }
  }
  if (lanes > 1) {
    int mine = column * lanes + lane;
    values[mine] = value;
    places[mine] = best;
    for (int half = lanes / 2; half > 0; half /= 2) {
      __syncthreads();
      // Lanes behind the end of a line have no place.
      if (lane < half && lane + half < plan.folded.count &&
          nn_is_extreme(plan.op, values[mine + half], places[mine + half], values[mine], places[mine])) {
        values[mine] = values[mine + half];
        places[mine] = places[mine + half];
      }
    }
    best = places[mine];
  }
  if (lane == 0 && result < plan.kept.count) y[result] = best;
}

#define NN_REDUCTIONS(T, type)                                                                                       \
  NN_KERNEL(256, nn_reduce_##type, nn_cuda_reduction plan, const T *x, void *y) { nn_reduce(plan, x, y); }           \
  NN_KERNEL(256, nn_arg_reduce_##type, nn_cuda_reduction plan, const T *x, long long *y) {                           \
    nn_arg_reduce(plan, x, y);                                                                                       \
  }
NN_REDUCTIONS(nn_u8, uint8)
NN_REDUCTIONS(int, int32)
NN_REDUCTIONS(long long, int64)
NN_REDUCTIONS(nn_bf16, bfloat16)
NN_REDUCTIONS(float, float32)
NN_REDUCTIONS(double, float64)

// Powers of all elements of some tensors, added up: one number per thread block, of 65536 elements at most.

enum { nn_norm_part = 65536 };


template <class T>
NN_DEVICE void nn_norm(int op, double power, const nn_cuda_blocks &blocks, double *y) {
  int which = 0;
  while (which + 1 < blocks.count && (int)blockIdx.x >= blocks.starts[which + 1]) which++;
  const T *x = (const T *)blocks.data[which];
  long long first = (long long)(blockIdx.x - blocks.starts[which]) * nn_norm_part, last = first + nn_norm_part;
  if (last > blocks.counts[which]) last = blocks.counts[which];
  double total = 0;
  for (long long i = first + threadIdx.x; i < last; i += nn_threads) {
    double v = fabs((double)x[i]);
    switch (op) {
      case NN_CUDA_NORM_ONE: total += v; break;
      case NN_CUDA_NORM_TWO: total += v * v; break;
      case NN_CUDA_NORM_POWER: total += pow(v, power); break;
      case NN_CUDA_NORM_FINITE: total += v * 0; break;
      case NN_CUDA_NORM_MOST: total = nn_larger(total, v); break;
    }
  }
  if (op == NN_CUDA_NORM_MOST)
    total = nn_block_reduce(total, nn_greater());
  else
    total = nn_block_sum(total);
  if (threadIdx.x == 0) y[blockIdx.x] = total;
}

#define NN_NORM(T, name)                                                                          \
  NN_KERNEL(256, nn_norm_##name, int op, double power, nn_cuda_blocks blocks, double *y) {        \
    nn_norm<T>(op, power, blocks, y);                                                             \
  }
NN_REALS(NN_NORM)
