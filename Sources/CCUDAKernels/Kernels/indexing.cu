#include "elements.h"

// Elements by numbers. A number below 0 counts from the end; one that is out of range is noted for the host, which stops
// when it next waits for the card, and nothing is read or written for it.

/// The number of an element, or -1.
NN_DEVICE long long nn_wrapped(long long index, long long size, nn_cuda_fault *fault) {
  long long wrapped = index < 0 ? index + size : index;
  if (wrapped >= 0 && wrapped < size) return wrapped;
  fault->index = index;
  fault->size = size;
  fault->count = 1;
  return -1;
}

/// y[i] = x[…, index[i], …]; y is dense, operand 0 of the walk is the index, operand 1 is x without the axis.
template <class T>
NN_DEVICE void nn_gather(const nn_cuda_walk &walk, long long size, long long stride, const long long *index, const T *x,
                         T *y, nn_cuda_fault *fault) {
  long long first = nn_first();
  for (int k = 0; k < nn_each; k++) {
    long long i = first + (long long)k * blockDim.x;
    if (i >= walk.count) break;
    nn_spot<2> spot = nn_find<2>(walk, i);
    long long place = nn_wrapped(index[spot.at[0]], size, fault);
    if (place >= 0) y[i] = x[spot.at[1] + place * stride];
  }
}

#define NN_GATHER(T, bytes)                                                                                       \
  NN_KERNEL(256, nn_gather_##bytes, nn_cuda_walk walk, long long size, long long stride, const long long *index,  \
            const T *x, T *y, nn_cuda_fault *fault) {                                                             \
    nn_gather(walk, size, stride, index, x, y, fault);                                                            \
  }
NN_GATHER(nn_u8, 1)
NN_GATHER(unsigned short, 2)
NN_GATHER(unsigned, 4)
NN_GATHER(nn_u64, 8)

// How an element of a source is taken into its target.

struct nn_putting {
  template <class T>
  static NN_MEMBER T joined(T, T b) {
    return b;
  }
};
struct nn_adding {
  template <class T>
  static NN_MEMBER T joined(T a, T b) {
    return (T)(a + b);
  }
};
struct nn_or {
  template <class T>
  static NN_MEMBER T joined(T a, T b) {
    return a | b;
  }
};

/// One thread per line, in the order of the line.
template <class Join, class T>
NN_DEVICE void nn_scatter_lines(const nn_cuda_walk &walk, long long n, long long size, long long index_step,
                                long long source_step, long long target_step, const long long *index, const T *source,
                                T *y, nn_cuda_fault *fault) {
  long long line = nn_place();
  if (line >= walk.count) return;
  nn_spot<3> spot = nn_find<3>(walk, line);
  index += spot.at[0];
  source += spot.at[1];
  y += spot.at[2];
  for (long long i = 0; i < n; i++) {
    long long place = nn_wrapped(index[i * index_step], size, fault);
    if (place >= 0) y[place * target_step] = Join::joined(y[place * target_step], source[i * source_step]);
  }
}

/// Numbers of dense lines that were sorted, with their former places: of each run of equal ones the first thread takes all.
/// Operand 0 of the walk is the sorted number (0 along its lines), 1 the source, 2 the target.
template <class Join, class T>
NN_DEVICE void nn_scatter_runs(const nn_cuda_walk &walk, long long n, long long size, long long source_step,
                               long long target_step, const long long *keys, const long long *places, const T *source,
                               T *y) {
  long long number = nn_place();
  if (number >= n * walk.count) return;
  long long i = number / walk.count;
  nn_spot<3> spot = nn_find<3>(walk, number - i * walk.count);
  keys += spot.at[0];
  places += spot.at[0];
  long long key = keys[i];
  if (key >= size || (i > 0 && keys[i - 1] == key)) return;
  T *target = y + spot.at[2] + key * target_step;
  source += spot.at[1];
  T total = *target;
  for (; i < n && keys[i] == key; i++) total = Join::joined(total, source[places[i] * source_step]);
  *target = total;
}

/// The numbers of elements for sorting: what is out of range becomes the size of the axis.
NN_KERNEL(256, nn_index_keys, long long count, long long size, const long long *index, long long *keys,
          nn_cuda_fault *fault) {
  long long i = nn_place();
  if (i >= count) return;
  long long place = nn_wrapped(index[i], size, fault);
  keys[i] = place < 0 ? size : place;
}

#define NN_SCATTER(name, join, T, type)                                                                             \
  NN_KERNEL(256, nn_##name##_lines_##type, nn_cuda_walk walk, long long n, long long size, long long index_step,    \
            long long source_step, long long target_step, const long long *index, const T *source, T *y,            \
            nn_cuda_fault *fault) {                                                                                 \
    nn_scatter_lines<join>(walk, n, size, index_step, source_step, target_step, index, source, y, fault);           \
  }                                                                                                                 \
  NN_KERNEL(256, nn_##name##_runs_##type, nn_cuda_walk walk, long long n, long long size, long long source_step,    \
            long long target_step, const long long *keys, const long long *places, const T *source, T *y) {         \
    nn_scatter_runs<join>(walk, n, size, source_step, target_step, keys, places, source, y);                        \
  }
NN_SCATTER(put, nn_putting, nn_u8, 1)
NN_SCATTER(put, nn_putting, unsigned short, 2)
NN_SCATTER(put, nn_putting, unsigned, 4)
NN_SCATTER(put, nn_putting, nn_u64, 8)
NN_SCATTER(add, nn_or, nn_u8, bool)
NN_SCATTER(add, nn_adding, nn_u8, uint8)
NN_SCATTER(add, nn_adding, unsigned, int32)
NN_SCATTER(add, nn_adding, nn_u64, int64)
NN_SCATTER(add, nn_adding, float, float32)
NN_SCATTER(add, nn_adding, double, float64)
