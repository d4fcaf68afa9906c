// Convolutions of groups of 4 or 8 channels on both sides. Whole groups fill a vector: lane (g, o) of a result adds up
// source[g, i] · weight[tap][i][g, o], and the source's lane (g, i) is spread over its group by shuffles.
// Included after conv_impl.h; expects NN_COUNT, the number of lanes as the preprocessor knows it.

#if NN_COUNT >= 4

#if NN_COUNT == 4
#define NN_SPREAD(x, i) __builtin_shufflevector(x, x, i, i, i, i)
#define NN_HALVES(x, i) (x)
#elif NN_COUNT == 8
#define NN_SPREAD(x, i) __builtin_shufflevector(x, x, i, i, i, i, 4 + i, 4 + i, 4 + i, 4 + i)
#define NN_HALVES(x, i) __builtin_shufflevector(x, x, i, i + 1, i + 2, i + 3, i, i + 1, i + 2, i + 3)
#else
#define NN_SPREAD(x, i)                                                                                         \
  __builtin_shufflevector(x, x, i, i, i, i, 4 + i, 4 + i, 4 + i, 4 + i, 8 + i, 8 + i, 8 + i, 8 + i, 12 + i, 12 + i, \
                          12 + i, 12 + i)
#define NN_HALVES(x, i)                                                                                            \
  __builtin_shufflevector(x, x, i, i + 1, i + 2, i + 3, i, i + 1, i + 2, i + 3, i + 8, i + 9, i + 10, i + 11, i + 8, \
                          i + 9, i + 10, i + 11)
#endif

// Positions that go through all channels together: their weights stay in the innermost cache meanwhile.
#define NN_GROUPED_ROWS 32
// Positions in registers.
#define NN_GROUPED_TILE (NN_MR > 6 ? 8 : 4)

/// Where a tap finds its channels; outside of the source zeros, whatever the channel.
struct NN_NAME(taken_) {
  const NN_REAL *from;
  intptr_t mask;
};

static const NN_REAL NN_NAME(outside_)[NN_LANES];

NN_INLINE struct NN_NAME(taken_) NN_NAME(take_)(const struct nn_window *w, const struct nn_tap *tap,
                                                struct NN_NAME(place_) p) {
  intptr_t y = p.y + tap->y, x = p.x + tap->x;
  if (y < 0 || y >= w->source_height || x < 0 || x >= w->source_width)
    return (struct NN_NAME(taken_)){NN_NAME(outside_), 0};
  return (struct NN_NAME(taken_)){p.image + y * w->source_row + x * w->source_column, -1};
}

/// Adds the products of four neighbouring channels of each group; `f` are their weights.
NN_INLINE void NN_NAME(grouped_four_)(const int count, const NN_VECTOR *x, const NN_REAL *f, intptr_t channels,
                                      NN_VECTOR *sum) {
  NN_VECTOR f0 = NN_LOAD(f), f1 = NN_LOAD(f + channels), f2 = NN_LOAD(f + 2 * channels), f3 = NN_LOAD(f + 3 * channels);
#pragma clang loop unroll(full)
  for (int r = 0; r < count; r++) sum[r] += NN_SPREAD(x[r], 0) * f0;
#pragma clang loop unroll(full)
  for (int r = 0; r < count; r++) sum[r] += NN_SPREAD(x[r], 1) * f1;
#pragma clang loop unroll(full)
  for (int r = 0; r < count; r++) sum[r] += NN_SPREAD(x[r], 2) * f2;
#pragma clang loop unroll(full)
  for (int r = 0; r < count; r++) sum[r] += NN_SPREAD(x[r], 3) * f3;
}

/// One vector of channels of `count` positions; `group` and `count` are constants after inlining.
NN_INLINE void NN_NAME(grouped_tile_)(const int group, const int count, const struct nn_window *w,
                                      const struct NN_NAME(taken_) * taken, const NN_REAL *weights,
                                      const NN_REAL *bias, intptr_t c, NN_REAL *const *out) {
  NN_VECTOR sum[NN_GROUPED_TILE], x[NN_GROUPED_TILE], half[NN_GROUPED_TILE];
#pragma clang loop unroll(full)
  for (int r = 0; r < count; r++) sum[r] = bias ? NN_LOAD(bias + c) : (NN_VECTOR){0};
  for (intptr_t tap = 0; tap < w->tap_count; tap++, taken += NN_GROUPED_ROWS) {
    const NN_REAL *f = weights + w->taps[tap].slab * group * w->channels + c;
#pragma clang loop unroll(full)
    for (int r = 0; r < count; r++) x[r] = NN_LOAD(taken[r].from + (c & taken[r].mask));
    if (group == 4) {
      NN_NAME(grouped_four_)(count, x, f, w->channels, sum);
    } else {
#pragma clang loop unroll(full)
      for (int r = 0; r < count; r++) half[r] = NN_HALVES(x[r], 0);
      NN_NAME(grouped_four_)(count, half, f, w->channels, sum);
#pragma clang loop unroll(full)
      for (int r = 0; r < count; r++) half[r] = NN_HALVES(x[r], 4);
      NN_NAME(grouped_four_)(count, half, f + 4 * w->channels, w->channels, sum);
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < count; r++) NN_STORE(out[r] + c, sum[r]);
}

/// Rows [row0, row0 + rows), at most NN_GROUPED_ROWS, with `taken` for all taps.
NN_INLINE void NN_NAME(grouped_rows_)(const int group, const struct nn_window *w, intptr_t rows,
                                      const struct NN_NAME(taken_) * taken, const NN_REAL *weights,
                                      const NN_REAL *bias, NN_REAL *const *out) {
  for (intptr_t c = 0; c < w->channels; c += NN_LANES) {
    intptr_t r = 0;
    for (; r + NN_GROUPED_TILE <= rows; r += NN_GROUPED_TILE)
      NN_NAME(grouped_tile_)(group, NN_GROUPED_TILE, w, taken + r, weights, bias, c, out + r);
    for (; r < rows; r++) NN_NAME(grouped_tile_)(group, 1, w, taken + r, weights, bias, c, out + r);
  }
}

static void NN_NAME(grouped_)(const struct nn_window *w, int group, const void *weights, const void *bias,
                              const struct nn_grid *grid, intptr_t row0, intptr_t row1) {
  struct NN_NAME(taken_) taken[NN_GROUPED_TAPS * NN_GROUPED_ROWS];
  NN_REAL *out[NN_GROUPED_ROWS];
  struct NN_NAME(walk_) at = NN_NAME(walk_to_)(w, row0);
  for (intptr_t row = row0; row < row1; row += NN_GROUPED_ROWS) {
    intptr_t rows = nn_min(NN_GROUPED_ROWS, row1 - row);
    for (intptr_t r = 0; r < rows; r++, NN_NAME(walk_on_)(w, &at)) {
      struct NN_NAME(place_) p = NN_NAME(place_at_)(w, &at);
      for (intptr_t tap = 0; tap < w->tap_count; tap++)
        taken[tap * NN_GROUPED_ROWS + r] = NN_NAME(take_)(w, &w->taps[tap], p);
      out[r] = NN_NAME(grid_at_)(grid, &at);
    }
    if (group == 4)
      NN_NAME(grouped_rows_)(4, w, rows, taken, weights, bias, out);
    else
      NN_NAME(grouped_rows_)(8, w, rows, taken, weights, bias, out);
  }
}

/// sums[t][i] += Σ over rows of spread(source[t], i) · gradient for one vector of channels; `taps` and `group` are
/// constants after inlining.
NN_INLINE void NN_NAME(grouped_sums_)(const int group, const int taps, intptr_t rows,
                                      const struct NN_NAME(taken_) * taken, const NN_REAL *const *gradients,
                                      intptr_t c, intptr_t channels, NN_REAL *const *sums) {
  NN_VECTOR sum[3][8];
#pragma clang loop unroll(full)
  for (int t = 0; t < taps; t++)
#pragma clang loop unroll(full)
    for (int i = 0; i < group; i++) sum[t][i] = (NN_VECTOR){0};
  for (intptr_t r = 0; r < rows; r++) {
    NN_VECTOR g = NN_LOAD(gradients[r] + c);
#pragma clang loop unroll(full)
    for (int t = 0; t < taps; t++) {
      const struct NN_NAME(taken_) *s = &taken[t * NN_KC + r];
      NN_VECTOR x = NN_LOAD(s->from + (c & s->mask)), low = group == 4 ? x : NN_HALVES(x, 0);
      sum[t][0] += NN_SPREAD(low, 0) * g;
      sum[t][1] += NN_SPREAD(low, 1) * g;
      sum[t][2] += NN_SPREAD(low, 2) * g;
      sum[t][3] += NN_SPREAD(low, 3) * g;
      if (group == 4) continue;
      NN_VECTOR high = NN_HALVES(x, 4);
      sum[t][4] += NN_SPREAD(high, 0) * g;
      sum[t][5] += NN_SPREAD(high, 1) * g;
      sum[t][6] += NN_SPREAD(high, 2) * g;
      sum[t][7] += NN_SPREAD(high, 3) * g;
    }
  }
#pragma clang loop unroll(full)
  for (int t = 0; t < taps; t++)
#pragma clang loop unroll(full)
    for (int i = 0; i < group; i++) {
      NN_REAL *to = sums[t] + i * channels + c;
      NN_STORE(to, NN_LOAD(to) + sum[t][i]);
    }
}

static void NN_NAME(grouped_weight_)(const struct nn_window *w, int group, const struct nn_grid *gradient, void *out,
                                     intptr_t row0, intptr_t row1) {
  struct NN_NAME(taken_) taken[3 * NN_KC];
  const NN_REAL *gradients[NN_KC];
  NN_REAL *sums[3];
  memset(out, 0, (size_t)(w->tap_count * group * w->channels) * sizeof(NN_REAL));
  for (intptr_t row = row0; row < row1; row += NN_KC) {
    intptr_t rows = nn_min(NN_KC, row1 - row), step = group == 4 ? 3 : 1;
    for (intptr_t tap = 0; tap < w->tap_count; tap += step) {
      step = nn_min(step, w->tap_count - tap);
      struct NN_NAME(walk_) at = NN_NAME(walk_to_)(w, row);
      for (intptr_t r = 0; r < rows; r++, NN_NAME(walk_on_)(w, &at)) {
        struct NN_NAME(place_) p = NN_NAME(place_at_)(w, &at);
        for (intptr_t t = 0; t < step; t++) taken[t * NN_KC + r] = NN_NAME(take_)(w, &w->taps[tap + t], p);
        gradients[r] = NN_NAME(grid_at_)(gradient, &at);
      }
      for (intptr_t t = 0; t < step; t++)
        sums[t] = (NN_REAL *)out + w->taps[tap + t].slab * group * w->channels;
      for (intptr_t c = 0; c < w->channels; c += NN_LANES) {
        if (group == 8)
          NN_NAME(grouped_sums_)(8, 1, rows, taken, gradients, c, w->channels, sums);
        else if (step == 3)
          NN_NAME(grouped_sums_)(4, 3, rows, taken, gradients, c, w->channels, sums);
        else
          for (intptr_t t = 0; t < step; t++)
            NN_NAME(grouped_sums_)(4, 1, rows, taken + t * NN_KC, gradients, c, w->channels, sums + t);
      }
    }
  }
}

#define NN_GROUPED_KERNELS NN_NAME(grouped_), NN_NAME(grouped_weight_)
#undef NN_SPREAD
#undef NN_HALVES
#undef NN_GROUPED_ROWS
#undef NN_GROUPED_TILE
#else
#define NN_GROUPED_KERNELS NULL, NULL
#endif
