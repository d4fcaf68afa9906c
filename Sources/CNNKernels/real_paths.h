// Compiles NN_IMPL for float32 and float64 and for every instruction set. In there NN_REAL is the element
// type and NN_NAME(f_) names the copy; NN_CALL_REAL(type, path, f_, …) calls the one for a type and a path.
#include "dispatch.h"
#include "nn_dispatch.h"
#include "nn_types.h"

#define NN_REAL float
#define NN_SUFFIX f32_portable
#include NN_IMPL
#undef NN_SUFFIX
#undef NN_REAL
#define NN_REAL double
#define NN_SUFFIX f64_portable
#include NN_IMPL
#undef NN_SUFFIX
#undef NN_REAL

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define NN_REAL float
#define NN_SUFFIX f32_avx2
#include NN_IMPL
#undef NN_SUFFIX
#undef NN_REAL
#define NN_REAL double
#define NN_SUFFIX f64_avx2
#include NN_IMPL
#undef NN_SUFFIX
#undef NN_REAL
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"))), \
                             apply_to = function)
#define NN_REAL float
#define NN_SUFFIX f32_avx512
#include NN_IMPL
#undef NN_SUFFIX
#undef NN_REAL
#define NN_REAL double
#define NN_SUFFIX f64_avx512
#include NN_IMPL
#undef NN_SUFFIX
#undef NN_REAL
#pragma clang attribute pop

#define NN_CALL_PATH(path, f, ...)                         \
  switch (path) {                                          \
    case NN_AVX512: f##_avx512(__VA_ARGS__); break;        \
    case NN_AVX2: f##_avx2(__VA_ARGS__); break;            \
    default: f##_portable(__VA_ARGS__); break;             \
  }
#else
#define NN_CALL_PATH(path, f, ...) f##_portable(__VA_ARGS__)
#endif

#define NN_CALL_REAL(type, path, f, ...)                    \
  do {                                                      \
    if ((type) == NN_F64) {                                 \
      NN_CALL_PATH(path, f##f64, __VA_ARGS__);              \
    } else {                                                \
      NN_CALL_PATH(path, f##f32, __VA_ARGS__);              \
    }                                                       \
  } while (0)
