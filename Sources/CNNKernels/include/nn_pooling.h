#ifndef NN_POOLING_H
#define NN_POOLING_H
#include <stdint.h>

#include "nn_conv.h"

/// The part of a pooling window inside the input, along one axis.
struct nn_pool_window {
  int32_t start;    // first element
  int32_t count;    // number of elements, at least 1
  int32_t divisor;  // an average divides by the product of both axes' divisors
};

/// One window that covers an element of the input, along one axis.
struct nn_pool_cover {
  int32_t window, tap;
};

/// Windows along one axis, and for every element i of the input the windows that cover it:
/// covers[cover_start[i]] up to covers[cover_start[i + 1]].
struct nn_pool_axis {
  const struct nn_pool_window *windows;
  const struct nn_pool_cover *covers;
  const int32_t *cover_start;
  intptr_t input, output;  // number of elements, number of windows
  intptr_t step;           // distance of the elements of a window
};

/// Pooling of channels-last images. A place is the number of an element in its window, counted row by row
/// from the first one inside the input, rows `place_row` apart; places are stored channels-last without gaps,
/// in `place_bytes` (1 or 4) each.
struct nn_pooling {
  struct nn_pool_axis rows, columns;
  intptr_t channels, place_row;
  int place_bytes;
  int type;  // NN_F32 or NN_F64
  int path;  // see nn_dispatch.h
};

/// Greatest element of each window for rows [row0, row1) of the output, counted through all images, and its
/// place (the first one in row-major order; NaN counts as greatest), unless `places` is NULL.
void nn_max_pool(const struct nn_pooling *p, struct nn_grid x, struct nn_grid y, void *places, intptr_t row0,
                 intptr_t row1);

/// Gradient with respect to rows [row0, row1) of the input, counted through all images.
void nn_max_pool_gradient(const struct nn_pooling *p, struct nn_grid g, const void *places, struct nn_grid dx,
                          intptr_t row0, intptr_t row1);

/// The elements of x at the places, for rows [row0, row1) of the output.
void nn_max_pool_pick(const struct nn_pooling *p, struct nn_grid x, const void *places, struct nn_grid y,
                      intptr_t row0, intptr_t row1);

/// Places as indices row * width + column into the input's plane, channels-last without gaps.
void nn_max_pool_indices(const struct nn_pooling *p, const void *places, int64_t *indices, intptr_t row0,
                         intptr_t row1);

/// Sum of each window divided by its divisor, for rows [row0, row1) of the output.
void nn_avg_pool(const struct nn_pooling *p, struct nn_grid x, struct nn_grid y, intptr_t row0,
                 intptr_t row1);

/// Gradient with respect to rows [row0, row1) of the input.
void nn_avg_pool_gradient(const struct nn_pooling *p, struct nn_grid g, struct nn_grid dx, intptr_t row0,
                          intptr_t row1);

#endif
