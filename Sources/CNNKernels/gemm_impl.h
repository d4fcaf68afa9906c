// Product of strided matrices, see nn_gemm.h. Included after tile_impl.h.

/// Packs rows [row, row + count) of A for one tile, row by row.
static void NN_NAME(pack_a_)(const struct nn_gemm *g, intptr_t row, intptr_t count, intptr_t k0, intptr_t k,
                             NN_REAL *out) {
  const NN_REAL *a = (const NN_REAL *)g->a + row * g->a_row + k0 * g->a_column;
  for (intptr_t r = 0; r < count; r++, a += g->a_row, out += NN_A_ROW) {
    if (g->a_column == 1)
      NN_NAME(copy_)(out, a, k);
    else
      for (intptr_t i = 0; i < k; i++) out[i] = a[i * g->a_column];
  }
}

/// Packs `columns` columns with adjacent k: squares of 16-byte vectors are turned in registers.
static void NN_NAME(pack_turned_)(const NN_REAL *b, intptr_t b_column, intptr_t k, int columns, NN_REAL *out) {
  int j = 0;
  enum { side = 16 / sizeof(NN_REAL) };
  typedef NN_REAL quad __attribute__((vector_size(16)));
  typedef NN_REAL loose __attribute__((vector_size(16), aligned(sizeof(NN_REAL)), may_alias));
  for (; j + side <= columns; j += side) {
    const NN_REAL *p = b + j * b_column;
    intptr_t i = 0;
    for (; i + side <= k; i += side) {
      NN_REAL *o = out + i * NN_NR + j;
#if NN_IS_DOUBLE
      quad x = *(const loose *)(p + i), y = *(const loose *)(p + b_column + i);
      *(loose *)o = __builtin_shufflevector(x, y, 0, 2);
      *(loose *)(o + NN_NR) = __builtin_shufflevector(x, y, 1, 3);
#else
      quad x = *(const loose *)(p + i), y = *(const loose *)(p + b_column + i);
      quad z = *(const loose *)(p + 2 * b_column + i), w = *(const loose *)(p + 3 * b_column + i);
      quad xy = __builtin_shufflevector(x, y, 0, 4, 1, 5), zw = __builtin_shufflevector(z, w, 0, 4, 1, 5);
      *(loose *)o = __builtin_shufflevector(xy, zw, 0, 1, 4, 5);
      *(loose *)(o + NN_NR) = __builtin_shufflevector(xy, zw, 2, 3, 6, 7);
      xy = __builtin_shufflevector(x, y, 2, 6, 3, 7), zw = __builtin_shufflevector(z, w, 2, 6, 3, 7);
      *(loose *)(o + 2 * NN_NR) = __builtin_shufflevector(xy, zw, 0, 1, 4, 5);
      *(loose *)(o + 3 * NN_NR) = __builtin_shufflevector(xy, zw, 2, 3, 6, 7);
#endif
    }
    for (; i < k; i++)
      for (int s = 0; s < side; s++) out[i * NN_NR + j + s] = p[s * b_column + i];
  }
  for (; j < columns; j++)
    for (intptr_t i = 0; i < k; i++) out[i * NN_NR + j] = b[j * b_column + i];
}

/// Packs one panel of B: k rows of NN_NR, missing columns zero.
static void NN_NAME(pack_b_)(const NN_REAL *b, intptr_t b_row, intptr_t b_column, intptr_t k, int columns,
                             NN_REAL *out) {
  if (columns < NN_NR) memset(out, 0, (size_t)(k * NN_NR) * sizeof(NN_REAL));
  if (b_column == 1) {
    if (columns == NN_NR)
      for (intptr_t i = 0; i < k; i++) NN_NAME(copy_)(out + i * NN_NR, b + i * b_row, NN_NR);
    else
      for (intptr_t i = 0; i < k; i++) NN_NAME(copy_)(out + i * NN_NR, b + i * b_row, columns);
  } else if (b_row == 1) {
    NN_NAME(pack_turned_)(b, b_column, k, columns, out);
  } else {
    for (intptr_t i = 0; i < k; i++)
      for (int j = 0; j < columns; j++) out[i * NN_NR + j] = b[i * b_row + j * b_column];
  }
}

static void NN_NAME(gemm_block_)(const struct nn_gemm *g, intptr_t row0, intptr_t row1, intptr_t column0,
                                 intptr_t column1, intptr_t k0, intptr_t k) {
  NN_REAL packed_b[NN_KC * NN_NC] __attribute__((aligned(64)));
  NN_REAL packed_a[NN_GROUP * NN_MR * NN_A_ROW] __attribute__((aligned(64)));
  NN_REAL *rows[NN_MR];
  for (intptr_t column = column0; column < column1; column += NN_NR) {
    const NN_REAL *b = (const NN_REAL *)g->b + k0 * g->b_row + column * g->b_column;
    NN_NAME(pack_b_)(b, g->b_row, g->b_column, k, (int)nn_min(NN_NR, column1 - column),
                     packed_b + (column - column0) * k);
  }
  int by_column = g->a_row == 1 && g->a_column != 1;
  struct NN_NAME(tile_) t = {.rows = rows, .k = k, .accumulate = g->accumulate || k0 > 0, .by_column = by_column, .a_step = NN_MR, .next_row = g->a_row};
  const NN_REAL *bias = k0 == 0 ? g->bias : NULL;
  intptr_t count = row1 - row0, tiles = (count + NN_MR - 1) / NN_MR, group = by_column ? NN_GROUP : 1;
  for (intptr_t p = 0; p < tiles; p++) {
    intptr_t first = row0 + NN_SHARE(p, count, tiles), size = row0 + NN_SHARE(p + 1, count, tiles) - first;
    if (!by_column) {
      NN_NAME(pack_a_)(g, first, size, k0, k, packed_a);
    } else if (p % group == 0) {
      const NN_REAL *a = (const NN_REAL *)g->a + k0 * g->a_column + row0;
      for (intptr_t i = 0; i < k; i++) {
        // Few elements of each line are read: the processor does not see the next lines coming.
        const NN_REAL *ahead = a + nn_min(i + 12, k - 1) * g->a_column + NN_SHARE(p, count, tiles);
        for (int r = 0; r < NN_GROUP * NN_MR; r += 64 / (int)sizeof(NN_REAL)) __builtin_prefetch(ahead + r);
        NN_NAME(deal_)(a + i * g->a_column, count, tiles, p, packed_a + i * NN_MR);
      }
    }
    t.a = packed_a + p % group * NN_MR * NN_A_ROW;
    for (intptr_t r = 0; r < size; r++) rows[r] = (NN_REAL *)g->c + (first + r) * g->c_row;
    int fetches = g->a_column == 1 && p + 1 < tiles;
    t.next = fetches ? (const NN_REAL *)g->a + (first + size) * g->a_row + k0 : NULL;
    NN_NAME(tile_row_)(&t, (int)size, packed_b, bias, column0, column1);
  }
}

static void NN_NAME(gemm_)(const struct nn_gemm *g, intptr_t row0, intptr_t row1, intptr_t column0,
                           intptr_t column1) {
  intptr_t block = nn_k_block(g->k);
  for (intptr_t c0 = column0; c0 < column1; c0 += NN_NC)
    for (intptr_t k0 = 0; k0 == 0 || k0 < g->k; k0 += block)
      NN_NAME(gemm_block_)(g, row0, row1, c0, nn_min(c0 + NN_NC, column1), k0, nn_min(block, g->k - k0));
}
