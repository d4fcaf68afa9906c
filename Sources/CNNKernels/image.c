#include "nn_image.h"

#include <stdlib.h>
#include <string.h>

#include "dispatch.h"
#include "nn_dispatch.h"

// 22 fractional bits: 8 bits of value, 22 of weight and 2 of headroom (negative lobes make sums exceed 255)
// fill an int32.
#define NN_PRECISION 22

#define NN_SUFFIX portable
#include "image_impl.h"
#undef NN_SUFFIX

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#define NN_SUFFIX avx2
#include "image_impl.h"
#undef NN_SUFFIX
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2"))), \
                             apply_to = function)
#define NN_SUFFIX avx512
#include "image_impl.h"
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
