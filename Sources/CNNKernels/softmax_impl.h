// Included by softmax.c through real_paths.h.

// One line without gaps.
static void NN_NAME(softmax_line_)(int logarithm, int64_t n, const NN_REAL *x, NN_REAL *y) {
  NN_REAL top = -INFINITY;
  for (int64_t k = 0; k < n; k++) top = x[k] > top ? x[k] : top;
  double sum = 0;
  if (logarithm) {
    for (int64_t k = 0; k < n; k++) y[k] = NN_EXP_REAL(x[k] - top);
    for (int64_t k = 0; k < n; k++) sum += y[k];
    NN_REAL shift = (NN_REAL)log(sum);
    for (int64_t k = 0; k < n; k++) y[k] = x[k] - top - shift;
  } else {
    for (int64_t k = 0; k < n; k++) y[k] = NN_EXP_REAL(x[k] - top);
    for (int64_t k = 0; k < n; k++) sum += y[k];
    NN_REAL factor = (NN_REAL)(1 / sum);
    for (int64_t k = 0; k < n; k++) y[k] *= factor;
  }
}

static void NN_NAME(softmax_line_backward_)(int logarithm, int64_t n, const NN_REAL *g, const NN_REAL *y, NN_REAL *d) {
  double sum = 0;
  if (logarithm) {
    for (int64_t k = 0; k < n; k++) sum += g[k];
    for (int64_t k = 0; k < n; k++) d[k] = g[k] - NN_EXP_REAL(y[k]) * (NN_REAL)sum;
  } else {
    for (int64_t k = 0; k < n; k++) sum += (double)g[k] * y[k];
    for (int64_t k = 0; k < n; k++) d[k] = y[k] * (g[k] - (NN_REAL)sum);
  }
}

// Up to 64 lines side by side, step by step along all of them, so that the inner loops run through memory.
static void NN_NAME(softmax_columns_)(int logarithm, int64_t n, int64_t step, int64_t width, const NN_REAL *x, NN_REAL *y) {
  NN_REAL top[64], shift[64];
  double sum[64];
  for (int64_t j = 0; j < width; j++) top[j] = -INFINITY, sum[j] = 0;
  for (int64_t k = 0; k < n; k++)
    for (int64_t j = 0; j < width; j++) top[j] = x[k * step + j] > top[j] ? x[k * step + j] : top[j];
  for (int64_t k = 0; k < n; k++)
    for (int64_t j = 0; j < width; j++) {
      NN_REAL e = NN_EXP_REAL(x[k * step + j] - top[j]);
      sum[j] += e;
      if (!logarithm) y[k * step + j] = e;
    }
  for (int64_t j = 0; j < width; j++) shift[j] = (NN_REAL)(logarithm ? log(sum[j]) : 1 / sum[j]);
  for (int64_t k = 0; k < n; k++)
    for (int64_t j = 0; j < width; j++) {
      NN_REAL *out = y + k * step + j;
      *out = logarithm ? x[k * step + j] - top[j] - shift[j] : *out * shift[j];
    }
}

static void NN_NAME(softmax_columns_backward_)(int logarithm, int64_t n, int64_t step, int64_t width, const NN_REAL *g,
                                              const NN_REAL *y, NN_REAL *d) {
  double sum[64];
  for (int64_t j = 0; j < width; j++) sum[j] = 0;
  for (int64_t k = 0; k < n; k++)
    for (int64_t j = 0; j < width; j++)
      sum[j] += logarithm ? g[k * step + j] : (double)g[k * step + j] * y[k * step + j];
  for (int64_t k = 0; k < n; k++)
    for (int64_t j = 0; j < width; j++) {
      int64_t i = k * step + j;
      d[i] = logarithm ? g[i] - NN_EXP_REAL(y[i]) * (NN_REAL)sum[j] : y[i] * (g[i] - (NN_REAL)sum[j]);
    }
}

static void NN_NAME(softmax_)(int logarithm, struct nn_lines lines, const void *px, void *py) {
  for (int64_t r = 0; r < lines.rows; r++) {
    const NN_REAL *x = (const NN_REAL *)px + r * lines.row;
    NN_REAL *y = (NN_REAL *)py + r * lines.row;
    if (lines.step == 1) {
      NN_NAME(softmax_line_)(logarithm, lines.n, x, y);
      continue;
    }
    for (int64_t j = 0; j < lines.width; j += 64) {
      int64_t width = lines.width - j < 64 ? lines.width - j : 64;
      NN_NAME(softmax_columns_)(logarithm, lines.n, lines.step, width, x + j, y + j);
    }
  }
}

static void NN_NAME(softmax_backward_)(int logarithm, struct nn_lines lines, const void *pg, const void *py,
                                      void *pd) {
  for (int64_t r = 0; r < lines.rows; r++) {
    const NN_REAL *g = (const NN_REAL *)pg + r * lines.row, *y = (const NN_REAL *)py + r * lines.row;
    NN_REAL *d = (NN_REAL *)pd + r * lines.row;
    if (lines.step == 1) {
      NN_NAME(softmax_line_backward_)(logarithm, lines.n, g, y, d);
      continue;
    }
    for (int64_t j = 0; j < lines.width; j += 64) {
      int64_t width = lines.width - j < 64 ? lines.width - j : 64;
      NN_NAME(softmax_columns_backward_)(logarithm, lines.n, lines.step, width, g + j, y + j, d + j);
    }
  }
}
