// Included by resample.c through real_paths.h.

static void NN_NAME(weighted_rows_)(int64_t n, int64_t taps, const int64_t *places, const double *weights,
                                   int64_t row, const void *px, void *py) {
  const NN_REAL *x = px;
  NN_REAL *y = py;
  for (int64_t first = 0; first < n; first += 32) {
    int64_t width = n - first < 32 ? n - first : 32;
    double sum[32] = {0};
    for (int64_t t = 0; t < taps; t++) {
      const NN_REAL *in = x + places[t] * row + first;
      double weight = weights[t];
      if (width == 32)
        for (int j = 0; j < 32; j++) sum[j] += weight * in[j];
      else
        for (int64_t j = 0; j < width; j++) sum[j] += weight * in[j];
    }
    for (int64_t j = 0; j < width; j++) y[first + j] = (NN_REAL)sum[j];
  }
}
