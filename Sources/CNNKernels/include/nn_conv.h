#ifndef NN_CONV_H
#define NN_CONV_H
#include <stdint.h>

/// One tap of a convolution's window.
struct nn_tap {
  int32_t y, x;  // added to the window's corner in the source
  int32_t slab;  // which block of `channels` rows of the weight matrix belongs to the tap
  int32_t run;   // how many taps from this one on lie side by side in the source's memory, at least 1
};

/// A sliding window over a channels-last source, seen as a matrix with one row per position of the window
/// ("patch", tap after tap, the channels of each) and the positions counted image by image, row by row:
/// a convolution is that matrix times the weights. Parts of a window outside the source read as zero.
/// Strides are in elements.
struct nn_window {
  const void *source;
  intptr_t source_image, source_row, source_column;  // strides; channels are adjacent
  intptr_t source_height, source_width, channels;
  intptr_t height, width;    // positions of the window per image
  intptr_t step_y, step_x;   // distance of positions in the source
  const struct nn_tap *taps;
  intptr_t tap_count;
  int type;  // NN_F32 or NN_F64
  int path;  // the instruction set, see nn_dispatch.h
};

/// Images in channels-last order that are written or read at the window's positions.
struct nn_grid {
  void *data;
  intptr_t image, row, column;  // strides; channels are adjacent
};

/// What follows a convolution in one go: `addend` is added unless it has no data, then what is below 0 becomes 0 and
/// what is above `ceiling` (infinity, or a number above 0) becomes that, if `rectified`.
struct nn_finish {
  struct nn_grid addend;
  int rectified;
  double ceiling;
};

/// Finishes rows [row0, row1) and channels [column0, column1) of a result of `nn_conv_piece`.
void nn_conv_finish(const struct nn_window *window, struct nn_grid out, struct nn_finish finish, intptr_t row0,
                    intptr_t row1, intptr_t column0, intptr_t column1);

/// out = patches · weights (+ bias) for rows [row0, row1) of the patch matrix and columns [column0, column1) of
/// the weights, a matrix of slabs of `channels` rows, row stride `weight_row`, adjacent columns.
void nn_conv_piece(const struct nn_window *window, const void *weights, intptr_t weight_row, const void *bias,
                   struct nn_grid out, intptr_t row0, intptr_t row1, intptr_t column0, intptr_t column1);

/// sums (+)= patchesᵀ · gradient over rows [row0, row1): `gradient` has `outputs` channels per position, `sums` is
/// [taps · channels][outputs] with row stride `sums_row`; only its rows [column0, column1), columns of the patch
/// matrix, are written.
void nn_conv_weight_piece(const struct nn_window *window, struct nn_grid gradient, intptr_t outputs,
                          void *sums, intptr_t sums_row, intptr_t row0, intptr_t row1, intptr_t column0,
                          intptr_t column1, int accumulate);

/// Writes rows [row0, row1) of the patch matrix to `out`, without gaps.
void nn_conv_patches(const struct nn_window *window, void *out, intptr_t row0, intptr_t row1);

/// Depthwise: out[…, c] = Σ over taps of source[…, c] · weights[slab][c] (+ bias[c]), rows [row0, row1).
void nn_depthwise_piece(const struct nn_window *window, const void *weights, const void *bias,
                        struct nn_grid out, intptr_t row0, intptr_t row1);

/// Depthwise: sums[slab][c] = Σ over rows [row0, row1) of source · gradient.
void nn_depthwise_weight_piece(const struct nn_window *window, struct nn_grid gradient, void *sums,
                               intptr_t row0, intptr_t row1);

/// Whether the two functions below take `groups` groups of `group` channels on both sides and so many taps.
int nn_grouped_fits(int type, int path, intptr_t group, intptr_t groups, intptr_t taps);

/// Groups of `group` channels on both sides: out[…, (g, o)] = Σ over taps and i of source[…, (g, i)] ·
/// weights[slab][i][(g, o)] (+ bias[(g, o)]), rows [row0, row1); `window` has the channels of all groups.
void nn_grouped_piece(const struct nn_window *window, int group, const void *weights, const void *bias,
                      struct nn_grid out, intptr_t row0, intptr_t row1);

/// The same groups: sums[slab][i][(g, o)] = Σ over rows [row0, row1) of source[…, (g, i)] · gradient[…, (g, o)].
void nn_grouped_weight_piece(const struct nn_window *window, int group, struct nn_grid gradient, void *sums,
                             intptr_t row0, intptr_t row1);

#endif
