#ifndef NN_WINOGRAD_H
#define NN_WINOGRAD_H
#include <stdint.h>
#include "nn_conv.h"

// Convolutions of 3x3 windows at stride 1 in float32, by Winograd's minimal filtering F(4x4, 3x3) over the points
// 0, ±1/√2, ±√2 and infinity (Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, whose points
// are 0, ±1, ±2; these keep rounding errors smaller): a tile of 4x4 results takes 36 products instead of 144.
// Each of the 36 is a plane of matrices: V (tiles x inputs) of the transformed inputs, U (inputs x outputs) of the
// weights, M = V · U of the results.

#define NN_WINOGRAD_PLANES 36
/// Channels, of inputs and outputs, are multiples of this and not more than that.
#define NN_WINOGRAD_CHANNELS 16
#define NN_WINOGRAD_MOST_CHANNELS 4096
/// The left operand of `nn_winograd_product` lies in slabs of so many channels, with rows at this distance.
#define NN_WINOGRAD_DEPTH 256
#define NN_WINOGRAD_ROW 272

/// Channels-last images seen as tiles of 4x4, counted image by image, row by row.
struct nn_tiles {
  struct nn_grid grid;
  intptr_t height, width;  // of an image: what lies outside reads as zero and is not written
  intptr_t channels;
  intptr_t rows, columns;  // tiles per image
  intptr_t top, left;      // where the first tile begins: minus the padding for inputs
  int path;                // the instruction set, see nn_dispatch.h
};

/// Where transformed tiles lie: plane · `plane` + tile · `tile` + channel, and `block` more for each whole block of
/// `lanes` channels; tiles count from the first of a call.
struct nn_planes {
  float *data;
  intptr_t plane, tile, block, lanes;
};

/// Width of a panel, the form of a right operand: [panel][row][column of the panel].
intptr_t nn_winograd_panel(int path);

/// V = Bᵀ d B for the 6x6 inputs d of tiles [tile0, tile1).
void nn_winograd_input(const struct nn_tiles *tiles, struct nn_planes out, intptr_t tile0, intptr_t tile1);
/// A g Aᵀ for the 4x4 gradients g of tiles [tile0, tile1).
void nn_winograd_gradient(const struct nn_tiles *tiles, struct nn_planes out, intptr_t tile0, intptr_t tile1);
/// Results Aᵀ m A (+ bias), finished, of tiles [tile0, tile1), their channels [channel0, channel1), the first of which
/// is the first in `m`.
void nn_winograd_output(const struct nn_tiles *tiles, struct nn_planes m, const float *bias, struct nn_finish finish,
                        intptr_t tile0, intptr_t tile1, intptr_t channel0, intptr_t channel1);
/// Weights of a convolution where they lie: distances of taps, row by row, of inputs and of outputs. `turned` reads the
/// taps in reverse order, for the gradient of the input.
struct nn_weights {
  const float *data;
  intptr_t tap, input, output;
  intptr_t inputs, outputs;
  int turned;
};

/// U = G w Gᵀ, blocks [block0, block1) of each plane: the panels one after the other, NN_WINOGRAD_CHANNELS inputs at a time.
void nn_winograd_weights(const struct nn_weights *weights, float *u, intptr_t plane, int path, intptr_t block0,
                         intptr_t block1);
/// Gradients of the weights Gᵀ du G, from planes [outputs][inputs] to [outputs][9][inputs], outputs
/// [output0, output1).
void nn_winograd_weight_gradient(const float *du, intptr_t plane, intptr_t inputs, float *dw, int path,
                                 intptr_t output0, intptr_t output1);

/// One plane of M = V · U: `count` rows of c, `columns` of them, from v [slab][row][NN_WINOGRAD_ROW] and panels u.
void nn_winograd_product(const float *v, intptr_t v_slab, const float *u, float *c, intptr_t c_row, intptr_t count,
                         intptr_t depth, intptr_t columns, int path);
/// One plane of the weights' gradient: rows [row0, row1) of c (+)= gᵀ · v over `depth` tiles, from g [tile][g_row]
/// and panels v at a distance of v_panel.
void nn_winograd_outer(const float *g, intptr_t g_row, const float *v, intptr_t v_panel, float *c, intptr_t c_row,
                       intptr_t row0, intptr_t row1, intptr_t depth, intptr_t columns, int accumulate, int path);

#endif
