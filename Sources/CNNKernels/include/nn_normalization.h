#ifndef NN_NORMALIZATION_H
#define NN_NORMALIZATION_H
#include <stdint.h>

// Normalisation of matrices without gaps: rows (positions) times channels, float32 or float64 (`type`), on the
// kernels of `path` (see nn_dispatch.h).
// Statistics are double. float32 is summed in float lanes over at most 64 rows, and in double across those.

/// Mean and sum of squared distances from it, per channel.
void nn_channel_moments(int type, int path, intptr_t rows, intptr_t channels, const void *x, double *mean,
                        double *squares);

/// Extends the moments of `count` rows by those of `added` others (Chan, Golub and LeVeque, 1979).
void nn_merge_moments(intptr_t channels, double count, double *mean, double *squares, double added,
                      const double *added_mean, const double *added_squares);

/// A map of channels with one value each, of the element type: (x - mean) * scale + shift.
struct nn_channel_map {
  const void *mean, *scale, *shift;
};

/// y = map(x), plus `addend` unless that is NULL, and then 0 in place of what is below if `rectified`.
void nn_channel_affine(int type, int path, intptr_t rows, intptr_t channels, const void *x,
                       struct nn_channel_map map, const void *addend, int rectified, void *y);

/// y = g where map(x) is above 0 (or NaN), else 0: the gradient in front of a rectifier.
void nn_channel_gate(int type, int path, intptr_t rows, intptr_t channels, const void *g, const void *x,
                     struct nn_channel_map map, void *y);

/// sums = Σ g and, unless x is NULL, dots = Σ g * (x - mean), per channel; the mean is of the element type.
void nn_channel_gradient_sums(int type, int path, intptr_t rows, intptr_t channels, const void *g,
                              const void *x, const void *mean, double *sums, double *dots);

/// y = g * a + ((x - mean) * b + c), or g * a if x is NULL, with one value per channel of the element type.
void nn_channel_combination(int type, int path, intptr_t rows, intptr_t channels, const void *g,
                            const void *x, const void *mean, const void *a, const void *b, const void *c,
                            void *y);

/// y = (x - mean) / sqrt(variance + eps) * weight + bias with each row's mean and biased variance; weight and
/// bias hold one value per column (NULL: 1 and 0). Writes each row's mean and 1 / sqrt(variance + eps).
void nn_layer_norm(int type, int path, intptr_t rows, intptr_t columns, const void *x, const void *weight,
                   const void *bias, double eps, void *y, double *mean, double *inverse);

/// Gradients of `nn_layer_norm`: dx unless NULL; weight and bias gradients are added to `dweight` and `dbias`
/// unless NULL.
void nn_layer_norm_gradient(int type, int path, intptr_t rows, intptr_t columns, const void *g, const void *x,
                            const void *weight, const double *mean, const double *inverse, void *dx,
                            double *dweight, double *dbias);

#endif
