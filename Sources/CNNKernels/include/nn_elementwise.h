#ifndef NN_ELEMENTWISE_H
#define NN_ELEMENTWISE_H
#include <stdint.h>

#include "nn_types.h"

// Serial row kernels: n elements, inputs with a stride in elements (0 repeats one value), output dense.
// The loop nest over the other dimensions and the cut into parallel pieces live in Swift.

enum nn_unary_op {
  NN_NEG, NN_ABS, NN_SIGN, NN_SQUARE, NN_RELU, NN_FLOOR, NN_CEIL, NN_ROUND, NN_TRUNC,
  // Floating point only, from here on.
  NN_EXP, NN_EXPM1, NN_LOG, NN_LOG1P, NN_LOG2, NN_LOG10, NN_SQRT, NN_RSQRT, NN_RECIPROCAL,
  NN_SIN, NN_COS, NN_TAN, NN_ASIN, NN_ACOS, NN_ATAN, NN_SINH, NN_COSH, NN_TANH, NN_SIGMOID,
  NN_ERF, NN_ERFINV, NN_SOFTPLUS
};

enum nn_binary_op {
  NN_ADD, NN_SUB, NN_MUL, NN_DIV, NN_FLOOR_DIV, NN_TRUNC_DIV, NN_FMOD, NN_REMAINDER,
  NN_MAXIMUM, NN_MINIMUM, NN_POW, NN_ATAN2
};

enum nn_compare_op { NN_EQ, NN_NE, NN_LT, NN_LE, NN_GT, NN_GE };

void nn_unary(int op, int dtype, int64_t n, const void *x, int64_t sx, void *y);
/// y = op(a, b), both operands and the result of type `dtype`. Integer division by zero gives 0.
void nn_binary(int op, int dtype, int64_t n, const void *a, int64_t sa, const void *b, int64_t sb, void *y);
/// y (bool) = op(a, b).
void nn_compare(int op, int dtype, int64_t n, const void *a, int64_t sa, const void *b, int64_t sb, uint8_t *y);
/// y = c ? a : b, for elements of `size` bytes (1, 4 or 8).
void nn_where(int size, int64_t n, const uint8_t *c, int64_t sc, const void *a, int64_t sa, const void *b,
              int64_t sb, void *y);
/// y[i * sy] = x[i * sx], for elements of `size` bytes (1, 4 or 8).
void nn_copy(int size, int64_t n, const void *x, int64_t sx, void *y, int64_t sy);
/// y[i * sy + j] = x[j * sx + i] for i < m, j < n, for elements of `size` bytes (1, 4 or 8).
void nn_transpose(int size, int64_t m, int64_t n, const void *x, int64_t sx, void *y, int64_t sy);
/// Conversion between element types, as C converts; to bool it is x != 0.
void nn_cast(int from, int to, int64_t n, const void *x, int64_t sx, void *y);

enum nn_reduce_op { NN_SUM, NN_PROD, NN_MAX, NN_MIN };

/// acc[c] = op over r of x[r * rs + c * cs], combined with what acc holds.
/// acc is double for floating-point types and int64 for the others. NaN wins in max and min.
void nn_reduce(int op, int dtype, int64_t rows, int64_t rs, int64_t cols, int64_t cs, const void *x, void *acc);
/// Index of the first greatest (or smallest) of n elements; a NaN counts as such.
int64_t nn_arg_reduce(int min, int dtype, int64_t n, const void *x, int64_t sx);

#endif
