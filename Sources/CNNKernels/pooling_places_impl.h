// Included by pooling_impl.h for both sizes of a stored place (NN_PLACE): what max pooling does with places.

NN_INLINE void NN_WITH_PLACE(place_of_4_)(intptr_t channels, NN_LANE row, const NN_REAL *restrict a,
                                          const NN_REAL *restrict b, const NN_REAL *restrict c,
                                          const NN_REAL *restrict d, NN_REAL *restrict y,
                                          NN_PLACE *restrict place) {
  // Places are chosen in lanes as wide as the numbers, and narrowed once.
#pragma clang loop vectorize(enable)
  for (intptr_t i = 0; i < channels; i++) {
    NN_REAL best = a[i];
    NN_LANE at = 0, takes = NN_TAKES(b[i], best);
    at = takes ? 1 : at;
    best = takes ? b[i] : best;
    takes = NN_TAKES(c[i], best);
    at = takes ? row : at;
    best = takes ? c[i] : best;
    takes = NN_TAKES(d[i], best);
    at = takes ? row + 1 : at;
    y[i] = takes ? d[i] : best;
    place[i] = (NN_PLACE)at;
  }
}

NN_INLINE void NN_WITH_PLACE(better_place_)(intptr_t channels, NN_LANE k, const NN_REAL *restrict x,
                                            NN_REAL *restrict y, NN_PLACE *restrict place) {
#pragma clang loop vectorize(enable)
  for (intptr_t i = 0; i < channels; i++) {
    NN_LANE takes = NN_TAKES(x[i], y[i]), at = place[i];
    place[i] = (NN_PLACE)(takes ? k : at);
    y[i] = takes ? x[i] : y[i];
  }
}

NN_INLINE void NN_WITH_PLACE(first_place_)(intptr_t channels, NN_PLACE *restrict place) {
  for (intptr_t i = 0; i < channels; i++) place[i] = 0;
}

static void NN_WITH_PLACE(max_pool_places_)(const struct nn_pooling *p, struct nn_grid x, struct nn_grid y,
                                            NN_PLACE *places, intptr_t row0, intptr_t row1) {
  const intptr_t channels = p->channels, down = p->rows.step * x.row, right = p->columns.step * x.column;
  for (intptr_t row = row0; row < row1; row++) {
    const intptr_t n = row / p->rows.output, oy = row % p->rows.output;
    const struct nn_pool_window v = p->rows.windows[oy];
    for (intptr_t ox = 0; ox < p->columns.output; ox++) {
      const struct nn_pool_window h = p->columns.windows[ox];
      const NN_REAL *corner = NN_AT(x, n, v.start, h.start);
      NN_REAL *out = NN_AT(y, n, oy, ox);
      NN_PLACE *place = places + (row * p->columns.output + ox) * channels;
      if (v.count == 2 && h.count == 2) {
        NN_WITH_PLACE(place_of_4_)
        (channels, (NN_LANE)p->place_row, corner, corner + right, corner + down, corner + down + right, out,
         place);
        continue;
      }
      NN_NAME(copy_)(channels, corner, out);
      NN_WITH_PLACE(first_place_)(channels, place);
      for (intptr_t ty = 0; ty < v.count; ty++)
        for (intptr_t tx = ty == 0; tx < h.count; tx++)
          NN_WITH_PLACE(better_place_)
          (channels, (NN_LANE)(ty * p->place_row + tx), corner + ty * down + tx * right, out, place);
    }
  }
}

/// y = (or +=) x where the place is k, else 0.
NN_INLINE void NN_WITH_PLACE(chosen_)(intptr_t channels, int adds, NN_LANE k, const NN_REAL *restrict x,
                                      const NN_PLACE *restrict place, NN_REAL *restrict y) {
  if (adds) {
#pragma clang loop vectorize(enable)
    for (intptr_t i = 0; i < channels; i++) {
      NN_LANE at = place[i];
      y[i] += at == k ? x[i] : 0;
    }
  } else {
#pragma clang loop vectorize(enable)
    for (intptr_t i = 0; i < channels; i++) {
      NN_LANE at = place[i];
      y[i] = at == k ? x[i] : 0;
    }
  }
}

static void NN_WITH_PLACE(max_pool_gradient_)(const struct nn_pooling *p, struct nn_grid g,
                                              const NN_PLACE *places, struct nn_grid dx, intptr_t row0,
                                              intptr_t row1) {
  const intptr_t channels = p->channels;
  for (intptr_t row = row0; row < row1; row++) {
    const intptr_t n = row / p->rows.input, iy = row % p->rows.input;
    for (intptr_t ix = 0; ix < p->columns.input; ix++) {
      NN_REAL *out = NN_AT(dx, n, iy, ix);
      NN_FOR_COVERS(p, iy, ix, {
        intptr_t pixel = (n * p->rows.output + v.window) * p->columns.output + h.window;
        NN_WITH_PLACE(chosen_)
        (channels, added, (NN_LANE)(v.tap * p->place_row + h.tap), NN_AT(g, n, v.window, h.window),
         places + pixel * channels, out);
      })
      if (!added) NN_NAME(clear_)(channels, out);
    }
  }
}

NN_INLINE void NN_WITH_PLACE(replaced_)(intptr_t channels, NN_LANE k, const NN_REAL *restrict x,
                                        const NN_PLACE *restrict place, NN_REAL *restrict y) {
#pragma clang loop vectorize(enable)
  for (intptr_t i = 0; i < channels; i++) {
    NN_LANE at = place[i];
    NN_REAL new = x[i], old = y[i];
    y[i] = at == k ? new : old;
  }
}

static void NN_WITH_PLACE(max_pool_pick_)(const struct nn_pooling *p, struct nn_grid x,
                                          const NN_PLACE *places, struct nn_grid y, intptr_t row0,
                                          intptr_t row1) {
  const intptr_t channels = p->channels, down = p->rows.step * x.row, right = p->columns.step * x.column;
  for (intptr_t row = row0; row < row1; row++) {
    const intptr_t n = row / p->rows.output, oy = row % p->rows.output;
    const struct nn_pool_window v = p->rows.windows[oy];
    for (intptr_t ox = 0; ox < p->columns.output; ox++) {
      const struct nn_pool_window h = p->columns.windows[ox];
      const NN_REAL *corner = NN_AT(x, n, v.start, h.start);
      NN_REAL *out = NN_AT(y, n, oy, ox);
      const NN_PLACE *place = places + (row * p->columns.output + ox) * channels;
      NN_NAME(copy_)(channels, corner, out);
      for (intptr_t ty = 0; ty < v.count; ty++)
        for (intptr_t tx = ty == 0; tx < h.count; tx++)
          NN_WITH_PLACE(replaced_)
          (channels, (NN_LANE)(ty * p->place_row + tx), corner + ty * down + tx * right, place, out);
    }
  }
}
