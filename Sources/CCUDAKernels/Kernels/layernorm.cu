#include "channels.h"

// Normalisation of rows, a warp for each, and sums in double.

template <class T>
NN_DEVICE void nn_layer_norm(nn_int rows, nn_int columns, const T *x, const T *weight, const T *bias, double eps, T *y,
                             double *mean, double *inverse) {
  nn_int row = nn_place() / 32;
  if (row >= rows) return;
  int lane = threadIdx.x & 31;
  x += row * columns;
  y += row * columns;
  // Distances from some value of the row, so that squares of a large mean do not swallow the variance.
  double start = columns > 0 ? (double)x[0] : 0.0, sum = 0, squares = 0;
  for (nn_int i = lane; i < columns; i += 32) {
    double distance = x[i] - start;
    sum += distance;
    squares += distance * distance;
  }
  sum = nn_warp_sum(sum) / (double)columns;
  squares = nn_warp_sum(squares) / (double)columns - sum * sum;
  double center = start + sum, factor = 1 / sqrt((squares < 0 ? 0 : squares) + eps);
  if (lane == 0) {
    mean[row] = center;
    inverse[row] = factor;
  }
  for (nn_int i = lane; i < columns; i += 32) {
    double unit = (x[i] - center) * factor;
    y[i] = (T)(unit * (weight ? (double)weight[i] : 1.0) + (bias ? (double)bias[i] : 0.0));
  }
}

template <class T>
NN_DEVICE void nn_layer_norm_gradient(nn_int rows, nn_int columns, const T *g, const T *x, const T *weight,
                                      const double *mean, const double *inverse, T *d) {
  nn_int row = nn_place() / 32;
  if (row >= rows) return;
  int lane = threadIdx.x & 31;
  x += row * columns;
  g += row * columns;
  d += row * columns;
  double center = mean[row], factor = inverse[row], plain = 0, along = 0;
  for (nn_int i = lane; i < columns; i += 32) {
    double flow = weight ? (double)g[i] * weight[i] : (double)g[i];
    plain += flow;
    along += flow * ((x[i] - center) * factor);
  }
  plain = nn_warp_sum(plain) / (double)columns;
  along = nn_warp_sum(along) / (double)columns;
  for (nn_int i = lane; i < columns; i += 32) {
    double flow = weight ? (double)g[i] * weight[i] : (double)g[i];
    d[i] = (T)(factor * (flow - plain - (x[i] - center) * factor * along));
  }
}

/// Sums of g and of g times the normalised x per column, [part, 2, columns]; see `nn_channel_sums`.
template <class T>
NN_DEVICE void nn_layer_sums(const nn_cuda_channels &plan, const T *g, const T *x, const double *mean,
                             const double *inverse, double *partial) {
  nn_channel_spot spot(plan, 1);
  long long first = (long long)blockIdx.x * plan.part;
  long long end = first + plan.part < plan.rows ? first + plan.part : plan.rows;
  double sums = 0, dots = 0;
  if (spot.channel < plan.channels) {
#pragma unroll 4
    for (long long row = first + spot.line; row < end; row += spot.lines) {
      long long place = row * plan.channels + spot.channel;
      double slope = g[place];
      sums += slope;
      dots += slope * ((x[place] - mean[row]) * inverse[row]);
    }
  }
  nn_add_lines(spot, plan.width, sums, dots);
  if (spot.channel < plan.channels && spot.line == 0) {
    double *target = partial + (long long)blockIdx.x * 2 * plan.channels + spot.channel;
    target[0] = sums;
    target[plan.channels] = dots;
  }
}

#define NN_LAYER_NORM(T, name)                                                                                       \
  NN_KERNEL(256, nn_layer_norm_##name, nn_int rows, nn_int columns, const T *__restrict__ x, const T *weight,        \
            const T *bias, double eps, T *__restrict__ y, double *mean, double *inverse) {                           \
    nn_layer_norm<T>(rows, columns, x, weight, bias, eps, y, mean, inverse);                                         \
  }                                                                                                                  \
  NN_KERNEL(256, nn_layer_norm_gradient_##name, nn_int rows, nn_int columns, const T *__restrict__ g,                \
            const T *__restrict__ x, const T *weight, const double *mean, const double *inverse,                     \
            T *__restrict__ d) {                                                                                     \
    nn_layer_norm_gradient<T>(rows, columns, g, x, weight, mean, inverse, d);                                        \
  }                                                                                                                  \
  NN_KERNEL(256, nn_layer_sums_##name, const nn_cuda_channels plan, const T *g, const T *x, const double *mean,      \
            const double *inverse, double *partial) {                                                                \
    nn_layer_sums<T>(plan, g, x, mean, inverse, partial);                                                            \
  }
NN_REALS(NN_LAYER_NORM)
