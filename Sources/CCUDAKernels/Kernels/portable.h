#pragma once

// One source, two compilers: NVRTC for the card, and the host's compiler, for which "host.h" gives threads, barriers and
// shared memory. A kernel is written as
//
//   NN_KERNEL(256, nn_double_float32, long long n, const float *x, float *y) { … }
//
// where 256 is the size of its blocks, and shared memory in a function as NN_SHARED(float, values, 256). There is no
// standard library on the card's side: whole numbers are `int`, `unsigned` or `long long`.

#ifdef __CUDACC_RTC__

#define NN_KERNEL(threads, name, ...) extern "C" __global__ void __launch_bounds__(threads) name(__VA_ARGS__)
#define NN_SHARED(type, name, count) __shared__ type name[count]
#define NN_DEVICE static __device__ __forceinline__
#define NN_RESTRICT __restrict__

#else

#include "host.h"

#define NN_DEVICE static inline
#define NN_RESTRICT __restrict

#endif

/// Combines a value of each thread of a block by an associative and commutative function; all threads get the result.
template <int threads, class T, class Combine>
NN_DEVICE T nn_block_combine(T value, Combine combine) {
#ifdef __CUDACC_RTC__
  NN_SHARED(T, shared, threads / 32);
  for (int distance = 16; distance > 0; distance /= 2)
    value = combine(value, __shfl_xor_sync(~0u, value, distance));
  if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = value;
  __syncthreads();
  T result = shared[0];
  for (int warp = 1; warp < threads / 32; warp++) result = combine(result, shared[warp]);
#else
  NN_SHARED(T, shared, threads);
  shared[threadIdx.x] = value;
  __syncthreads();
  if (threadIdx.x == 0)
    for (int other = 1; other < threads; other++) shared[0] = combine(shared[0], shared[other]);
  __syncthreads();
  T result = shared[0];
#endif
  __syncthreads();
  return result;
}

template <class T>
struct nn_plus {
  __device__ T operator()(T a, T b) const { return a + b; }
};

/// The sum of a value of each thread of a block, for all of them.
template <int threads, class T>
NN_DEVICE T nn_block_sum(T value) {
  return nn_block_combine<threads>(value, nn_plus<T>());
}

/// Some neighbours that are read and written at once.
template <class T, int n>
struct alignas(sizeof(T) * n) nn_pack {
  T at[n];
};

template <class T>
NN_DEVICE T nn_infinity() {
  return (T)(1e308 * 10);
}

template <class T>
NN_DEVICE T nn_nan() {
  return nn_infinity<T>() - nn_infinity<T>();
}

/// The number of this thread among all of a grid of one dimension, and how many there are.
NN_DEVICE long long nn_place() { return (long long)blockIdx.x * blockDim.x + threadIdx.x; }
NN_DEVICE long long nn_places() { return (long long)gridDim.x * blockDim.x; }
