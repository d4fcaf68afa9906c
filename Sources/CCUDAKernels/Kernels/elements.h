#pragma once

#include "portable.h"

// How kernels visit elements. A thread takes `nn_each` of them.

enum { nn_each = 4 };

/// Some neighbours that are read and written at once.
template <class T, int n>
struct alignas(sizeof(T) * n) nn_pack {
  T at[n];
};

/// The number of this thread among all of a grid of one dimension.
NN_DEVICE long long nn_place() { return (long long)blockIdx.x * blockDim.x + threadIdx.x; }

typedef unsigned char nn_u8;
typedef unsigned long long nn_u64;

/// The quotient of a number below 2^31 by a size of a walk.
NN_DEVICE unsigned nn_divide(const nn_cuda_walk &walk, int axis, unsigned number) {
  unsigned high = (unsigned)(((nn_u64)number * walk.multipliers[axis]) >> 32);
  return (unsigned)(((nn_u64)high + number) >> walk.shifts[axis]);
}

/// The places of an element in the first `operands` operands.
template <int operands>
struct nn_spot {
  long long at[operands];
};

template <int operands>
NN_DEVICE nn_spot<operands> nn_find(const nn_cuda_walk &walk, long long number) {
  nn_spot<operands> spot;
  for (int k = 0; k < operands; k++) spot.at[k] = 0;
  if (walk.count <= 0x7fffffff) {
    unsigned rest = (unsigned)number;
#pragma unroll
    for (int axis = 0; axis < NN_CUDA_AXES; axis++) {
      if (axis >= walk.rank) break;
      unsigned quotient = axis == walk.rank - 1 ? 0 : nn_divide(walk, axis, rest);
      unsigned index = rest - quotient * (unsigned)walk.sizes[axis];
      for (int k = 0; k < operands; k++) spot.at[k] += (long long)index * walk.strides[k][axis];
      rest = quotient;
    }
  } else {
    for (int axis = 0; axis < walk.rank; axis++) {
      long long quotient = number / walk.sizes[axis], index = number - quotient * walk.sizes[axis];
      for (int k = 0; k < operands; k++) spot.at[k] += index * walk.strides[k][axis];
      number = quotient;
    }
  }
  return spot;
}

/// An operand along the numbers of a dense result: each element once, or one element for all.
template <class T>
struct nn_line {
  const T *__restrict__ data;
  int step;
};

template <class T>
NN_DEVICE bool nn_is_aligned(const T *address) {
  return (nn_u64)address % (sizeof(T) * nn_each) == 0;
}

/// Neighbours at an aligned address, to be computed with.
template <class T, int each>
NN_DEVICE nn_pack<nn_value<T>, each> nn_load_pack(const T *x) {
  nn_pack<T, each> stored = *(const nn_pack<T, each> *)x;
  nn_pack<nn_value<T>, each> values;
  for (int k = 0; k < each; k++) values.at[k] = stored.at[k];
  return values;
}
template <class T, int each>
NN_DEVICE void nn_store_pack(T *y, const nn_pack<nn_value<T>, each> &values) {
  nn_pack<T, each> stored;
  for (int k = 0; k < each; k++) stored.at[k] = (T)values.at[k];
  *(nn_pack<T, each> *)y = stored;
}

template <class T>
NN_DEVICE nn_pack<nn_value<T>, nn_each> nn_load(const nn_line<T> &line, long long first) {
  nn_pack<nn_value<T>, nn_each> values;
  if (line.step == 0) {
    nn_value<T> value = line.data[0];
    for (int k = 0; k < nn_each; k++) values.at[k] = value;
  } else if (nn_is_aligned(line.data)) {
    values = nn_load_pack<T, nn_each>(line.data + first);
  } else {
    for (int k = 0; k < nn_each; k++) values.at[k] = line.data[first + k];
  }
  return values;
}

template <class T>
NN_DEVICE void nn_store(T *y, long long first, const nn_pack<nn_value<T>, nn_each> &values) {
  if (nn_is_aligned(y)) {
    nn_store_pack<T, nn_each>(y + first, values);
  } else {
    for (int k = 0; k < nn_each; k++) y[first + k] = (T)values.at[k];
  }
}

/// A thread's first number where its numbers are a block apart from each other, so that neighbours are of neighbouring
/// threads.
NN_DEVICE long long nn_first() { return (long long)blockIdx.x * blockDim.x * nn_each + threadIdx.x; }
