#ifndef NN_MATRIX_H
#define NN_MATRIX_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "dispatch.h"
#include "nn_conv.h"
#include "nn_dispatch.h"
#include "nn_gemm.h"
#include "nn_types.h"
#include "nn_winograd.h"

// Every element of a product is the sum of blocks of at most NN_KC products, added in order of k. The size of
// the blocks is part of the numerical result: it must not depend on anything but k.
#define NN_KC 256
// Bytes of a row of the packed block of B: NN_KC such rows are used from the second-level cache.
#define NN_B_BYTES 1024
// Tiles whose part of A is packed together when its rows are adjacent in memory: whole cache lines are read then.
#define NN_GROUP 4
// The most taps of a window that the kernels for groups of few channels take.
#define NN_GROUPED_TAPS 25

static inline intptr_t nn_min(intptr_t a, intptr_t b) { return a < b ? a : b; }
static inline intptr_t nn_max(intptr_t a, intptr_t b) { return a > b ? a : b; }

/// Length of the blocks that k is cut in: equal ones, so that none is a short remainder.
static inline intptr_t nn_k_block(intptr_t k) {
  intptr_t blocks = (k + NN_KC - 1) / NN_KC;
  return blocks < 2 ? nn_max(k, 1) : ((k + blocks - 1) / blocks + 7) / 8 * 8;
}

/// The kernels of one element type for one instruction set; arguments as in nn_gemm.h and nn_conv.h.
struct nn_matrix_kernels {
  void (*gemm)(const struct nn_gemm *, intptr_t, intptr_t, intptr_t, intptr_t);
  void (*conv)(const struct nn_window *, const void *, intptr_t, const void *, const struct nn_grid *, intptr_t,
               intptr_t, intptr_t, intptr_t);
  void (*conv_weight)(const struct nn_window *, const struct nn_grid *, intptr_t, void *, intptr_t, intptr_t,
                      intptr_t, intptr_t, intptr_t, int);
  void (*patches)(const struct nn_window *, void *, intptr_t, intptr_t);
  void (*depthwise)(const struct nn_window *, const void *, const void *, const struct nn_grid *, intptr_t,
                    intptr_t);
  void (*finish)(const struct nn_window *, const struct nn_grid *, const struct nn_finish *, intptr_t, intptr_t, intptr_t,
                 intptr_t);
  void (*depthwise_weight)(const struct nn_window *, const struct nn_grid *, void *, intptr_t, intptr_t);
  intptr_t lanes;
  void (*grouped)(const struct nn_window *, int, const void *, const void *, const struct nn_grid *, intptr_t, intptr_t);
  void (*grouped_weight)(const struct nn_window *, int, const struct nn_grid *, void *, intptr_t, intptr_t);
};

/// The kernels of nn_winograd.h for one instruction set.
struct nn_winograd_kernels {
  intptr_t panel;
  void (*input)(const struct nn_tiles *, const struct nn_planes *, intptr_t, intptr_t);
  void (*gradient)(const struct nn_tiles *, const struct nn_planes *, intptr_t, intptr_t);
  void (*output)(const struct nn_tiles *, const struct nn_planes *, const float *, const struct nn_finish *, intptr_t,
                 intptr_t, intptr_t, intptr_t);
  void (*weights)(const struct nn_weights *, float *, intptr_t, intptr_t, intptr_t);
  void (*weight_gradient)(const float *, intptr_t, intptr_t, float *, intptr_t, intptr_t);
  void (*product)(const float *, intptr_t, const float *, float *, intptr_t, intptr_t, intptr_t, intptr_t);
  void (*outer)(const float *, intptr_t, const float *, intptr_t, float *, intptr_t, intptr_t, intptr_t, intptr_t,
                intptr_t, int);
};
const struct nn_winograd_kernels *nn_winograd_kernels(int path);

const struct nn_matrix_kernels *nn_matrix_kernels_f32(int path);
const struct nn_matrix_kernels *nn_matrix_kernels_f64(int path);

#endif
