#ifndef NN_GEMM_H
#define NN_GEMM_H
#include <stdint.h>

/// C = A · B (+ C) (+ bias): matrices of one element type (NN_F32 or NN_F64), strides in elements.
/// C's columns are adjacent. The sum over k runs in an order that depends on `k` alone, so an element of C has
/// the same bits wherever its row and column sit and however the work is cut.
struct nn_gemm {
  const void *a, *b;
  void *c;
  const void *bias;  // one value per column, or NULL; not together with `accumulate`
  intptr_t m, n, k;
  intptr_t a_row, a_column, b_row, b_column, c_row;
  int accumulate;  // adds to what C holds
  int type;
  int path;  // the instruction set, see nn_dispatch.h
};

/// Computes rows [row0, row1) and columns [column0, column1) of C on the calling thread.
void nn_gemm_piece(const struct nn_gemm *gemm, intptr_t row0, intptr_t row1, intptr_t column0, intptr_t column1);

/// The same for int64, in wrapping arithmetic; `bias` is not used.
void nn_gemm_i64(const struct nn_gemm *gemm, intptr_t row0, intptr_t row1, intptr_t column0, intptr_t column1);

#endif
