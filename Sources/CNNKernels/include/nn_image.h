#ifndef NN_IMAGE_H
#define NN_IMAGE_H
#include <stdint.h>

// Kernels on 8-bit images whose channels lie side by side. All are serial: images are prepared by several
// threads, one image each.

/// Fixed-point weights of a resampling along one axis: output i is the sum over k < count[i] of
/// weight[i * taps + k] * input[first[i] + k], rounded, with 22 fractional bits.
typedef struct {
  int64_t outputs;
  int64_t taps;
  const int32_t *first;
  const int32_t *count;
  const int32_t *weight;
} nn_resample_table;

/// Resamples the rows [0, rows) along the width. `src` and `dst` have rows of `src_width` and `table->outputs`
/// pixels of `channels` (1 to 4) bytes.
void nn_resample_width_u8(const nn_resample_table *table, int64_t rows, int channels, int64_t src_width,
                          const uint8_t *src, uint8_t *dst);
/// Resamples along the height: rows of `row` bytes each. `dst` has `table->outputs` rows.
void nn_resample_height_u8(const nn_resample_table *table, int64_t row, const uint8_t *src, uint8_t *dst);
/// One output row of the resampling along the height.
void nn_resample_row_u8(const nn_resample_table *table, int64_t output, int64_t row, const uint8_t *src,
                        uint8_t *dst);

/// Images stored channel after channel, the start of one `stride` bytes after that of the one before, become
/// images with the channels of a pixel side by side, without gaps.
void nn_planes_to_pixels_u8(int64_t images, int channels, int64_t plane, const uint8_t *src, int64_t stride,
                            uint8_t *dst);
/// dst[c * plane + i] = src[i * channels + c] / 255 for n pixels: float32, correctly rounded.
void nn_unit_planes_f32(int64_t n, int channels, const uint8_t *src, float *dst);
/// y = (x - mean) / std for n elements, each step rounded to float32. x and y may be the same.
void nn_normalize_f32(int64_t n, float mean, float std, const float *x, float *y);

/// From a value of 0...255 to float32: (x / 255 - mean) / std, each step rounded.
typedef struct {
  float mean, std, inverse_255, inverse_std;
  /// Whether multiplications with the inverses, corrected by fused remainders, give the table's values.
  int exact;
  float table[256];
} nn_pixel_map;

/// Without `normalized` the map is x / 255.
void nn_pixel_map_init(nn_pixel_map *map, float mean, float std, int normalized);

/// What becomes of an image of 1 or 3 channels: resized to the sizes of the tables, from which a window is cut
/// out, mirrored if wished, and every value mapped.
typedef struct {
  const uint8_t *pixels;
  /// Bytes from one row of the image to the next.
  int64_t stride;
  int channels;
  /// NULL: the size along this axis stays.
  const nn_resample_table *columns;
  const nn_resample_table *rows;
  /// The window of the resized image.
  int64_t top, left, height, width;
  int mirrored;
  /// One per channel.
  const nn_pixel_map *maps;
} nn_image_planes;

/// Bytes of scratch memory that `nn_image_planes_f32` needs.
int64_t nn_image_planes_scratch(const nn_image_planes *p);
/// Writes the window's channels one after the other, height * width values each.
void nn_image_planes_f32(const nn_image_planes *p, uint8_t *scratch, float *dst);

#endif
