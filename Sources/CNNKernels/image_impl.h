// Included by image.c once per instruction set; NN_NAME adds the name of the set.

typedef int32_t NN_NAME(nn_int4_) __attribute__((vector_size(16)));
typedef uint8_t NN_NAME(nn_byte4_) __attribute__((vector_size(4)));

static inline uint8_t NN_NAME(nn_clip_)(int32_t sum) {
  sum >>= NN_PRECISION;
  return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

// All channels of a pixel in one vector; up to three bytes after the pixel are read with it and ignored, so
// the last pixels of the image go another way.
static inline void NN_NAME(nn_pixel_)(int channels, const uint8_t *x, const int32_t *weight, int32_t count,
                                      const uint8_t *end, uint8_t *y) {
  if (x + (count - 1) * channels + 4 <= end) {
    const int32_t half = 1 << (NN_PRECISION - 1);
    NN_NAME(nn_int4_) sum = {half, half, half, half};
    for (int32_t k = 0; k < count; k++) {
      NN_NAME(nn_byte4_) bytes;
      memcpy(&bytes, x + k * channels, 4);
      sum += __builtin_convertvector(bytes, NN_NAME(nn_int4_)) * weight[k];
    }
    for (int c = 0; c < channels; c++) y[c] = NN_NAME(nn_clip_)(sum[c]);
  } else {
    for (int c = 0; c < channels; c++) {
      int32_t sum = 1 << (NN_PRECISION - 1);
      for (int32_t k = 0; k < count; k++) sum += x[k * channels + c] * weight[k];
      y[c] = NN_NAME(nn_clip_)(sum);
    }
  }
}

static inline void NN_NAME(nn_width_channels_)(const nn_resample_table *table, int64_t rows, int channels,
                                               int64_t src_width, const uint8_t *src, uint8_t *dst) {
  const uint8_t *end = src + rows * src_width * channels;
  for (int64_t row = 0; row < rows; row++) {
    const uint8_t *x = src + row * src_width * channels;
    uint8_t *y = dst + row * table->outputs * channels;
    for (int64_t i = 0; i < table->outputs; i++)
      NN_NAME(nn_pixel_)(channels, x + table->first[i] * channels, table->weight + i * table->taps,
                         table->count[i], end, y + i * channels);
  }
}

static void NN_NAME(nn_resample_width_)(const nn_resample_table *table, int64_t rows, int channels,
                                        int64_t src_width, const uint8_t *src, uint8_t *dst) {
  if (channels == 3)
    NN_NAME(nn_width_channels_)(table, rows, 3, src_width, src, dst);
  else
    NN_NAME(nn_width_channels_)(table, rows, channels, src_width, src, dst);
}

static void NN_NAME(nn_resample_row_)(const nn_resample_table *table, int64_t output, int64_t row,
                                      const uint8_t *src, uint8_t *dst) {
  enum { block = 64 };
  const int32_t *weight = table->weight + output * table->taps;
  const int32_t count = table->count[output];
  const uint8_t *top = src + table->first[output] * row;
  int64_t start = 0;
  for (; start + block <= row; start += block) {
    int32_t sum[block];
    for (int i = 0; i < block; i++) sum[i] = 1 << (NN_PRECISION - 1);
    for (int32_t k = 0; k < count; k++) {
      const uint8_t *x = top + k * row + start;
      const int32_t w = weight[k];
      for (int i = 0; i < block; i++) sum[i] += x[i] * w;
    }
    for (int i = 0; i < block; i++) dst[start + i] = NN_NAME(nn_clip_)(sum[i]);
  }
  for (; start < row; start++) {
    int32_t sum = 1 << (NN_PRECISION - 1);
    for (int32_t k = 0; k < count; k++) sum += top[k * row + start] * weight[k];
    dst[start] = NN_NAME(nn_clip_)(sum);
  }
}

static void NN_NAME(nn_unit_planes_)(int64_t n, int channels, const uint8_t *src, float *dst) {
  if (channels == 3) {
    float *r = dst, *g = dst + n, *b = dst + 2 * n;
    for (int64_t i = 0; i < n; i++) {
      r[i] = (float)src[3 * i] / 255.0f;
      g[i] = (float)src[3 * i + 1] / 255.0f;
      b[i] = (float)src[3 * i + 2] / 255.0f;
    }
  } else {
    for (int c = 0; c < channels; c++)
      for (int64_t i = 0; i < n; i++) dst[c * n + i] = (float)src[i * channels + c] / 255.0f;
  }
}

static void NN_NAME(nn_normalize_)(int64_t n, float mean, float std, const float *x, float *y) {
  for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) / std;
}
