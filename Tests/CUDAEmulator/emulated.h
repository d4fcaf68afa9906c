#pragma once

// The language of the kernels on the host; see portable.h. Included before a kernel's source.

#include <math.h>
#include <stddef.h>
#include <string.h>

#include <utility>

#define NN_EMULATED 1

struct nn_dim {
  unsigned x, y, z;
};
struct uint4 {
  unsigned x, y, z, w;
};

// Not `extern thread_local`, whose every use asks whether the variable is there yet.
extern __thread nn_dim threadIdx, blockIdx, blockDim, gridDim;

#define __device__
#define __host__
#define __global__
#define __forceinline__ inline
#define __restrict__ __restrict
#define NN_DEVICE static inline
#define NN_MEMBER inline

namespace nn_emulated {

/// Parks the thread until all others of its block, or of its warp, have come here or ended.
void wait_block(const char *file, int line);
void wait_warp();
/// The block's memory for one declaration.
void *shared(const void *declaration, size_t byte_count);
/// The block's memory that the launch asked for.
void *launch_shared();
/// Where the thread of a lane of this warp leaves a value for the others.
void *lane_slot(unsigned lane);
/// What the warp's next exchange is to use in place of this one's slots.
void turn_slots();

struct Kernel {
  const char *file, *name;
  unsigned threads, parameters;
  void (*call)(void *function, void *const *arguments);
  void *function;
  Kernel *next;
  Kernel(const char *file, const char *name, unsigned threads, unsigned parameters,
         void (*call)(void *, void *const *), void *function);
};

template <typename... Parameters, size_t... index>
void unpack(void (*function)(Parameters...), void *const *arguments, std::index_sequence<index...>) {
  function(*(const std::remove_cv_t<Parameters> *)arguments[index]...);
}

template <typename... Parameters> void call(void *function, void *const *arguments) {
  unpack((void (*)(Parameters...))function, arguments, std::index_sequence_for<Parameters...>());
}

template <typename... Parameters>
Kernel kernel(const char *file, const char *name, unsigned threads, void (*function)(Parameters...)) {
  return Kernel(file, name, threads, sizeof...(Parameters), call<Parameters...>, (void *)function);
}

template <typename T> T shuffle(T value, unsigned from) {
  static_assert(sizeof(T) <= 16);
  memcpy(lane_slot(threadIdx.x & 31), &value, sizeof value);
  wait_warp();
  memcpy(&value, lane_slot(from & 31), sizeof value);
  turn_slots();
  return value;
}

}  // namespace nn_emulated

#define NN_KERNEL(threads, name, ...)                                                                        \
  static void name(__VA_ARGS__);                                                                             \
  static nn_emulated::Kernel name##_kernel = nn_emulated::kernel(__FILE__, #name, threads, name);            \
  static void name(__VA_ARGS__)

#define NN_SHARED(type, name, count)     \
  static char name##_declared;       \
  type *const name = (type *)nn_emulated::shared(&name##_declared, (count) * sizeof(type))

#define __syncthreads() nn_emulated::wait_block(__FILE__, __LINE__)
#define __syncwarp() nn_emulated::wait_warp()

template <typename T> T __shfl_sync(unsigned, T value, int lane) { return nn_emulated::shuffle(value, lane); }
template <typename T> T __shfl_xor_sync(unsigned, T value, int mask) {
  return nn_emulated::shuffle(value, (threadIdx.x & 31) ^ mask);
}
template <typename T> T __shfl_down_sync(unsigned, T value, int by) {
  unsigned lane = threadIdx.x & 31;
  return nn_emulated::shuffle(value, lane + by > 31 ? lane : lane + by);
}
template <typename T> T __shfl_up_sync(unsigned, T value, int by) {
  unsigned lane = threadIdx.x & 31;
  return nn_emulated::shuffle(value, lane < (unsigned)by ? lane : lane - by);
}
inline unsigned __ballot_sync(unsigned, int flag) {
  unsigned bits = 0;
  for (unsigned lane = 0; lane < 32; lane++) bits |= (nn_emulated::shuffle(flag, lane) != 0) << lane;
  return bits;
}

// The card's mathematics that C has not.
inline float rsqrtf(float x) { return 1 / sqrtf(x); }
inline float rsqrt(float x) { return 1 / sqrtf(x); }
inline double rsqrt(double x) { return 1 / sqrt(x); }
template <typename T> inline T min(T a, T b) { return b < a ? b : a; }
template <typename T> inline T max(T a, T b) { return a < b ? b : a; }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((unsigned long long)a * b >> 32); }
inline float __int_as_float(int bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
inline int __float_as_int(float x) {
  int bits;
  memcpy(&bits, &x, sizeof x);
  return bits;
}
inline double __longlong_as_double(long long bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
inline long long __double_as_longlong(double x) {
  long long bits;
  memcpy(&bits, &x, sizeof x);
  return bits;
}
