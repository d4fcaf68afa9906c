#include "matrix.h"

static const struct nn_matrix_kernels *kernels(int type, int path) {
  return type == NN_F64 ? nn_matrix_kernels_f64(path) : nn_matrix_kernels_f32(path);
}

void nn_gemm_piece(const struct nn_gemm *gemm, intptr_t row0, intptr_t row1, intptr_t column0, intptr_t column1) {
  kernels(gemm->type, gemm->path)->gemm(gemm, row0, row1, column0, column1);
}

void nn_gemm_i64(const struct nn_gemm *g, intptr_t row0, intptr_t row1, intptr_t column0, intptr_t column1) {
  // Unsigned, because overflow wraps there instead of being undefined.
  const uint64_t *a = g->a, *b = g->b;
  for (intptr_t i = row0; i < row1; i++) {
    uint64_t *c = (uint64_t *)g->c + i * g->c_row;
    if (!g->accumulate) memset(c + column0, 0, (size_t)(column1 - column0) * sizeof *c);
    for (intptr_t k = 0; k < g->k; k++) {
      uint64_t x = a[i * g->a_row + k * g->a_column];
      const uint64_t *row = b + k * g->b_row;
      for (intptr_t j = column0; j < column1; j++) c[j] += x * row[j * g->b_column];
    }
  }
}

void nn_conv_piece(const struct nn_window *window, const void *weights, intptr_t weight_row, const void *bias,
                   struct nn_grid out, intptr_t row0, intptr_t row1, intptr_t column0, intptr_t column1) {
  kernels(window->type, window->path)->conv(window, weights, weight_row, bias, &out, row0, row1, column0, column1);
}

void nn_conv_finish(const struct nn_window *window, struct nn_grid out, struct nn_finish finish, intptr_t row0,
                    intptr_t row1, intptr_t column0, intptr_t column1) {
  kernels(window->type, window->path)->finish(window, &out, &finish, row0, row1, column0, column1);
}

void nn_conv_weight_piece(const struct nn_window *window, struct nn_grid gradient, intptr_t outputs, void *sums,
                          intptr_t sums_row, intptr_t row0, intptr_t row1, intptr_t column0, intptr_t column1,
                          int accumulate) {
  kernels(window->type, window->path)
      ->conv_weight(window, &gradient, outputs, sums, sums_row, row0, row1, column0, column1, accumulate);
}

void nn_conv_patches(const struct nn_window *window, void *out, intptr_t row0, intptr_t row1) {
  kernels(window->type, window->path)->patches(window, out, row0, row1);
}

void nn_depthwise_piece(const struct nn_window *window, const void *weights, const void *bias, struct nn_grid out,
                        intptr_t row0, intptr_t row1) {
  kernels(window->type, window->path)->depthwise(window, weights, bias, &out, row0, row1);
}

void nn_depthwise_weight_piece(const struct nn_window *window, struct nn_grid gradient, void *sums, intptr_t row0,
                               intptr_t row1) {
  kernels(window->type, window->path)->depthwise_weight(window, &gradient, sums, row0, row1);
}

int nn_grouped_fits(int type, int path, intptr_t group, intptr_t groups, intptr_t taps) {
  const struct nn_matrix_kernels *k = kernels(type, path);
  return k->grouped && (group == 4 || group == 8) && group <= k->lanes && group * groups % k->lanes == 0 &&
         taps <= NN_GROUPED_TAPS;
}

void nn_grouped_piece(const struct nn_window *window, int group, const void *weights, const void *bias,
                      struct nn_grid out, intptr_t row0, intptr_t row1) {
  kernels(window->type, window->path)->grouped(window, group, weights, bias, &out, row0, row1);
}

void nn_grouped_weight_piece(const struct nn_window *window, int group, struct nn_grid gradient, void *sums,
                             intptr_t row0, intptr_t row1) {
  kernels(window->type, window->path)->grouped_weight(window, group, &gradient, sums, row0, row1);
}
