// Included by normalization.c per element type and instruction set, see real_paths.h. Blocks of 64 rows and
// 64 channels stay in the innermost cache, so that going over them twice costs no memory traffic.

#define NN_INLINE static inline __attribute__((always_inline))
#define NN_BLOCK 64

/// Calls f with a constant number of channels where it can, for full use of registers.
#define NN_WITH_WIDTH(width, f, ...)         \
  if ((width) == NN_BLOCK)                   \
    f(NN_BLOCK, __VA_ARGS__);                \
  else                                       \
    f(width, __VA_ARGS__);

NN_INLINE void NN_NAME(block_sums_)(intptr_t width, intptr_t rows, intptr_t stride, const NN_REAL *restrict x,
                                    NN_REAL *restrict sum) {
  for (intptr_t k = 0; k < width; k++) sum[k] = 0;
  for (intptr_t r = 0; r < rows; r++)
    for (intptr_t k = 0; k < width; k++) sum[k] += x[r * stride + k];
}

NN_INLINE void NN_NAME(block_squares_)(intptr_t width, intptr_t rows, intptr_t stride,
                                       const NN_REAL *restrict x, const NN_REAL *restrict center,
                                       NN_REAL *restrict sum, NN_REAL *restrict squares) {
  for (intptr_t k = 0; k < width; k++) sum[k] = squares[k] = 0;
  for (intptr_t r = 0; r < rows; r++)
    for (intptr_t k = 0; k < width; k++) {
      NN_REAL d = x[r * stride + k] - center[k];
      sum[k] += d;
      squares[k] += d * d;
    }
}

static void NN_NAME(channel_moments_)(intptr_t rows, intptr_t channels, const NN_REAL *x,
                                      double *restrict mean, double *restrict squares) {
  for (intptr_t c = 0; c < channels; c++) mean[c] = squares[c] = 0;
  for (intptr_t row = 0; row < rows; row += NN_BLOCK) {
    const intptr_t height = row + NN_BLOCK < rows ? NN_BLOCK : rows - row;
    const double n = (double)height, before = (double)row, share = n / (before + n), spread = before * share;
    for (intptr_t c = 0; c < channels; c += NN_BLOCK) {
      const intptr_t width = c + NN_BLOCK < channels ? NN_BLOCK : channels - c;
      const NN_REAL *block = x + row * channels + c;
      NN_REAL center[NN_BLOCK], rest[NN_BLOCK], square[NN_BLOCK];
      NN_WITH_WIDTH(width, NN_NAME(block_sums_), height, channels, block, center)
      for (intptr_t k = 0; k < width; k++) center[k] /= (NN_REAL)height;
      NN_WITH_WIDTH(width, NN_NAME(block_squares_), height, channels, block, center, rest, square)
      for (intptr_t k = 0; k < width; k++) {
        double r = rest[k], block_squares = square[k] - r * r / n;
        double delta = center[k] + r / n - mean[c + k];
        mean[c + k] += delta * share;
        squares[c + k] += (block_squares < 0 ? 0 : block_squares) + delta * delta * spread;
      }
    }
  }
}

/// `add` and `rectify` are constants after inlining.
NN_INLINE void NN_NAME(mapped_)(const int add, const int rectify, intptr_t rows, intptr_t channels,
                                const NN_REAL *restrict x, const NN_REAL *restrict mean,
                                const NN_REAL *restrict scale, const NN_REAL *restrict shift,
                                const NN_REAL *restrict addend, NN_REAL *restrict y) {
  for (intptr_t r = 0; r < rows; r++, x += channels, y += channels, addend += add ? channels : 0)
    for (intptr_t c = 0; c < channels; c++) {
      NN_REAL v = (x[c] - mean[c]) * scale[c] + shift[c];
      if (add) v += addend[c];
      y[c] = rectify && v <= 0 ? 0 : v;
    }
}

static void NN_NAME(channel_affine_)(intptr_t rows, intptr_t channels, const NN_REAL *x,
                                     const struct nn_channel_map *map, const NN_REAL *addend, int rectified,
                                     NN_REAL *y) {
  if (addend && rectified)
    NN_NAME(mapped_)(1, 1, rows, channels, x, map->mean, map->scale, map->shift, addend, y);
  else if (addend)
    NN_NAME(mapped_)(1, 0, rows, channels, x, map->mean, map->scale, map->shift, addend, y);
  else if (rectified)
    NN_NAME(mapped_)(0, 1, rows, channels, x, map->mean, map->scale, map->shift, addend, y);
  else
    NN_NAME(mapped_)(0, 0, rows, channels, x, map->mean, map->scale, map->shift, addend, y);
}

static void NN_NAME(channel_gate_)(intptr_t rows, intptr_t channels, const NN_REAL *restrict g,
                                   const NN_REAL *restrict x, const NN_REAL *restrict mean,
                                   const NN_REAL *restrict scale, const NN_REAL *restrict shift,
                                   NN_REAL *restrict y) {
  for (intptr_t r = 0; r < rows; r++, x += channels, g += channels, y += channels)
    for (intptr_t c = 0; c < channels; c++) {
      NN_REAL v = (x[c] - mean[c]) * scale[c] + shift[c];
      y[c] = v <= 0 ? 0 : g[c];
    }
}

NN_INLINE void NN_NAME(block_dots_)(intptr_t width, intptr_t rows, intptr_t stride, const NN_REAL *restrict g,
                                    const NN_REAL *restrict x, const NN_REAL *restrict mean,
                                    NN_REAL *restrict sum, NN_REAL *restrict dot) {
  for (intptr_t k = 0; k < width; k++) sum[k] = dot[k] = 0;
  for (intptr_t r = 0; r < rows; r++)
    for (intptr_t k = 0; k < width; k++) {
      sum[k] += g[r * stride + k];
      dot[k] += g[r * stride + k] * (x[r * stride + k] - mean[k]);
    }
}

static void NN_NAME(channel_gradient_sums_)(intptr_t rows, intptr_t channels, const NN_REAL *g,
                                            const NN_REAL *x, const NN_REAL *mean, double *restrict sums,
                                            double *restrict dots) {
  for (intptr_t c = 0; c < channels; c++) sums[c] = dots[c] = 0;
  for (intptr_t row = 0; row < rows; row += NN_BLOCK) {
    const intptr_t height = row + NN_BLOCK < rows ? NN_BLOCK : rows - row;
    for (intptr_t c = 0; c < channels; c += NN_BLOCK) {
      const intptr_t width = c + NN_BLOCK < channels ? NN_BLOCK : channels - c, first = row * channels + c;
      NN_REAL sum[NN_BLOCK], dot[NN_BLOCK];
      if (x) {
        NN_WITH_WIDTH(width, NN_NAME(block_dots_), height, channels, g + first, x + first, mean + c, sum, dot)
        for (intptr_t k = 0; k < width; k++) dots[c + k] += dot[k];
      } else {
        NN_WITH_WIDTH(width, NN_NAME(block_sums_), height, channels, g + first, sum)
      }
      for (intptr_t k = 0; k < width; k++) sums[c + k] += sum[k];
    }
  }
}

static void NN_NAME(channel_combination_)(intptr_t rows, intptr_t channels, const NN_REAL *restrict g,
                                          const NN_REAL *restrict x, const NN_REAL *restrict mean,
                                          const NN_REAL *restrict a, const NN_REAL *restrict b,
                                          const NN_REAL *restrict c, NN_REAL *restrict y) {
  if (x)
    for (intptr_t r = 0; r < rows; r++)
      for (intptr_t k = 0; k < channels; k++)
        y[r * channels + k] = g[r * channels + k] * a[k] + ((x[r * channels + k] - mean[k]) * b[k] + c[k]);
  else
    for (intptr_t r = 0; r < rows; r++)
      for (intptr_t k = 0; k < channels; k++) y[r * channels + k] = g[r * channels + k] * a[k];
}

// Rows on their own.

#define NN_SUM_LANES 16
#define NN_RUN 1024

/// *first = Σ of `FIRST` and *second = Σ of `SECOND` over i, in lanes within a run and in double across runs.
#define NN_LINE_SUMS(n, FIRST, SECOND, first, second)                                \
  for (intptr_t from = 0; from < (n); from += NN_RUN) {                              \
    const intptr_t to = from + NN_RUN < (n) ? from + NN_RUN : (n);                   \
    NN_REAL lane1[NN_SUM_LANES] = {0}, lane2[NN_SUM_LANES] = {0};                    \
    intptr_t at = from;                                                              \
    for (; at + NN_SUM_LANES <= to; at += NN_SUM_LANES)                              \
      for (int k = 0; k < NN_SUM_LANES; k++) {                                       \
        const intptr_t i = at + k;                                                   \
        lane1[k] += FIRST;                                                           \
        lane2[k] += SECOND;                                                          \
      }                                                                              \
    for (intptr_t i = at; i < to; i++) {                                             \
      lane1[i - at] += FIRST;                                                        \
      lane2[i - at] += SECOND;                                                       \
    }                                                                                \
    for (int k = 0; k < NN_SUM_LANES; k++) {                                         \
      first += lane1[k];                                                             \
      second += lane2[k];                                                            \
    }                                                                                \
  }

static void NN_NAME(layer_norm_)(intptr_t rows, intptr_t n, const NN_REAL *restrict x,
                                 const NN_REAL *restrict weight, const NN_REAL *restrict bias, double eps,
                                 NN_REAL *restrict y, double *mean, double *inverse) {
  for (intptr_t row = 0; row < rows; row++, x += n, y += n) {
    double sum = 0, rest = 0, squares = 0;
    NN_LINE_SUMS(n, x[i], 0, sum, rest)
    const NN_REAL center = (NN_REAL)(sum / (double)n);
    NN_LINE_SUMS(n, x[i] - center, (x[i] - center) * (x[i] - center), rest, squares)
    const double off = rest / (double)n, variance = squares / (double)n - off * off;
    const double inv = 1 / sqrt((variance < 0 ? 0 : variance) + eps);
    mean[row] = center + off;
    inverse[row] = inv;
    const NN_REAL scale = (NN_REAL)inv, shift = (NN_REAL)(-off * inv);
    if (weight && bias)
      for (intptr_t i = 0; i < n; i++) y[i] = ((x[i] - center) * scale + shift) * weight[i] + bias[i];
    else if (weight)
      for (intptr_t i = 0; i < n; i++) y[i] = ((x[i] - center) * scale + shift) * weight[i];
    else if (bias)
      for (intptr_t i = 0; i < n; i++) y[i] = (x[i] - center) * scale + (shift + bias[i]);
    else
      for (intptr_t i = 0; i < n; i++) y[i] = (x[i] - center) * scale + shift;
  }
}

NN_INLINE void NN_NAME(layer_norm_row_)(intptr_t n, int weighted, const NN_REAL *restrict g,
                                        const NN_REAL *restrict x, const NN_REAL *restrict weight,
                                        double mean, double inv, NN_REAL *restrict dx) {
  const NN_REAL center = (NN_REAL)mean;
  double sum = 0, dot = 0;
  if (weighted)
    NN_LINE_SUMS(n, g[i] * weight[i], g[i] * weight[i] * (x[i] - center), sum, dot)
  else
    NN_LINE_SUMS(n, g[i], g[i] * (x[i] - center), sum, dot)
  dot += (center - mean) * sum;
  const double slope = -inv * inv * inv * dot / (double)n;
  const NN_REAL a = (NN_REAL)inv, b = (NN_REAL)slope;
  const NN_REAL c = (NN_REAL)(-inv * sum / (double)n + (center - mean) * slope);
  if (weighted)
    for (intptr_t i = 0; i < n; i++) dx[i] = g[i] * weight[i] * a + ((x[i] - center) * b + c);
  else
    for (intptr_t i = 0; i < n; i++) dx[i] = g[i] * a + ((x[i] - center) * b + c);
}

static void NN_NAME(layer_norm_gradient_)(intptr_t rows, intptr_t n, const NN_REAL *restrict g,
                                          const NN_REAL *restrict x, const NN_REAL *restrict weight,
                                          const double *mean, const double *inverse, NN_REAL *restrict dx,
                                          double *restrict dweight, double *restrict dbias) {
  for (intptr_t row = 0; row < rows; row++, g += n, x += n) {
    if (dx && weight) NN_NAME(layer_norm_row_)(n, 1, g, x, weight, mean[row], inverse[row], dx + row * n);
    if (dx && !weight) NN_NAME(layer_norm_row_)(n, 0, g, x, NULL, mean[row], inverse[row], dx + row * n);
    const double center = mean[row], inv = inverse[row];
    if (dweight)
      for (intptr_t i = 0; i < n; i++) dweight[i] += g[i] * ((x[i] - center) * inv);
    if (dbias)
      for (intptr_t i = 0; i < n; i++) dbias[i] += g[i];
  }
}

#undef NN_LINE_SUMS
#undef NN_SUM_LANES
#undef NN_RUN
#undef NN_WITH_WIDTH
#undef NN_BLOCK
#undef NN_INLINE
