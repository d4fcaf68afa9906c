#include "elements.h"

// C = A · B for whole numbers, which no library multiplies: one thread per element of C.

NN_KERNEL(256, nn_multiply_int64, long long rows, long long columns, long long depth, const long long *a,
          long long a_batch, long long a_row, long long a_column, const long long *b, long long b_batch,
          long long b_row, long long b_column, long long *c) {
  long long place = nn_place(), batch = blockIdx.y;
  if (place >= rows * columns) return;
  long long i = place / columns, j = place % columns;
  nn_u64 total = 0;
  a += batch * a_batch + i * a_row;
  b += batch * b_batch + j * b_column;
  for (long long k = 0; k < depth; k++) total += (nn_u64)a[k * a_column] * (nn_u64)b[k * b_row];
  c[batch * rows * columns + place] = (long long)total;
}
