// Convolutions as products with the patch matrix of a window, whose rows are copied straight from the image
// when they are needed, see nn_conv.h. Included after gemm_impl.h.

/// A window's place in the source: its image and the coordinates of its corner.
struct NN_NAME(place_) {
  const NN_REAL *image;
  intptr_t y, x;
};

/// Goes through the positions of a window, row of the patch matrix by row.
struct NN_NAME(walk_) {
  intptr_t image, y, x;
};

NN_INLINE struct NN_NAME(walk_) NN_NAME(walk_to_)(const struct nn_window *w, intptr_t row) {
  intptr_t line = row / w->width;
  return (struct NN_NAME(walk_)){line / w->height, line % w->height, row - line * w->width};
}

NN_INLINE void NN_NAME(walk_on_)(const struct nn_window *w, struct NN_NAME(walk_) * at) {
  if (++at->x == w->width) {
    at->x = 0;
    if (++at->y == w->height) {
      at->y = 0;
      at->image++;
    }
  }
}

NN_INLINE struct NN_NAME(place_) NN_NAME(place_at_)(const struct nn_window *w, const struct NN_NAME(walk_) * at) {
  return (struct NN_NAME(place_)){(const NN_REAL *)w->source + at->image * w->source_image, at->y * w->step_y,
                                  at->x * w->step_x};
}

NN_INLINE NN_REAL *NN_NAME(grid_at_)(const struct nn_grid *g, const struct NN_NAME(walk_) * at) {
  return (NN_REAL *)g->data + at->image * g->image + at->y * g->row + at->x * g->column;
}

/// Copies `count` elements of a row of the patch matrix, from channel `channel` of tap `tap` on.
NN_INLINE void NN_NAME(patch_)(const struct nn_window *w, struct NN_NAME(place_) p, intptr_t tap, intptr_t channel,
                               intptr_t count, NN_REAL *out) {
  while (count > 0) {
    const struct nn_tap *t = &w->taps[tap];
    intptr_t channels = w->channels, end = nn_min(channel + count, t->run * channels);
    intptr_t y = p.y + t->y, x = p.x + t->x, span = end - channel;
    if (y < 0 || y >= w->source_height) {
      NN_NAME(zero_)(out, span);
    } else {
      const NN_REAL *from = p.image + y * w->source_row + x * w->source_column;
      if (x >= 0 && x + t->run <= w->source_width) {
        NN_NAME(copy_)(out, from + channel, span);
      } else {  // part of the run hangs over the left or right edge
        intptr_t low = nn_min(nn_max(channel, -x * channels), end);
        intptr_t high = nn_max(nn_min(end, (w->source_width - x) * channels), low);
        NN_NAME(zero_)(out, low - channel);
        NN_NAME(copy_)(out + (low - channel), from + low, high - low);
        NN_NAME(zero_)(out + (high - channel), end - high);
      }
    }
    out += span;
    count -= span;
    tap += t->run;
    channel = 0;
  }
}

/// Whether the patch matrix lies in memory as it is: one tap without padding at stride 1 over images without gaps.
NN_INLINE int NN_NAME(is_matrix_)(const struct nn_window *w) {
  return w->tap_count == 1 && !w->taps->y && !w->taps->x && w->step_y == 1 && w->step_x == 1 &&
         w->height == w->source_height && w->width == w->source_width &&
         w->source_row == w->width * w->source_column && w->source_image == w->height * w->source_row;
}

static void NN_NAME(conv_block_)(const struct nn_window *w, const NN_REAL *weights, intptr_t weight_row,
                                 const NN_REAL *bias, const struct nn_grid *out, intptr_t row0, intptr_t row1,
                                 intptr_t column0, intptr_t column1, intptr_t k0, intptr_t k) {
  NN_REAL packed_b[NN_KC * NN_NC] __attribute__((aligned(64)));
  NN_REAL packed_a[NN_MR * NN_A_ROW] __attribute__((aligned(64)));
  NN_REAL *rows[NN_MR];
  intptr_t tap0 = k0 / w->channels, channel0 = k0 % w->channels;
  for (intptr_t column = column0; column < column1; column += NN_NR) {
    NN_REAL *panel = packed_b + (column - column0) * k;
    int columns = (int)nn_min(NN_NR, column1 - column);
    for (intptr_t done = 0, tap = tap0, channel = channel0; done < k; tap++, channel = 0) {
      intptr_t part = nn_min(w->channels - channel, k - done);
      const NN_REAL *slab = weights + (w->taps[tap].slab * w->channels + channel) * weight_row + column;
      NN_NAME(pack_b_)(slab, weight_row, 1, part, columns, panel + done * NN_NR);
      done += part;
    }
  }
  struct NN_NAME(tile_) t = {.a = packed_a, .rows = rows, .k = k, .accumulate = k0 > 0, .next_row = w->source_column};
  int is_matrix = NN_NAME(is_matrix_)(w);
  intptr_t count = row1 - row0, tiles = (count + NN_MR - 1) / NN_MR;
  struct NN_NAME(walk_) at = NN_NAME(walk_to_)(w, row0);
  for (intptr_t p = 0; p < tiles; p++) {
    int size = (int)(NN_SHARE(p + 1, count, tiles) - NN_SHARE(p, count, tiles));
    for (int r = 0; r < size; r++, NN_NAME(walk_on_)(w, &at)) {
      NN_NAME(patch_)(w, NN_NAME(place_at_)(w, &at), tap0, channel0, k, packed_a + r * NN_A_ROW);
      rows[r] = NN_NAME(grid_at_)(out, &at);
    }
    intptr_t next = row0 + NN_SHARE(p + 1, count, tiles);
    t.next = is_matrix && next < row1 ? (const NN_REAL *)w->source + next * w->source_column + k0 : NULL;
    NN_NAME(tile_row_)(&t, size, packed_b, k0 == 0 ? bias : NULL, column0, column1);
  }
}

static void NN_NAME(conv_)(const struct nn_window *w, const void *weights, intptr_t weight_row, const void *bias,
                           const struct nn_grid *out, intptr_t row0, intptr_t row1, intptr_t column0,
                           intptr_t column1) {
  intptr_t total = w->tap_count * w->channels, block = nn_k_block(total);
  for (intptr_t c0 = column0; c0 < column1; c0 += NN_NC)
    for (intptr_t k0 = 0; k0 == 0 || k0 < total; k0 += block)
      NN_NAME(conv_block_)(w, weights, weight_row, bias, out, row0, row1, c0, nn_min(c0 + NN_NC, column1), k0,
                           nn_min(block, total - k0));
}

/// `add`, `rectify` and `limit` are constants after inlining.
NN_INLINE void NN_NAME(finished_)(const int add, const int rectify, const int limit, intptr_t count,
                                  NN_REAL *restrict y, const NN_REAL *restrict addend, NN_REAL ceiling) {
  for (intptr_t c = 0; c < count; c++) {
    NN_REAL v = add ? y[c] + addend[c] : y[c];
    v = rectify && v <= 0 ? 0 : v;
    y[c] = limit && v > ceiling ? ceiling : v;
  }
}

static void NN_NAME(conv_finish_)(const struct nn_window *w, const struct nn_grid *out, const struct nn_finish *f,
                                  intptr_t row0, intptr_t row1, intptr_t column0, intptr_t column1) {
  struct NN_NAME(walk_) at = NN_NAME(walk_to_)(w, row0);
  for (intptr_t row = row0, count = column1 - column0; row < row1; row++, NN_NAME(walk_on_)(w, &at)) {
    NN_REAL *y = NN_NAME(grid_at_)(out, &at) + column0;
    const NN_REAL *addend = f->addend.data ? NN_NAME(grid_at_)(&f->addend, &at) + column0 : NULL;
    const NN_REAL ceiling = (NN_REAL)f->ceiling;
    const int limited = f->ceiling < HUGE_VAL;
    if (!f->rectified)
      NN_NAME(finished_)(1, 0, 0, count, y, addend, ceiling);
    else if (addend && limited)
      NN_NAME(finished_)(1, 1, 1, count, y, addend, ceiling);
    else if (addend)
      NN_NAME(finished_)(1, 1, 0, count, y, addend, ceiling);
    else if (limited)
      NN_NAME(finished_)(0, 1, 1, count, y, NULL, ceiling);
    else
      NN_NAME(finished_)(0, 1, 0, count, y, NULL, ceiling);
  }
}

// Positions that the gradient of the weights packs at a time: both operands of a tile stay in the innermost cache.
#define NN_WEIGHT_ROWS (NN_KC / 2)

/// Packs channels [output0, output1) of the gradient at `k` positions from `at` on as panels.
NN_INLINE void NN_NAME(pack_gradient_)(const struct nn_window *w, const struct nn_grid *gradient,
                                       struct NN_NAME(walk_) at, intptr_t k, intptr_t output0, intptr_t output1,
                                       NN_REAL *out) {
  intptr_t last = (output1 - output0) % NN_NR, whole = output1 - last;
  // Channels that do not exist must still be numbers.
  if (last) memset(out + (whole - output0) * k, 0, (size_t)(k * NN_NR) * sizeof(NN_REAL));
  for (intptr_t i = 0; i < k; i++, NN_NAME(walk_on_)(w, &at)) {
    const NN_REAL *from = NN_NAME(grid_at_)(gradient, &at);
    NN_REAL *to = out + i * NN_NR;
    for (intptr_t o = output0; o < whole; o += NN_NR, to += k * NN_NR) {
      NN_STORE(to, NN_LOAD(from + o));
      NN_STORE(to + NN_LANES, NN_LOAD(from + o + NN_LANES));
    }
    if (last) NN_NAME(copy_)(to, from + whole, last);
  }
}

static void NN_NAME(conv_weight_)(const struct nn_window *w, const struct nn_grid *gradient, intptr_t outputs,
                                  void *sums, intptr_t sums_row, intptr_t row0, intptr_t row1, intptr_t column0,
                                  intptr_t column1, int accumulate) {
  NN_REAL patches[NN_WEIGHT_ROWS * NN_A_ROW] __attribute__((aligned(64)));
  NN_REAL gradients[NN_WEIGHT_ROWS * NN_NC] __attribute__((aligned(64)));
  NN_REAL *rows[NN_MR];
  struct NN_NAME(tile_) t = {.rows = rows, .by_column = 1, .a_step = NN_A_ROW};
  for (intptr_t c0 = column0; c0 < column1; c0 += NN_NC) {
    intptr_t count = nn_min(NN_NC, column1 - c0), tiles = (count + NN_MR - 1) / NN_MR;
    for (intptr_t row = row0; row == row0 || row < row1; row += NN_WEIGHT_ROWS) {
      struct NN_NAME(walk_) start = NN_NAME(walk_to_)(w, row), at = start;
      t.k = nn_min(NN_WEIGHT_ROWS, row1 - row);
      t.accumulate = accumulate || row > row0;
      for (intptr_t i = 0; i < t.k; i++, NN_NAME(walk_on_)(w, &at))
        NN_NAME(patch_)(w, NN_NAME(place_at_)(w, &at), c0 / w->channels, c0 % w->channels, count,
                        patches + i * NN_A_ROW);
      for (intptr_t o0 = 0; o0 < outputs; o0 += NN_NC) {
        intptr_t o1 = nn_min(o0 + NN_NC, outputs);
        NN_NAME(pack_gradient_)(w, gradient, start, t.k, o0, o1, gradients);
        for (intptr_t p = 0; p < tiles; p++) {
          intptr_t first = NN_SHARE(p, count, tiles), size = NN_SHARE(p + 1, count, tiles) - first;
          t.a = patches + first;
          for (intptr_t r = 0; r < size; r++) rows[r] = (NN_REAL *)sums + (c0 + first + r) * sums_row;
          NN_NAME(tile_row_)(&t, (int)size, gradients, NULL, o0, o1);
        }
      }
    }
  }
}
#undef NN_WEIGHT_ROWS

static void NN_NAME(conv_patches_)(const struct nn_window *w, void *rows, intptr_t row0, intptr_t row1) {
  struct NN_NAME(walk_) at = NN_NAME(walk_to_)(w, row0);
  intptr_t k = w->tap_count * w->channels;
  NN_REAL *out = rows;
  for (intptr_t row = row0; row < row1; row++, out += k, NN_NAME(walk_on_)(w, &at))
    NN_NAME(patch_)(w, NN_NAME(place_at_)(w, &at), 0, 0, k, out);
}

// Taps of a depthwise window that are gathered before channels are gone through.
#define NN_DEPTHWISE_TAPS 49

/// out[c] = Σ over `count` taps of from[tap][c] · factor[tap][c], plus bias or what is there, for `vectors` vectors.
NN_INLINE void NN_NAME(depthwise_sum_)(const int vectors, int count, const NN_REAL *const *from,
                                       const NN_REAL *const *factor, intptr_t c, const NN_REAL *start, NN_REAL *out) {
  NN_VECTOR sum[4];
  for (int v = 0; v < vectors; v++) sum[v] = start ? NN_LOAD(start + c + v * NN_LANES) : (NN_VECTOR){0};
  for (int i = 0; i < count; i++)
    for (int v = 0; v < vectors; v++)
      sum[v] += NN_LOAD(from[i] + c + v * NN_LANES) * NN_LOAD(factor[i] + c + v * NN_LANES);
  for (int v = 0; v < vectors; v++) NN_STORE(out + c + v * NN_LANES, sum[v]);
}

static void NN_NAME(depthwise_)(const struct nn_window *w, const void *weights, const void *bias,
                                const struct nn_grid *out, intptr_t row0, intptr_t row1) {
  const NN_REAL *from[NN_DEPTHWISE_TAPS], *factor[NN_DEPTHWISE_TAPS];
  struct NN_NAME(walk_) at = NN_NAME(walk_to_)(w, row0);
  for (intptr_t row = row0; row < row1; row++, NN_NAME(walk_on_)(w, &at)) {
    struct NN_NAME(place_) p = NN_NAME(place_at_)(w, &at);
    NN_REAL *o = NN_NAME(grid_at_)(out, &at);
    const NN_REAL *start = bias;
    for (intptr_t tap = 0; tap < w->tap_count || tap == 0; start = o) {
      int count = 0;
      for (; tap < w->tap_count && count < NN_DEPTHWISE_TAPS; tap++) {
        intptr_t y = p.y + w->taps[tap].y, x = p.x + w->taps[tap].x;
        if (y < 0 || y >= w->source_height || x < 0 || x >= w->source_width) continue;
        from[count] = p.image + y * w->source_row + x * w->source_column;
        factor[count++] = (const NN_REAL *)weights + w->taps[tap].slab * w->channels;
      }
      intptr_t c = 0;
      for (; c + 4 * NN_LANES <= w->channels; c += 4 * NN_LANES)
        NN_NAME(depthwise_sum_)(4, count, from, factor, c, start, o);
      for (; c + NN_LANES <= w->channels; c += NN_LANES)
        NN_NAME(depthwise_sum_)(1, count, from, factor, c, start, o);
      for (; c < w->channels; c++) {
        NN_REAL sum = start ? start[c] : 0;
        for (int i = 0; i < count; i++) sum += from[i][c] * factor[i][c];
        o[c] = sum;
      }
      if (w->tap_count == 0) break;
    }
  }
}

static void NN_NAME(depthwise_weight_)(const struct nn_window *w, const struct nn_grid *gradient, void *sums,
                                       intptr_t row0, intptr_t row1) {
  memset(sums, 0, (size_t)(w->tap_count * w->channels) * sizeof(NN_REAL));
  struct NN_NAME(walk_) at = NN_NAME(walk_to_)(w, row0);
  for (intptr_t row = row0; row < row1; row++, NN_NAME(walk_on_)(w, &at)) {
    struct NN_NAME(place_) p = NN_NAME(place_at_)(w, &at);
    const NN_REAL *g = NN_NAME(grid_at_)(gradient, &at);
    for (intptr_t i = 0; i < w->tap_count; i++) {
      intptr_t y = p.y + w->taps[i].y, x = p.x + w->taps[i].x;
      if (y < 0 || y >= w->source_height || x < 0 || x >= w->source_width) continue;
      const NN_REAL *from = p.image + y * w->source_row + x * w->source_column;
      NN_REAL *sum = (NN_REAL *)sums + w->taps[i].slab * w->channels;
      for (intptr_t c = 0; c < w->channels; c++) sum[c] += from[c] * g[c];
    }
  }
}

#undef NN_DEPTHWISE_TAPS
