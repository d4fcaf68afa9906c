// Winograd's transforms and their products, see nn_winograd.h. Included after conv_impl.h, for float32 alone. Vectors
// run over channels.

// So many products are added up by themselves: the error of a long float32 sum grows with the root of its length, and
// most of the error of a result comes from these sums.
#define NN_WINOGRAD_SUM 64

_Static_assert(NN_WINOGRAD_ROW == NN_A_ROW, "rows of V are read by the tiles of a product");

// The points are ±p and ±q with p² = 1/2 and q² = 2, so pq = 1.
#define NN_P 0.70710678118654752440f
#define NN_Q 1.41421356237309504880f

/// Bᵀ times six vectors.
NN_INLINE void NN_NAME(winograd_b_)(const NN_VECTOR *d, NN_VECTOR *out) {
  out[0] = d[4] - d[2] * 2.5f + d[0];
  NN_VECTOR even = d[4] - d[2] * 2, odd = d[3] * NN_P - d[1] * NN_Q;
  out[1] = even + odd;
  out[2] = even - odd;
  even = d[4] - d[2] * 0.5f, odd = d[3] * NN_Q - d[1] * NN_P;
  out[3] = even + odd;
  out[4] = even - odd;
  out[5] = d[5] - d[3] * 2.5f + d[1];
}

/// Aᵀ times six vectors.
NN_INLINE void NN_NAME(winograd_a_)(const NN_VECTOR *m, NN_VECTOR *out) {
  NN_VECTOR s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4];
  out[0] = m[0] + s1 + s2;
  out[1] = d1 * NN_P + d2 * NN_Q;
  out[2] = s1 * 0.5f + s2 * 2;
  out[3] = d1 * (0.5f * NN_P) + d2 * (2 * NN_Q) + m[5];
}

/// A times four vectors.
NN_INLINE void NN_NAME(winograd_a_back_)(const NN_VECTOR *g, NN_VECTOR *out) {
  out[0] = g[0];
  NN_VECTOR even = g[0] + g[2] * 0.5f, odd = g[1] * NN_P + g[3] * (0.5f * NN_P);
  out[1] = even + odd;
  out[2] = even - odd;
  even = g[0] + g[2] * 2, odd = g[1] * NN_Q + g[3] * (2 * NN_Q);
  out[3] = even + odd;
  out[4] = even - odd;
  out[5] = g[3];
}

/// G times three vectors.
NN_INLINE void NN_NAME(winograd_g_)(const NN_VECTOR *w, NN_VECTOR *out) {
  out[0] = w[0];
  NN_VECTOR even = w[0] * (-2.0f / 3) - w[2] * (1.0f / 3), odd = w[1] * (-2.0f / 3 * NN_P);
  out[1] = even + odd;
  out[2] = even - odd;
  even = w[0] * (1.0f / 6) + w[2] * (1.0f / 3), odd = w[1] * (1.0f / 6 * NN_Q);
  out[3] = even + odd;
  out[4] = even - odd;
  out[5] = w[2];
}

/// Gᵀ times six vectors.
NN_INLINE void NN_NAME(winograd_g_back_)(const NN_VECTOR *u, NN_VECTOR *out) {
  NN_VECTOR s1 = u[1] + u[2], d1 = u[1] - u[2], s2 = u[3] + u[4], d2 = u[3] - u[4];
  out[0] = u[0] - s1 * (2.0f / 3) + s2 * (1.0f / 6);
  out[1] = d1 * (-2.0f / 3 * NN_P) + d2 * (1.0f / 6 * NN_Q);
  out[2] = s2 * (1.0f / 3) - s1 * (1.0f / 3) + u[5];
}

// What tiles read outside of an image.
static const NN_REAL NN_NAME(zeros_)[NN_WINOGRAD_MOST_CHANNELS];

/// Addresses of the `side` x `side` pixels of a tile.
NN_INLINE void NN_NAME(tile_pixels_)(const struct nn_tiles *t, intptr_t tile, const int side, const NN_REAL **out) {
  intptr_t line = tile / t->columns, image = line / t->rows;
  intptr_t y0 = (line % t->rows) * 4 + t->top, x0 = (tile - line * t->columns) * 4 + t->left;
  const NN_REAL *from = (const NN_REAL *)t->grid.data + image * t->grid.image;
  for (int i = 0; i < side; i++) {
    intptr_t y = y0 + i;
    const NN_REAL *row = from + y * t->grid.row;
    for (int j = 0; j < side; j++) {
      intptr_t x = x0 + j;
      int inside = y >= 0 && y < t->height && x >= 0 && x < t->width;
      out[i * side + j] = inside ? row + x * t->grid.column : NN_NAME(zeros_);
    }
  }
}

#define NN_TRANSFORM_TILES(FUNCTION, SIDE, ONE)                                                                  \
  static void FUNCTION(const struct nn_tiles *t, const struct nn_planes *out, intptr_t tile0, intptr_t tile1) {  \
    const NN_REAL *pixels[(SIDE) * (SIDE)];                                                                      \
    for (intptr_t tile = tile0; tile < tile1; tile++) {                                                          \
      NN_NAME(tile_pixels_)(t, tile, SIDE, pixels);                                                              \
      NN_REAL *o = out->data + (tile - tile0) * out->tile;                                                       \
      for (intptr_t c = 0; c < t->channels; c += NN_LANES) {                                                     \
        NN_VECTOR column[SIDE], half[SIDE][6], whole[6];                                                         \
        for (int j = 0; j < (SIDE); j++) {                                                                       \
          for (int i = 0; i < (SIDE); i++) column[i] = NN_LOAD(pixels[i * (SIDE) + j] + c);                      \
          ONE(column, half[j]);                                                                                  \
        }                                                                                                        \
        NN_REAL *to = o + c / out->lanes * out->block + c;                                                       \
        for (int i = 0; i < 6; i++) {                                                                            \
          for (int j = 0; j < (SIDE); j++) column[j] = half[j][i];                                               \
          ONE(column, whole);                                                                                    \
          for (int j = 0; j < 6; j++) NN_STORE(to + (i * 6 + j) * out->plane, whole[j]);                         \
        }                                                                                                        \
      }                                                                                                          \
    }                                                                                                            \
  }
NN_TRANSFORM_TILES(NN_NAME(winograd_input_), 6, NN_NAME(winograd_b_))
NN_TRANSFORM_TILES(NN_NAME(winograd_gradient_), 4, NN_NAME(winograd_a_back_))
#undef NN_TRANSFORM_TILES

/// 0 in place of what is below; NaN stays.
NN_INLINE NN_VECTOR NN_NAME(rectified_)(NN_VECTOR v) {
  __typeof__(v <= 0) below = v <= 0;
  return (NN_VECTOR)(~below & (__typeof__(below))v);
}

/// The ceiling in place of what is above; NaN stays.
NN_INLINE NN_VECTOR NN_NAME(limited_)(NN_VECTOR v, NN_VECTOR ceiling) {
  __typeof__(v <= 0) above = v > ceiling;
  return (NN_VECTOR)((above & (__typeof__(above))ceiling) | (~above & (__typeof__(above))v));
}

static void NN_NAME(winograd_output_)(const struct nn_tiles *t, const struct nn_planes *m, const NN_REAL *bias,
                                      const struct nn_finish *finish, intptr_t tile0, intptr_t tile1,
                                      intptr_t channel0, intptr_t channel1) {
  const struct nn_grid *a = &finish->addend;
  const NN_VECTOR ceiling = (NN_VECTOR){0} + (NN_REAL)finish->ceiling;
  for (intptr_t tile = tile0; tile < tile1; tile++) {
    intptr_t line = tile / t->columns, image = line / t->rows;
    intptr_t y = (line % t->rows) * 4 + t->top, x = (tile - line * t->columns) * 4 + t->left;
    intptr_t height = nn_min(4, t->height - y), width = nn_min(4, t->width - x);
    NN_REAL *to = (NN_REAL *)t->grid.data + image * t->grid.image + y * t->grid.row + x * t->grid.column;
    const NN_REAL *added = a->data ? (const NN_REAL *)a->data + image * a->image + y * a->row + x * a->column : NULL;
    const NN_REAL *from = m->data + (tile - tile0) * m->tile;
    for (intptr_t c = channel0; c < channel1; c += NN_LANES) {
      NN_VECTOR column[6], half[6][4], whole[4];
      for (int j = 0; j < 6; j++) {
        for (int i = 0; i < 6; i++) column[i] = NN_LOAD(from + (i * 6 + j) * m->plane + c - channel0);
        NN_NAME(winograd_a_)(column, half[j]);
      }
      NN_VECTOR addend = bias ? NN_LOAD(bias + c) : (NN_VECTOR){0};
      for (int i = 0; i < 4; i++) {
        if (i >= height) break;
        for (int j = 0; j < 6; j++) column[j] = half[j][i];
        NN_NAME(winograd_a_)(column, whole);
        NN_REAL *o = to + i * t->grid.row + c;
        for (int j = 0; j < 4; j++) {
          if (j >= width) break;
          NN_VECTOR v = whole[j] + addend;
          if (added) v += NN_LOAD(added + i * a->row + j * a->column + c);
          if (finish->rectified) v = NN_NAME(limited_)(NN_NAME(rectified_)(v), ceiling);
          NN_STORE(o + j * t->grid.column, v);
        }
      }
    }
  }
}

// Input channels whose weights are put in order at a time.
#define NN_WEIGHT_INPUTS NN_WINOGRAD_CHANNELS

/// Weights of NN_WEIGHT_INPUTS inputs from `input` on to the outputs of a panel, as rows of NN_NR outputs that lie tap
/// by tap within an input, or the other way round. Returns the distance of taps; the product with that of inputs is 9.
NN_INLINE intptr_t NN_NAME(ordered_weights_)(const struct nn_weights *w, intptr_t input, intptr_t output, int columns,
                                             NN_REAL *out) {
  const NN_REAL *from = w->data + input * w->input + output * w->output;
  if (w->tap == 1 && w->input == 9) {
    NN_NAME(pack_b_)(from, 1, w->output, 9 * NN_WEIGHT_INPUTS, columns, out);
    return 1;
  }
  if (w->tap == 1) {
    for (int c = 0; c < NN_WEIGHT_INPUTS; c++)
      NN_NAME(pack_b_)(from + c * w->input, 1, w->output, 9, columns, out + c * 9 * NN_NR);
    return 1;
  }
  for (int tap = 0; tap < 9; tap++)
    NN_NAME(pack_b_)(from + tap * w->tap, w->input, w->output, NN_WEIGHT_INPUTS, columns,
                     out + tap * NN_WEIGHT_INPUTS * NN_NR);
  return NN_WEIGHT_INPUTS;
}

static void NN_NAME(winograd_weights_)(const struct nn_weights *w, NN_REAL *u, intptr_t plane, intptr_t block0,
                                       intptr_t block1) {
  NN_REAL ordered[9 * NN_WEIGHT_INPUTS * NN_NR] __attribute__((aligned(64)));
  intptr_t blocks = w->inputs / NN_WEIGHT_INPUTS;
  for (intptr_t block = block0; block < block1; block++) {
    intptr_t panel = block / blocks, c0 = block % blocks * NN_WEIGHT_INPUTS;
    intptr_t first = panel * NN_NR, columns = nn_min(NN_NR, w->outputs - first);
    intptr_t tap_step = NN_NAME(ordered_weights_)(w, c0, first, (int)columns, ordered);
    intptr_t input_step = tap_step == 1 ? 9 : 1;
    for (intptr_t c = 0; c < NN_WEIGHT_INPUTS; c++) {
      const NN_REAL *from = ordered + c * input_step * NN_NR;
      NN_REAL *to = u + (panel * w->inputs + c0 + c) * NN_NR;
      for (intptr_t v = 0; v < columns; v += NN_LANES) {
        NN_VECTOR column[3], half[3][6], whole[6];
        for (int j = 0; j < 3; j++) {
          for (int i = 0; i < 3; i++) {
            int tap = w->turned ? 8 - (i * 3 + j) : i * 3 + j;
            column[i] = NN_LOAD(from + tap * tap_step * NN_NR + v);
          }
          NN_NAME(winograd_g_)(column, half[j]);
        }
        for (int i = 0; i < 6; i++) {
          for (int j = 0; j < 3; j++) column[j] = half[j][i];
          NN_NAME(winograd_g_)(column, whole);
          for (int j = 0; j < 6; j++) NN_STORE(to + v + (i * 6 + j) * plane, whole[j]);
        }
      }
    }
  }
}
#undef NN_WEIGHT_INPUTS

static void NN_NAME(winograd_weight_gradient_)(const NN_REAL *du, intptr_t plane, intptr_t inputs, NN_REAL *dw,
                                               intptr_t output0, intptr_t output1) {
  for (intptr_t o = output0; o < output1; o++) {
    for (intptr_t c = 0; c < inputs; c += NN_LANES) {
      NN_VECTOR column[6], half[6][3], whole[3];
      for (int j = 0; j < 6; j++) {
        for (int i = 0; i < 6; i++) column[i] = NN_LOAD(du + (i * 6 + j) * plane + o * inputs + c);
        NN_NAME(winograd_g_back_)(column, half[j]);
      }
      for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 6; j++) column[j] = half[j][i];
        NN_NAME(winograd_g_back_)(column, whole);
        for (int j = 0; j < 3; j++) NN_STORE(dw + (o * 9 + i * 3 + j) * inputs + c, whole[j]);
      }
    }
  }
}

static void NN_NAME(winograd_product_)(const NN_REAL *a, intptr_t a_block, const NN_REAL *b, NN_REAL *c,
                                       intptr_t c_row, intptr_t count, intptr_t k, intptr_t columns) {
  NN_REAL *rows[NN_MR];
  intptr_t tiles = (count + NN_MR - 1) / NN_MR;
  struct NN_NAME(tile_) t = {.rows = rows};
  for (intptr_t column = 0; column < columns; column += NN_NR) {
    t.column = column;
    t.columns = (int)nn_min(NN_NR, columns - column);
    for (intptr_t k0 = 0; k0 < k; k0 += NN_WINOGRAD_SUM) {
      t.k = nn_min(NN_WINOGRAD_SUM, k - k0);
      t.accumulate = k0 > 0;
      t.b = b + column * k + k0 * NN_NR;
      for (intptr_t p = 0; p < tiles; p++) {
        intptr_t first = NN_SHARE(p, count, tiles), size = NN_SHARE(p + 1, count, tiles) - first;
        t.a = a + k0 / NN_KC * a_block + k0 % NN_KC + first * NN_A_ROW;
        for (intptr_t r = 0; r < size; r++) rows[r] = c + (first + r) * c_row;
        NN_NAME(tiles_)[size - 1](&t);
      }
    }
  }
}

static void NN_NAME(winograd_outer_)(const NN_REAL *a, intptr_t a_row, const NN_REAL *b, intptr_t b_panel, NN_REAL *c,
                                     intptr_t c_row, intptr_t row0, intptr_t row1, intptr_t k, intptr_t columns,
                                     int accumulate) {
  NN_REAL *rows[NN_MR];
  intptr_t count = row1 - row0, tiles = (count + NN_MR - 1) / NN_MR;
  struct NN_NAME(tile_) t = {.rows = rows, .by_column = 1, .a_step = a_row};
  for (intptr_t k0 = 0; k0 < k; k0 += NN_WINOGRAD_SUM) {
    t.k = nn_min(NN_WINOGRAD_SUM, k - k0);
    t.accumulate = accumulate || k0 > 0;
    for (intptr_t p = 0; p < tiles; p++) {
      intptr_t first = row0 + NN_SHARE(p, count, tiles), size = row0 + NN_SHARE(p + 1, count, tiles) - first;
      t.a = a + k0 * a_row + first;
      for (intptr_t r = 0; r < size; r++) rows[r] = c + (first + r) * c_row;
      for (intptr_t column = 0; column < columns; column += NN_NR) {
        t.column = column;
        t.columns = (int)nn_min(NN_NR, columns - column);
        t.b = b + column / NN_NR * b_panel + k0 * NN_NR;
        NN_NAME(tiles_)[size - 1](&t);
      }
    }
  }
}

#undef NN_WINOGRAD_SUM
#undef NN_P
#undef NN_Q
