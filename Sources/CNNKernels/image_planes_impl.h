// Included by image.c once per instruction set, after image_impl.h: from 8-bit pixels to planes of float32 in one
// go.

// float32 of a value of 0...255, as the map's table has it.
static inline float NN_NAME(nn_mapped_)(const nn_pixel_map *map, int32_t value) {
#if defined(NN_FMA)
  // Quotients corrected by their remainders; nn_pixel_map_init compared all 256 with true divisions.
  const float x = (float)value;
  float unit = x * map->inverse_255;
  unit = __builtin_fmaf(__builtin_fmaf(-unit, 255.0f, x), map->inverse_255, unit);
  const float shifted = unit - map->mean;
  const float quotient = shifted * map->inverse_std;
  return __builtin_fmaf(__builtin_fmaf(-quotient, map->std, shifted), map->inverse_std, quotient);
#else
  return map->table[value];
#endif
}

static inline int32_t NN_NAME(nn_clip32_)(int32_t sum) {
  sum >>= NN_PRECISION;
  return sum < 0 ? 0 : sum > 255 ? 255 : sum;
}

// One row of one channel.
static void NN_NAME(nn_plain_row_)(int64_t n, const uint8_t *src, const nn_pixel_map *map, float *dst) {
#if defined(NN_FMA)
  if (map->exact) {
    for (int64_t i = 0; i < n; i++) dst[i] = NN_NAME(nn_mapped_)(map, src[i]);
    return;
  }
#endif
  for (int64_t i = 0; i < n; i++) dst[i] = map->table[src[i]];
}

// The weighted sum of `count` rows of one channel that follow each other.
static inline __attribute__((always_inline)) void NN_NAME(nn_summed_row_)(int64_t n, int32_t count,
                                                                          const int32_t *weight,
                                                                          const uint8_t *src,
                                                                          const nn_pixel_map *map, int exact,
                                                                          float *dst) {
  enum { block = 32 };
  const int32_t half = 1 << (NN_PRECISION - 1);
  int64_t start = 0;
  for (; start + block <= n; start += block) {
    int32_t sum[block];
    for (int i = 0; i < block; i++) sum[i] = half + src[start + i] * weight[0];
    for (int32_t k = 1; k < count; k++) {
      const uint8_t *x = src + k * n + start;
      const int32_t w = weight[k];
      for (int i = 0; i < block; i++) sum[i] += x[i] * w;
    }
    if (exact)
      for (int i = 0; i < block; i++)
        dst[start + i] = NN_NAME(nn_mapped_)(map, NN_NAME(nn_clip32_)(sum[i]));
    else
      for (int i = 0; i < block; i++) dst[start + i] = map->table[NN_NAME(nn_clip32_)(sum[i])];
  }
  for (; start < n; start++) {
    int32_t sum = half;
    for (int32_t k = 0; k < count; k++) sum += src[k * n + start] * weight[k];
    dst[start] = map->table[NN_NAME(nn_clip32_)(sum)];
  }
}

typedef uint8_t NN_NAME(nn_byte8_) __attribute__((vector_size(8)));
typedef uint8_t NN_NAME(nn_byte16_) __attribute__((vector_size(16)));

// An 8x8 block of bytes, rows and columns exchanged.
static inline void NN_NAME(nn_turn_block_)(const uint8_t *src, int64_t src_row, uint8_t *dst, int64_t dst_row) {
  NN_NAME(nn_byte8_) x[8];
  NN_NAME(nn_byte16_) a[4], b[4];
  for (int i = 0; i < 8; i++) memcpy(&x[i], src + i * src_row, 8);
  // Rows four apart are interleaved three times over.
  for (int i = 0; i < 4; i++)
    a[i] = __builtin_shufflevector(x[i], x[i + 4], 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
#define NN_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define NN_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
  b[0] = __builtin_shufflevector(a[0], a[2], NN_LOW);
  b[1] = __builtin_shufflevector(a[0], a[2], NN_HIGH);
  b[2] = __builtin_shufflevector(a[1], a[3], NN_LOW);
  b[3] = __builtin_shufflevector(a[1], a[3], NN_HIGH);
  a[0] = __builtin_shufflevector(b[0], b[2], NN_LOW);
  a[1] = __builtin_shufflevector(b[0], b[2], NN_HIGH);
  a[2] = __builtin_shufflevector(b[1], b[3], NN_LOW);
  a[3] = __builtin_shufflevector(b[1], b[3], NN_HIGH);
#undef NN_LOW
#undef NN_HIGH
  for (int i = 0; i < 8; i++) memcpy(dst + i * dst_row, (const uint8_t *)a + 8 * i, 8);
}

// A matrix of bytes, rows and columns exchanged: dst[j * dst_row + i] = src[i * src_row + j].
static void NN_NAME(nn_turn_)(int64_t rows, int64_t columns, const uint8_t *src, int64_t src_row, uint8_t *dst,
                              int64_t dst_row) {
  for (int64_t i = 0; i < rows; i += 8)
    for (int64_t j = 0; j < columns; j += 8) {
      const uint8_t *x = src + i * src_row + j;
      uint8_t *y = dst + j * dst_row + i;
      if (i + 8 <= rows && j + 8 <= columns) {
        NN_NAME(nn_turn_block_)(x, src_row, y, dst_row);
        continue;
      }
      for (int64_t k = 0; k < 8 && i + k < rows; k++)
        for (int64_t l = 0; l < 8 && j + l < columns; l++) y[l * dst_row + k] = x[k * src_row + l];
    }
}

// The rows [first, first + count) of the image, count <= NN_ROW_BLOCK, resampled along the width: `count` rows of
// each channel from `dst` on, channels `plane` bytes apart. The rows lie side by side in the vectors, so that a
// weight is the same for all of them; the image is turned for that, and the result turned back.
static void NN_NAME(nn_rows_to_planes_)(const nn_image_planes *p, int64_t first, int64_t count, int64_t plane,
                                        uint8_t *turned, uint8_t *dst) {
  const nn_resample_table *t = p->columns;
  const int64_t n = p->width;
  int64_t low, high;
  nn_image_planes_columns(p, &low, &high);
  uint8_t *result = turned + (high - low) * p->channels * NN_ROW_BLOCK;
  NN_NAME(nn_turn_)(count, (high - low) * p->channels, p->pixels + first * p->stride + low * p->channels,
                    p->stride, turned, NN_ROW_BLOCK);
  for (int64_t i = 0; i < n; i++) {
    const int64_t column = p->left + i, place = p->mirrored ? n - 1 - i : i;
    const int32_t *weight = t->weight + column * t->taps;
    const int32_t taps = t->count[column];
    for (int c = 0; c < p->channels; c++) {
      const uint8_t *x = turned + ((t->first[column] - low) * p->channels + c) * NN_ROW_BLOCK;
      uint8_t *y = result + (c * n + place) * NN_ROW_BLOCK;
      int32_t sum[NN_ROW_BLOCK];
      for (int r = 0; r < NN_ROW_BLOCK; r++) sum[r] = (1 << (NN_PRECISION - 1)) + x[r] * weight[0];
      for (int32_t k = 1; k < taps; k++) {
        const uint8_t *z = x + k * p->channels * NN_ROW_BLOCK;
        const int32_t w = weight[k];
        for (int r = 0; r < NN_ROW_BLOCK; r++) sum[r] += z[r] * w;
      }
      for (int r = 0; r < NN_ROW_BLOCK; r++) y[r] = NN_NAME(nn_clip_)(sum[r]);
    }
  }
  for (int c = 0; c < p->channels; c++)
    NN_NAME(nn_turn_)(n, count, result + c * n * NN_ROW_BLOCK, NN_ROW_BLOCK, dst + c * plane, n);
}

// The window's part of one row of an image that keeps its width, a channel at a time, `plane` bytes apart.
static inline void NN_NAME(nn_row_to_planes_)(const nn_image_planes *p, const int channels, const uint8_t *x,
                                              int64_t plane, uint8_t *dst) {
  x += p->left * channels;
  for (int c = 0; c < channels; c++)
    if (p->mirrored)
      for (int64_t i = 0; i < p->width; i++) dst[c * plane + i] = x[(p->width - 1 - i) * channels + c];
    else
      for (int64_t i = 0; i < p->width; i++) dst[c * plane + i] = x[i * channels + c];
}

static void NN_NAME(nn_image_planes_)(const nn_image_planes *p, uint8_t *scratch, float *dst) {
  const nn_resample_table *t = p->rows;
  int64_t first, last;
  nn_image_planes_rows(p, &first, &last);
  const int64_t n = p->width, plane = (last - first) * n;
  if (p->columns) {
    uint8_t *turned = scratch + p->channels * plane;
    for (int64_t row = first; row < last; row += NN_ROW_BLOCK) {
      const int64_t count = last - row < NN_ROW_BLOCK ? last - row : NN_ROW_BLOCK;
      NN_NAME(nn_rows_to_planes_)(p, row, count, plane, turned, scratch + (row - first) * n);
    }
  } else {
    for (int64_t row = first; row < last; row++) {
      const uint8_t *x = p->pixels + row * p->stride;
      if (p->channels == 3)
        NN_NAME(nn_row_to_planes_)(p, 3, x, plane, scratch + (row - first) * n);
      else
        NN_NAME(nn_row_to_planes_)(p, 1, x, plane, scratch + (row - first) * n);
    }
  }
  for (int c = 0; c < p->channels; c++) {
    const nn_pixel_map *map = p->maps + c;
    for (int64_t y = 0; y < p->height; y++, dst += n) {
      if (!t) {
        NN_NAME(nn_plain_row_)(n, scratch + c * plane + y * n, map, dst);
        continue;
      }
      const int64_t output = p->top + y;
      const uint8_t *src = scratch + c * plane + (t->first[output] - first) * n;
      const int32_t *weight = t->weight + output * t->taps;
      const int32_t count = t->count[output];
      // A loop of fixed length for the usual case, twice as fast.
      if (!map->exact)
        NN_NAME(nn_summed_row_)(n, count, weight, src, map, 0, dst);
      else if (count == 2)
        NN_NAME(nn_summed_row_)(n, 2, weight, src, map, 1, dst);
      else
        NN_NAME(nn_summed_row_)(n, count, weight, src, map, 1, dst);
    }
  }
}
