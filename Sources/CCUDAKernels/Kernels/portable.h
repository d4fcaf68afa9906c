#pragma once

// What the kernels are written with. NVRTC compiles them for the card, and the host's compiler for the emulated card of the
// tests, whose Tests/CUDAEmulator/emulated.h gives the same words. The rules for both:
//   - NN_KERNEL(256, name_float32, const float *x, nn_int n) { … } defines a kernel for blocks of at most 256 threads, most
//     often as an instance of a template, made by a macro over the element types;
//   - NN_SHARED(float, tile, 256) is memory of the block, which holds garbage at first; blocks are multiples of 32 threads;
//   - threads of a block wait for each other by __syncthreads() and the functions below alone;
//   - floats are never added atomically, so that the same step gives the same bits;
//   - no header but those in this folder and operations.h.

#include "operations.h"

/// Swift's Int and UInt.
typedef long long nn_int;
typedef unsigned long long nn_uint;

#ifndef NN_EMULATED
#define NN_KERNEL(threads, name, ...) extern "C" __global__ void __launch_bounds__(threads) name(__VA_ARGS__)
#define NN_SHARED(type, name, count) __shared__ type name[count]
#define NN_DEVICE static __device__ __forceinline__
#define NN_MEMBER __device__ __forceinline__
#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#endif
#ifndef NAN
#define NAN __int_as_float(0x7fffffff)
#endif
#endif

/// The 16 bits of the nearest bfloat16, the even one of two that are equally near; NaN stays NaN.
NN_DEVICE unsigned short nn_bf16_bits(float x) {
#if !defined(NN_EMULATED) && __CUDA_ARCH__ >= 800
  unsigned short result;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result) : "f"(x));
  return result;
#else
  unsigned bits = (unsigned)__float_as_int(x);
  if (x != x) return (unsigned short)(bits >> 16 | 0x40);
  return (unsigned short)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
#endif
}

/// An element that is stored in the upper half of a float. It is computed with as a float.
struct nn_bf16 {
  unsigned short bits;
  nn_bf16() = default;
  NN_MEMBER nn_bf16(float x) : bits(nn_bf16_bits(x)) {}
  NN_MEMBER operator float() const { return __int_as_float((int)((unsigned)bits << 16)); }
};

/// What elements are computed in once they are loaded, and until they are stored.
template <typename T> struct nn_value_of {
  typedef T type;
};
template <> struct nn_value_of<nn_bf16> {
  typedef float type;
};
template <typename T> using nn_value = typename nn_value_of<T>::type;

/// NN_KERNELS(float, float32) and so on for a macro that defines the kernels of one element type.
#define NN_FLOATS(KERNELS) KERNELS(float, float32) KERNELS(double, float64)
/// The same with what is stored in 16 bits, for kernels that compute in `nn_value`.
#define NN_REALS(KERNELS) NN_FLOATS(KERNELS) KERNELS(nn_bf16, bfloat16)
#define NN_NUMBERS(KERNELS)                                                                   \
  KERNELS(unsigned char, uint8) KERNELS(int, int32) KERNELS(nn_int, int64) NN_REALS(KERNELS)

/// 16 bytes that are read or written at once, at addresses that are multiples of 16.
template <typename T> struct alignas(16) nn_vector {
  static constexpr int count = 16 / sizeof(T);
  T at[count];
};

struct nn_add {
  template <typename T> NN_MEMBER T operator()(T a, T b) const { return a + b; }
};
/// The greater one; NaN counts as greatest.
struct nn_greater {
  template <typename T> NN_MEMBER T operator()(T a, T b) const { return a > b || a != a ? a : b; }
};

/// The greater one, where NaN is never there or never counts.
struct nn_maximum {
  template <typename T> NN_MEMBER T operator()(T a, T b) const { return a > b ? a : b; }
};

/// The threads of a warp combine their values; all get the result.
template <typename T, typename Op> NN_DEVICE T nn_warp_reduce(T value, Op op) {
  for (int step = 16; step > 0; step >>= 1) value = op(value, __shfl_xor_sync(0xffffffffu, value, step));
  return value;
}

/// The threads of a block combine their values; all get the result.
template <typename T, typename Op> NN_DEVICE T nn_block_reduce(T value, Op op) {
  NN_SHARED(T, parts, 32);
  value = nn_warp_reduce(value, op);
  if ((threadIdx.x & 31) == 0) parts[threadIdx.x >> 5] = value;
  __syncthreads();
  T total = parts[0];
  for (unsigned warp = 1; warp < blockDim.x >> 5; warp++) total = op(total, parts[warp]);
  __syncthreads();
  return total;
}

template <typename T> NN_DEVICE T nn_warp_sum(T value) { return nn_warp_reduce(value, nn_add()); }
template <typename T> NN_DEVICE T nn_block_sum(T value) { return nn_block_reduce(value, nn_add()); }
