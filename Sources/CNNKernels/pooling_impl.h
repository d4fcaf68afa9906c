// Included by pooling.c per element type and instruction set, see real_paths.h. Loops over channels are
// functions of their own, so that `restrict` reaches the vectoriser.

#define NN_INLINE static inline __attribute__((always_inline))
#define NN_AT(grid, n, y, x) \
  ((NN_REAL *)(grid).data + (n) * (grid).image + (y) * (grid).row + (x) * (grid).column)
// An integer as wide as NN_REAL.
#define NN_LANE __typeof__(_Generic((NN_REAL)0, float: (int32_t)0, double: (int64_t)0))
// NaN is taken too, and stays: nothing compares greater than it.
#define NN_TAKES(v, best) (((v) > (best)) | ((v) != (v)))

NN_INLINE void NN_NAME(best_of_4_)(intptr_t channels, const NN_REAL *restrict a, const NN_REAL *restrict b,
                                   const NN_REAL *restrict c, const NN_REAL *restrict d,
                                   NN_REAL *restrict y) {
  for (intptr_t i = 0; i < channels; i++) {
    NN_REAL best = a[i];
    best = NN_TAKES(b[i], best) ? b[i] : best;
    best = NN_TAKES(c[i], best) ? c[i] : best;
    best = NN_TAKES(d[i], best) ? d[i] : best;
    y[i] = best;
  }
}

NN_INLINE void NN_NAME(better_)(intptr_t channels, const NN_REAL *restrict x, NN_REAL *restrict y) {
  for (intptr_t i = 0; i < channels; i++) y[i] = NN_TAKES(x[i], y[i]) ? x[i] : y[i];
}

NN_INLINE void NN_NAME(copy_)(intptr_t channels, const NN_REAL *restrict x, NN_REAL *restrict y) {
  for (intptr_t i = 0; i < channels; i++) y[i] = x[i];
}

NN_INLINE void NN_NAME(clear_)(intptr_t channels, NN_REAL *restrict y) {
  for (intptr_t i = 0; i < channels; i++) y[i] = 0;
}

static void NN_NAME(max_pool_)(const struct nn_pooling *p, struct nn_grid x, struct nn_grid y, intptr_t row0,
                               intptr_t row1) {
  const intptr_t channels = p->channels, down = p->rows.step * x.row, right = p->columns.step * x.column;
  for (intptr_t row = row0; row < row1; row++) {
    const intptr_t n = row / p->rows.output, oy = row % p->rows.output;
    const struct nn_pool_window v = p->rows.windows[oy];
    for (intptr_t ox = 0; ox < p->columns.output; ox++) {
      const struct nn_pool_window h = p->columns.windows[ox];
      const NN_REAL *corner = NN_AT(x, n, v.start, h.start);
      NN_REAL *out = NN_AT(y, n, oy, ox);
      if (v.count == 2 && h.count == 2) {
        NN_NAME(best_of_4_)(channels, corner, corner + right, corner + down, corner + down + right, out);
        continue;
      }
      NN_NAME(copy_)(channels, corner, out);
      for (intptr_t ty = 0; ty < v.count; ty++)
        for (intptr_t tx = ty == 0; tx < h.count; tx++)
          NN_NAME(better_)(channels, corner + ty * down + tx * right, out);
    }
  }
}

NN_INLINE void NN_NAME(add_)(intptr_t channels, const NN_REAL *restrict x, NN_REAL *restrict y) {
  for (intptr_t i = 0; i < channels; i++) y[i] += x[i];
}

NN_INLINE void NN_NAME(mean_of_4_)(intptr_t channels, const NN_REAL *restrict a, const NN_REAL *restrict b,
                                   const NN_REAL *restrict c, const NN_REAL *restrict d, NN_REAL divisor,
                                   NN_REAL *restrict y) {
  for (intptr_t i = 0; i < channels; i++) y[i] = ((a[i] + b[i]) + (c[i] + d[i])) / divisor;
}

// Channels are taken in blocks that stay in the innermost cache. A window is summed row by row, and the rows
// after that, so that the error of a large float32 window grows with its sides instead of its area.
#define NN_BLOCK 256

static void NN_NAME(avg_pool_)(const struct nn_pooling *p, struct nn_grid x, struct nn_grid y, intptr_t row0,
                               intptr_t row1) {
  const intptr_t down = p->rows.step * x.row, right = p->columns.step * x.column;
  for (intptr_t row = row0; row < row1; row++) {
    const intptr_t n = row / p->rows.output, oy = row % p->rows.output;
    const struct nn_pool_window v = p->rows.windows[oy];
    for (intptr_t ox = 0; ox < p->columns.output; ox++) {
      const struct nn_pool_window h = p->columns.windows[ox];
      const NN_REAL divisor = (NN_REAL)((double)v.divisor * h.divisor);
      if (v.count == 2 && h.count == 2) {
        const NN_REAL *corner = NN_AT(x, n, v.start, h.start);
        NN_NAME(mean_of_4_)
        (p->channels, corner, corner + right, corner + down, corner + down + right, divisor,
         NN_AT(y, n, oy, ox));
        continue;
      }
      for (intptr_t from = 0; from < p->channels; from += NN_BLOCK) {
        const intptr_t channels = from + NN_BLOCK < p->channels ? NN_BLOCK : p->channels - from;
        const NN_REAL *corner = NN_AT(x, n, v.start, h.start) + from;
        NN_REAL *out = NN_AT(y, n, oy, ox) + from;
        NN_REAL total[NN_BLOCK], line[NN_BLOCK];
        for (intptr_t ty = 0; ty < v.count; ty++) {
          NN_REAL *sum = ty == 0 ? total : line;
          NN_NAME(copy_)(channels, corner + ty * down, sum);
          for (intptr_t tx = 1; tx < h.count; tx++)
            NN_NAME(add_)(channels, corner + ty * down + tx * right, sum);
          if (ty > 0) NN_NAME(add_)(channels, line, total);
        }
        for (intptr_t i = 0; i < channels; i++) out[i] = total[i] / divisor;
      }
    }
  }
}
#undef NN_BLOCK

NN_INLINE void NN_NAME(scaled_)(intptr_t channels, int adds, const NN_REAL *restrict g, NN_REAL scale,
                                NN_REAL *restrict y) {
  if (adds)
    for (intptr_t i = 0; i < channels; i++) y[i] += g[i] * scale;
  else
    for (intptr_t i = 0; i < channels; i++) y[i] = g[i] * scale;
}

/// Runs the statement for every window over element (iy, ix) of the input; `added` counts them.
#define NN_FOR_COVERS(p, iy, ix, STATEMENT)                                                              \
  int added = 0;                                                                                         \
  for (intptr_t i = (p)->rows.cover_start[iy]; i < (p)->rows.cover_start[(iy) + 1]; i++) {               \
    const struct nn_pool_cover v = (p)->rows.covers[i];                                                  \
    for (intptr_t j = (p)->columns.cover_start[ix]; j < (p)->columns.cover_start[(ix) + 1]; j++) {       \
      const struct nn_pool_cover h = (p)->columns.covers[j];                                             \
      STATEMENT;                                                                                         \
      added++;                                                                                           \
    }                                                                                                    \
  }

static void NN_NAME(avg_pool_gradient_)(const struct nn_pooling *p, struct nn_grid g, struct nn_grid dx,
                                        intptr_t row0, intptr_t row1) {
  for (intptr_t row = row0; row < row1; row++) {
    const intptr_t n = row / p->rows.input, iy = row % p->rows.input;
    for (intptr_t ix = 0; ix < p->columns.input; ix++) {
      NN_REAL *out = NN_AT(dx, n, iy, ix);
      NN_FOR_COVERS(p, iy, ix, {
        double divisor = (double)p->rows.windows[v.window].divisor * p->columns.windows[h.window].divisor;
        NN_NAME(scaled_)(p->channels, added, NN_AT(g, n, v.window, h.window), (NN_REAL)(1 / divisor), out);
      })
      if (!added) NN_NAME(clear_)(p->channels, out);
    }
  }
}

#define NN_PLACE uint8_t
#define NN_WITH_PLACE(x) NN_NAME(x##u8_)
#include "pooling_places_impl.h"
#undef NN_WITH_PLACE
#undef NN_PLACE

#define NN_PLACE int32_t
#define NN_WITH_PLACE(x) NN_NAME(x##i32_)
#include "pooling_places_impl.h"
#undef NN_WITH_PLACE
#undef NN_PLACE

#undef NN_FOR_COVERS
#undef NN_AT
#undef NN_LANE
#undef NN_TAKES
#undef NN_INLINE
