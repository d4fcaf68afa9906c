#include "nn_image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch.h"
#include "nn_dispatch.h"

// 22 fractional bits: 8 bits of value, 22 of weight and 2 of headroom (negative lobes make sums exceed 255)
// fill an int32.
#define NN_PRECISION 22

// Rows that are resampled along the width together.
#define NN_ROW_BLOCK 32

// The inputs that the outputs [start, start + count) need: [first, last). Without a table these themselves.
static void nn_needed_inputs(const nn_resample_table *t, int64_t start, int64_t count, int64_t *first,
                             int64_t *last) {
  *first = start;
  *last = start + count;
  if (!t || count == 0) return;
  *first = t->first[start];
  *last = 0;
  for (int64_t i = start; i < start + count; i++) {
    if (t->first[i] < *first) *first = t->first[i];
    if (t->first[i] + t->count[i] > *last) *last = t->first[i] + t->count[i];
  }
}

static void nn_image_planes_rows(const nn_image_planes *p, int64_t *first, int64_t *last) {
  nn_needed_inputs(p->rows, p->top, p->height, first, last);
}

static void nn_image_planes_columns(const nn_image_planes *p, int64_t *first, int64_t *last) {
  nn_needed_inputs(p->columns, p->left, p->width, first, last);
}

#define NN_SUFFIX portable
#include "image_impl.h"
#include "image_planes_impl.h"
#undef NN_SUFFIX

#if defined(__x86_64__)
#define NN_FMA
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define NN_SUFFIX avx2
#include "image_impl.h"
#include "image_planes_impl.h"
#undef NN_SUFFIX
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"))), \
                             apply_to = function)
#define NN_SUFFIX avx512
#include "image_impl.h"
#include "image_planes_impl.h"
#undef NN_SUFFIX
#pragma clang attribute pop

#define NN_CALL(f, ...)                         \
  switch (nn_kernel_path()) {                   \
    case NN_AVX512: f##avx512(__VA_ARGS__); break; \
    case NN_AVX2: f##avx2(__VA_ARGS__); break;     \
    default: f##portable(__VA_ARGS__); break;      \
  }
#else
#define NN_CALL(f, ...) f##portable(__VA_ARGS__);
#endif

void nn_resample_width_u8(const nn_resample_table *table, int64_t rows, int channels, int64_t src_width,
                          const uint8_t *src, uint8_t *dst) {
  NN_CALL(nn_resample_width_, table, rows, channels, src_width, src, dst)
}

void nn_resample_row_u8(const nn_resample_table *table, int64_t output, int64_t row, const uint8_t *src,
                        uint8_t *dst) {
  NN_CALL(nn_resample_row_, table, output, row, src, dst)
}

void nn_resample_height_u8(const nn_resample_table *table, int64_t row, const uint8_t *src, uint8_t *dst) {
  for (int64_t i = 0; i < table->outputs; i++) nn_resample_row_u8(table, i, row, src, dst + i * row);
}

void nn_unit_planes_f32(int64_t n, int channels, const uint8_t *src, float *dst) {
  NN_CALL(nn_unit_planes_, n, channels, src, dst)
}

void nn_normalize_f32(int64_t n, float mean, float std, const float *x, float *y) {
  NN_CALL(nn_normalize_, n, mean, std, x, y)
}

void nn_planes_to_pixels_u8(int64_t images, int channels, int64_t plane, const uint8_t *src, int64_t stride,
                            uint8_t *dst) {
  for (int64_t image = 0; image < images; image++, src += stride, dst += channels * plane)
    for (int64_t i = 0; i < plane; i++)
      for (int c = 0; c < channels; c++) dst[i * channels + c] = src[c * plane + i];
}

void nn_pixel_map_init(nn_pixel_map *map, float mean, float std, int normalized) {
  map->mean = normalized ? mean : 0;
  map->std = normalized ? std : 1;
  map->inverse_255 = 1.0f / 255.0f;
  map->inverse_std = 1.0f / map->std;
  map->exact = 1;
  for (int i = 0; i < 256; i++) {
    const float x = (float)i, unit = x / 255.0f, shifted = unit - map->mean;
    map->table[i] = normalized ? shifted / std : unit;
    float u = x * map->inverse_255;
    u = fmaf(fmaf(-u, 255.0f, x), map->inverse_255, u);
    const float s = u - map->mean;
    float q = s * map->inverse_std;
    q = fmaf(fmaf(-q, map->std, s), map->inverse_std, q);
    if (memcmp(&q, &map->table[i], sizeof q) != 0) map->exact = 0;
  }
}

int64_t nn_image_planes_scratch(const nn_image_planes *p) {
  int64_t first, last, low, high;
  nn_image_planes_rows(p, &first, &last);
  nn_image_planes_columns(p, &low, &high);
  const int64_t turned = p->columns ? (high - low + p->width) * NN_ROW_BLOCK : 0;
  return p->channels * ((last - first) * p->width + turned);
}

void nn_image_planes_f32(const nn_image_planes *p, uint8_t *scratch, float *dst) {
  NN_CALL(nn_image_planes_, p, scratch, dst)
}
