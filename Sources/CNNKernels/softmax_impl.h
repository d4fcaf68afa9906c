// Included by softmax.c through all_paths.h.

// One line without gaps.
static void NN_NAME(softmax_line)(int logarithm, int64_t n, const NN_T *x, NN_T *y) {
  NN_T top = -INFINITY;
  for (int64_t k = 0; k < n; k++) top = x[k] > top ? x[k] : top;
  double sum = 0;
  if (logarithm) {
    for (int64_t k = 0; k < n; k++) sum += exp(x[k] - top);
    NN_T shift = (NN_T)log(sum);
    for (int64_t k = 0; k < n; k++) y[k] = x[k] - top - shift;
  } else {
    for (int64_t k = 0; k < n; k++) sum += y[k] = exp(x[k] - top);
    NN_T factor = (NN_T)(1 / sum);
    for (int64_t k = 0; k < n; k++) y[k] *= factor;
  }
}

static void NN_NAME(softmax_line_backward)(int logarithm, int64_t n, const NN_T *g, const NN_T *y, NN_T *d) {
  double sum = 0;
  if (logarithm) {
    for (int64_t k = 0; k < n; k++) sum += g[k];
    for (int64_t k = 0; k < n; k++) d[k] = g[k] - exp(y[k]) * (NN_T)sum;
  } else {
    for (int64_t k = 0; k < n; k++) sum += (double)g[k] * y[k];
    for (int64_t k = 0; k < n; k++) d[k] = y[k] * (g[k] - (NN_T)sum);
  }
}

// Up to 64 lines side by side, step by step along all of them, so that the inner loops run through memory.
static void NN_NAME(softmax_columns)(int logarithm, int64_t n, int64_t step, int64_t width, const NN_T *x, NN_T *y) {
  NN_T top[64], shift[64];
  double sum[64];
  for (int64_t j = 0; j < width; j++) top[j] = -INFINITY, sum[j] = 0;
  for (int64_t k = 0; k < n; k++)
    for (int64_t j = 0; j < width; j++) top[j] = x[k * step + j] > top[j] ? x[k * step + j] : top[j];
  for (int64_t k = 0; k < n; k++)
    for (int64_t j = 0; j < width; j++) {
      NN_T e = exp(x[k * step + j] - top[j]);
      sum[j] += e;
      if (!logarithm) y[k * step + j] = e;
    }
  for (int64_t j = 0; j < width; j++) shift[j] = (NN_T)(logarithm ? log(sum[j]) : 1 / sum[j]);
  for (int64_t k = 0; k < n; k++)
    for (int64_t j = 0; j < width; j++) {
      NN_T *out = y + k * step + j;
      *out = logarithm ? x[k * step + j] - top[j] - shift[j] : *out * shift[j];
    }
}

static void NN_NAME(softmax_columns_backward)(int logarithm, int64_t n, int64_t step, int64_t width, const NN_T *g,
                                              const NN_T *y, NN_T *d) {
  double sum[64];
  for (int64_t j = 0; j < width; j++) sum[j] = 0;
  for (int64_t k = 0; k < n; k++)
    for (int64_t j = 0; j < width; j++)
      sum[j] += logarithm ? g[k * step + j] : (double)g[k * step + j] * y[k * step + j];
  for (int64_t k = 0; k < n; k++)
    for (int64_t j = 0; j < width; j++) {
      int64_t i = k * step + j;
      d[i] = logarithm ? g[i] - exp(y[i]) * (NN_T)sum[j] : y[i] * (g[i] - (NN_T)sum[j]);
    }
}

static void NN_NAME(softmax)(int logarithm, struct nn_lines lines, const void *px, void *py) {
  for (int64_t r = 0; r < lines.rows; r++) {
    const NN_T *x = (const NN_T *)px + r * lines.row;
    NN_T *y = (NN_T *)py + r * lines.row;
    if (lines.step == 1) {
      NN_NAME(softmax_line)(logarithm, lines.n, x, y);
      continue;
    }
    for (int64_t j = 0; j < lines.width; j += 64) {
      int64_t width = lines.width - j < 64 ? lines.width - j : 64;
      NN_NAME(softmax_columns)(logarithm, lines.n, lines.step, width, x + j, y + j);
    }
  }
}

static void NN_NAME(softmax_backward)(int logarithm, struct nn_lines lines, const void *pg, const void *py,
                                      void *pd) {
  for (int64_t r = 0; r < lines.rows; r++) {
    const NN_T *g = (const NN_T *)pg + r * lines.row, *y = (const NN_T *)py + r * lines.row;
    NN_T *d = (NN_T *)pd + r * lines.row;
    if (lines.step == 1) {
      NN_NAME(softmax_line_backward)(logarithm, lines.n, g, y, d);
      continue;
    }
    for (int64_t j = 0; j < lines.width; j += 64) {
      int64_t width = lines.width - j < 64 ? lines.width - j : 64;
      NN_NAME(softmax_columns_backward)(logarithm, lines.n, lines.step, width, g + j, y + j, d + j);
    }
  }
}
