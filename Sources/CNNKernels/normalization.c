#include "nn_normalization.h"

#include <math.h>
#include <stddef.h>

#define NN_IMPL "normalization_impl.h"
#include "real_paths.h"

void nn_channel_moments(int type, int path, intptr_t rows, intptr_t channels, const void *x, double *mean,
                        double *squares) {
  NN_CALL_REAL(type, path, channel_moments_, rows, channels, x, mean, squares);
}

void nn_merge_moments(intptr_t channels, double count, double *mean, double *squares, double added,
                      const double *added_mean, const double *added_squares) {
  const double share = added / (count + added);
  for (intptr_t c = 0; c < channels; c++) {
    double delta = added_mean[c] - mean[c];
    mean[c] += delta * share;
    squares[c] += added_squares[c] + delta * delta * (count * share);
  }
}

void nn_channel_affine(int type, int path, intptr_t rows, intptr_t channels, const void *x,
                       struct nn_channel_map map, const void *addend, int rectified, void *y) {
  NN_CALL_REAL(type, path, channel_affine_, rows, channels, x, &map, addend, rectified, y);
}

void nn_channel_gate(int type, int path, intptr_t rows, intptr_t channels, const void *g, const void *x,
                     struct nn_channel_map map, void *y) {
  NN_CALL_REAL(type, path, channel_gate_, rows, channels, g, x, map.mean, map.scale, map.shift, y);
}

void nn_channel_gradient_sums(int type, int path, intptr_t rows, intptr_t channels, const void *g,
                              const void *x, const void *mean, double *sums, double *dots) {
  NN_CALL_REAL(type, path, channel_gradient_sums_, rows, channels, g, x, mean, sums, dots);
}

void nn_channel_combination(int type, int path, intptr_t rows, intptr_t channels, const void *g,
                            const void *x, const void *mean, const void *a, const void *b, const void *c,
                            void *y) {
  NN_CALL_REAL(type, path, channel_combination_, rows, channels, g, x, mean, a, b, c, y);
}

void nn_layer_norm(int type, int path, intptr_t rows, intptr_t columns, const void *x, const void *weight,
                   const void *bias, double eps, void *y, double *mean, double *inverse) {
  NN_CALL_REAL(type, path, layer_norm_, rows, columns, x, weight, bias, eps, y, mean, inverse);
}

void nn_layer_norm_gradient(int type, int path, intptr_t rows, intptr_t columns, const void *g, const void *x,
                            const void *weight, const double *mean, const double *inverse, void *dx,
                            double *dweight, double *dbias) {
  NN_CALL_REAL(type, path, layer_norm_gradient_, rows, columns, g, x, weight, mean, inverse, dx, dweight,
               dbias);
}
