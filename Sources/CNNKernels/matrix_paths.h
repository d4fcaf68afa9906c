// Compiles the matrix kernels of one element type for every instruction set.
// Expects NN_REAL, NN_TYPE and NN_IS_DOUBLE.

#define NN_TYPED(path) NN_CAT(NN_TYPE, _##path)

#define NN_SUFFIX NN_TYPED(portable)
#define NN_VECTOR_BYTES 16
#define NN_MR 4
#include "matrix_impl.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define NN_SUFFIX NN_TYPED(avx2)
#define NN_VECTOR_BYTES 32
#define NN_MR 6
#include "matrix_impl.h"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"))), \
                             apply_to = function)
#define NN_SUFFIX NN_TYPED(avx512)
#define NN_VECTOR_BYTES 64
#define NN_MR 12
#include "matrix_impl.h"
#pragma clang attribute pop
#endif

const struct nn_matrix_kernels *NN_CAT(nn_matrix_kernels_, NN_TYPE)(int path) {
  switch (path) {
#if defined(__x86_64__)
    case NN_AVX512: return &NN_CAT(table_, NN_TYPED(avx512));
    case NN_AVX2: return &NN_CAT(table_, NN_TYPED(avx2));
#endif
    default: return &NN_CAT(table_, NN_TYPED(portable));
  }
}

#if !NN_IS_DOUBLE
const struct nn_winograd_kernels *nn_winograd_kernels(int path) {
  switch (path) {
#if defined(__x86_64__)
    case NN_AVX512: return &NN_CAT(winograd_table_, NN_TYPED(avx512));
    case NN_AVX2: return &NN_CAT(winograd_table_, NN_TYPED(avx2));
#endif
    default: return &NN_CAT(winograd_table_, NN_TYPED(portable));
  }
}
#endif
