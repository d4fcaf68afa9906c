#include "matrix.h"

_Static_assert(NN_WINOGRAD_DEPTH == NN_KC, "slabs are the blocks that products cut their depth in");

intptr_t nn_winograd_panel(int path) { return nn_winograd_kernels(path)->panel; }

void nn_winograd_input(const struct nn_tiles *tiles, struct nn_planes out, intptr_t tile0, intptr_t tile1) {
  nn_winograd_kernels(tiles->path)->input(tiles, &out, tile0, tile1);
}

void nn_winograd_gradient(const struct nn_tiles *tiles, struct nn_planes out, intptr_t tile0, intptr_t tile1) {
  nn_winograd_kernels(tiles->path)->gradient(tiles, &out, tile0, tile1);
}

void nn_winograd_output(const struct nn_tiles *tiles, struct nn_planes m, const float *bias, struct nn_finish finish,
                        intptr_t tile0, intptr_t tile1, intptr_t channel0, intptr_t channel1) {
  nn_winograd_kernels(tiles->path)->output(tiles, &m, bias, &finish, tile0, tile1, channel0, channel1);
}

void nn_winograd_weights(const struct nn_weights *weights, float *u, intptr_t plane, int path, intptr_t block0,
                         intptr_t block1) {
  nn_winograd_kernels(path)->weights(weights, u, plane, block0, block1);
}

void nn_winograd_weight_gradient(const float *du, intptr_t plane, intptr_t inputs, float *dw, int path,
                                 intptr_t output0, intptr_t output1) {
  nn_winograd_kernels(path)->weight_gradient(du, plane, inputs, dw, output0, output1);
}

void nn_winograd_product(const float *v, intptr_t v_slab, const float *u, float *c, intptr_t c_row, intptr_t count,
                         intptr_t depth, intptr_t columns, int path) {
  nn_winograd_kernels(path)->product(v, v_slab, u, c, c_row, count, depth, columns);
}

void nn_winograd_outer(const float *g, intptr_t g_row, const float *v, intptr_t v_panel, float *c, intptr_t c_row,
                       intptr_t row0, intptr_t row1, intptr_t depth, intptr_t columns, int accumulate, int path) {
  nn_winograd_kernels(path)->outer(g, g_row, v, v_panel, c, c_row, row0, row1, depth, columns, accumulate);
}
