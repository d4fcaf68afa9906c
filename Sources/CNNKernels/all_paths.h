// Compiles NN_IMPL, a file of functions named with NN_NAME(x) over elements of type NN_T, for every instruction
// set and for float and double. NN_CALL reaches the copy for an element type and the set in use.
#include "nn_dispatch.h"

#define NN_T float
#define NN_SUFFIX _f32_portable
#include NN_IMPL
#undef NN_T
#undef NN_SUFFIX
#define NN_T double
#define NN_SUFFIX _f64_portable
#include NN_IMPL
#undef NN_T
#undef NN_SUFFIX

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define NN_T float
#define NN_SUFFIX _f32_avx2
#include NN_IMPL
#undef NN_T
#undef NN_SUFFIX
#define NN_T double
#define NN_SUFFIX _f64_avx2
#include NN_IMPL
#undef NN_T
#undef NN_SUFFIX
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"))), \
                             apply_to = function)
#define NN_T float
#define NN_SUFFIX _f32_avx512
#include NN_IMPL
#undef NN_T
#undef NN_SUFFIX
#define NN_T double
#define NN_SUFFIX _f64_avx512
#include NN_IMPL
#undef NN_T
#undef NN_SUFFIX
#pragma clang attribute pop

#define NN_CALL(dtype, f, ...)                                                              \
  switch (nn_kernel_path()) {                                                               \
    case NN_AVX512:                                                                         \
      if ((dtype) == NN_F32) f##_f32_avx512(__VA_ARGS__); else f##_f64_avx512(__VA_ARGS__); \
      break;                                                                                \
    case NN_AVX2:                                                                           \
      if ((dtype) == NN_F32) f##_f32_avx2(__VA_ARGS__); else f##_f64_avx2(__VA_ARGS__);     \
      break;                                                                                \
    default:                                                                                \
      if ((dtype) == NN_F32) f##_f32_portable(__VA_ARGS__); else f##_f64_portable(__VA_ARGS__); \
  }
#else
#define NN_CALL(dtype, f, ...) \
  if ((dtype) == NN_F32) f##_f32_portable(__VA_ARGS__); else f##_f64_portable(__VA_ARGS__)
#endif
