// The innermost product, compiled per instruction set and element type: a tile of at most NN_MR rows and two
// vectors of columns is kept in registers while k runs over one block.
// Expects NN_REAL, NN_LANES (elements of a vector), NN_MR and NN_SUFFIX.

#define NN_NR (2 * NN_LANES)
#define NN_NC (NN_B_BYTES / (int)sizeof(NN_REAL))
#define NN_A_ROW (NN_KC + 16)  // not a power of two: rows of A must not share cache sets
#define NN_AHEAD 16            // rows of a panel of B that are fetched before they are needed
#define NN_INLINE static inline __attribute__((always_inline))

typedef NN_REAL NN_NAME(vector_) __attribute__((vector_size(NN_LANES * sizeof(NN_REAL))));
typedef NN_REAL NN_NAME(loose_)
    __attribute__((vector_size(NN_LANES * sizeof(NN_REAL)), aligned(sizeof(NN_REAL)), may_alias));
#define NN_VECTOR NN_NAME(vector_)
#define NN_LOAD(p) ((NN_VECTOR) * (const NN_NAME(loose_) *)(p))
#define NN_STORE(p, v) (*(NN_NAME(loose_) *)(p) = (NN_NAME(loose_))(v))

struct NN_NAME(tile_) {
  const NN_REAL *a;      // rows at a distance of NN_A_ROW, or (by_column) columns at a distance of `a_step`
  const NN_REAL *b;      // k rows of NN_NR
  NN_REAL *const *rows;  // where the rows of C start
  const NN_REAL *bias;   // first value for this tile, or NULL
  intptr_t column, k, a_step;
  int columns;  // valid columns, at most NN_NR
  int by_column, accumulate;
  const NN_REAL *next;  // rows that the next tile will pack, to be fetched meanwhile, or NULL
  intptr_t next_row;    // their distance
};

/// `rows`, `vectors` and one of `a_row` and `a_column` are constants after inlining.
NN_INLINE void NN_NAME(tile_core_)(const int rows, const int vectors, const intptr_t a_row, const intptr_t a_column,
                                   const struct NN_NAME(tile_) * t) {
  NN_VECTOR sum[NN_MR][2];
  const NN_REAL *a = t->a, *b = t->b;
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    sum[r][0] = sum[r][1] = (NN_VECTOR){0};
    __builtin_prefetch(t->rows[r] + t->column, 1);
    __builtin_prefetch(t->rows[r] + t->column + NN_NR - 1, 1);
  }
  for (intptr_t k = t->k; k > 0; k--) {
    NN_VECTOR b0 = NN_LOAD(b), b1 = vectors == 2 ? NN_LOAD(b + NN_LANES) : b0;
    __builtin_prefetch(b + NN_AHEAD * NN_NR);
    if (NN_NR * sizeof(NN_REAL) > 64) __builtin_prefetch(b + NN_AHEAD * NN_NR + NN_NR / 2);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      NN_REAL x = a[r * a_row];
      sum[r][0] += b0 * x;
      if (vectors == 2) sum[r][1] += b1 * x;
    }
    a += a_column;
    b += NN_NR;
  }
  int whole = t->columns == vectors * NN_LANES;
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    NN_REAL *c = t->rows[r] + t->column;
    if (whole) {
      for (int v = 0; v < vectors; v++) {
        if (t->accumulate) sum[r][v] += NN_LOAD(c + v * NN_LANES);
        if (t->bias) sum[r][v] += NN_LOAD(t->bias + v * NN_LANES);
        NN_STORE(c + v * NN_LANES, sum[r][v]);
      }
    } else {
      NN_REAL part[NN_NR];
      NN_STORE(part, sum[r][0]);
      if (vectors == 2) NN_STORE(part + NN_LANES, sum[r][1]);
      for (int j = 0; j < t->columns; j++) {
        if (t->accumulate) part[j] += c[j];
        if (t->bias) part[j] += t->bias[j];
        c[j] = part[j];
      }
    }
  }
}

#define NN_TILE_NAME(R) NN_CAT(NN_NAME(tile_rows_), _##R)
#define NN_TILE(R)                                                     \
  static void NN_TILE_NAME(R)(const struct NN_NAME(tile_) * t) {       \
    if (t->by_column) {                                                \
      if (t->columns > NN_LANES)                                       \
        NN_NAME(tile_core_)(R, 2, 1, t->a_step, t);                        \
      else                                                             \
        NN_NAME(tile_core_)(R, 1, 1, t->a_step, t);                        \
    } else {                                                           \
      if (t->columns > NN_LANES)                                       \
        NN_NAME(tile_core_)(R, 2, NN_A_ROW, 1, t);                     \
      else                                                             \
        NN_NAME(tile_core_)(R, 1, NN_A_ROW, 1, t);                     \
    }                                                                  \
  }
NN_TILE(1)
NN_TILE(2)
NN_TILE(3)
NN_TILE(4)
#if NN_MR >= 6
NN_TILE(5)
NN_TILE(6)
#endif
#if NN_MR >= 12
NN_TILE(7)
NN_TILE(8)
NN_TILE(9)
NN_TILE(10)
NN_TILE(11)
NN_TILE(12)
#endif

static void (*const NN_NAME(tiles_)[NN_MR])(const struct NN_NAME(tile_) *) = {
    NN_TILE_NAME(1),  NN_TILE_NAME(2),  NN_TILE_NAME(3),  NN_TILE_NAME(4),
#if NN_MR >= 6
    NN_TILE_NAME(5),  NN_TILE_NAME(6),
#endif
#if NN_MR >= 12
    NN_TILE_NAME(7),  NN_TILE_NAME(8),  NN_TILE_NAME(9),  NN_TILE_NAME(10), NN_TILE_NAME(11), NN_TILE_NAME(12),
#endif
};
#undef NN_TILE

/// One block row of C: `count` rows whose A is packed, against all columns of the packed block of B. What the next block
/// row will pack is fetched meanwhile, a part with each panel.
static void NN_NAME(tile_row_)(struct NN_NAME(tile_) * t, int count, const NN_REAL *packed, const NN_REAL *bias,
                               intptr_t column0, intptr_t column1) {
  enum { line = 64 / sizeof(NN_REAL) };
  intptr_t part = t->next ? (t->k * NN_NR / (column1 - column0) / line + 1) * line : 0, fetched = 0;
  for (intptr_t column = column0; column < column1; column += NN_NR) {
    t->b = packed + (column - column0) * t->k;
    t->column = column;
    t->columns = (int)nn_min(NN_NR, column1 - column);
    t->bias = bias ? bias + column : NULL;
    if (t->next) {
      intptr_t last = nn_min(t->k, fetched + part);
      for (int r = 0; r < count && fetched < last; r++)
        for (intptr_t k = fetched; k < last; k += line) __builtin_prefetch(t->next + r * t->next_row + k);
      fetched = last;
    }
    NN_NAME(tiles_)[count - 1](t);
  }
}

// Calls of memcpy cost more than the few vectors that are copied here.
NN_INLINE void NN_NAME(copy_)(NN_REAL *to, const NN_REAL *from, intptr_t count) {
  if (count >= NN_LANES) {
    intptr_t i = 0;
    for (; i + NN_LANES <= count; i += NN_LANES) NN_STORE(to + i, NN_LOAD(from + i));
    if (i < count) NN_STORE(to + count - NN_LANES, NN_LOAD(from + count - NN_LANES));
    return;
  }
  if (NN_LANES > 4 && count >= 4) {
    typedef NN_REAL four __attribute__((vector_size(4 * sizeof(NN_REAL)), aligned(sizeof(NN_REAL)), may_alias));
    intptr_t i = 0;
    for (; i + 4 <= count; i += 4) *(four *)(to + i) = *(const four *)(from + i);
    if (i < count) *(four *)(to + count - 4) = *(const four *)(from + count - 4);
    return;
  }
  if (count > 0) to[0] = from[0];
  if (count > 1) to[1] = from[1];
  if (count > 2) to[2] = from[2];
}

// Rows are shared out evenly among tiles: a tile of few rows would wait for its additions.
#define NN_SHARE(p, count, tiles) ((p) * (count) / (tiles))

/// Deals one line of `count` adjacent elements out to at most NN_GROUP tiles from tile `p` of `tiles` on.
NN_INLINE void NN_NAME(deal_)(const NN_REAL *line, intptr_t count, intptr_t tiles, intptr_t p, NN_REAL *out) {
  intptr_t last = nn_min(p + NN_GROUP, tiles), from = NN_SHARE(p, count, tiles);
  for (; p < last; p++, out += NN_MR * NN_A_ROW) {
    intptr_t to = NN_SHARE(p + 1, count, tiles);
    NN_NAME(copy_)(out, line + from, to - from);
    from = to;
  }
}

NN_INLINE void NN_NAME(zero_)(NN_REAL *to, intptr_t count) {
  intptr_t i = 0;
  for (; i + NN_LANES <= count; i += NN_LANES) NN_STORE(to + i, (NN_VECTOR){0});
  for (; i < count; i++) to[i] = 0;
}
