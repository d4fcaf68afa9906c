#include "channels.h"

// Statistics of the channels of a normalisation: each block sums over its part of the rows, and where there are several parts
// these are added in their order.

enum nn_sums_of { NN_MOMENTS, NN_GRADIENT_ALONE, NN_GRADIENT, NN_RECTIFIED_GRADIENT, NN_POOLED_GRADIENT };

/// What is summed: moments of x around its first row, or the gradient and its products with x - mean.
template <class T>
struct nn_sums_input {
  const T *x, *g;
  const void *places;
  nn_cuda_channel_map means;
  nn_cuda_pooling pooling;
  /// What the gradient was rectified by.
  nn_cuda_channel_map gate;
};

/// partial [matrix, part, 2, channels]
template <class T, int each, int kind>
NN_DEVICE void nn_channel_sums(const nn_cuda_channels &plan, const nn_sums_input<T> &in, double *partial) {
  nn_channel_spot spot(plan, each);
  bool inside = spot.channel < plan.channels;
  long long first = (long long)blockIdx.x * plan.part;
  long long end = first + plan.part < plan.rows ? first + plan.part : plan.rows;
  for (int matrix = blockIdx.z; matrix < plan.matrices; matrix += gridDim.z) {
    long long base = (long long)matrix * plan.rows * plan.channels + spot.channel;
    double sums[each], dots[each], means[each];
    nn_map_values<nn_value<T>, each> map;
    for (int k = 0; k < each; k++) {
      sums[k] = 0;
      dots[k] = 0;
      means[k] = 0;
    }
    if (inside) {
      if (kind == NN_MOMENTS) {
        nn_pack<nn_value<T>, each> start = nn_load_pack<T, each>(in.x + base);
        for (int k = 0; k < each; k++) means[k] = start.at[k];
      } else if (kind != NN_GRADIENT_ALONE) {
        for (int k = 0; k < each; k++) means[k] = in.means.mean[matrix * in.means.mean_step + spot.channel + k];
      }
      if (kind == NN_RECTIFIED_GRADIENT) map.load(in.gate, matrix, spot.channel);
#pragma unroll 4
      for (long long row = first + spot.line; row < end; row += spot.lines) {
        long long place = base + row * plan.channels;
        if (kind == NN_MOMENTS) {
          nn_pack<nn_value<T>, each> x = nn_load_pack<T, each>(in.x + place);
          for (int k = 0; k < each; k++) {
            double distance = x.at[k] - means[k];
            sums[k] += distance;
            dots[k] += distance * distance;
          }
          continue;
        }
        nn_pack<nn_value<T>, each> g = nn_load_pack<T, each>(in.g + place);
        if (kind == NN_GRADIENT_ALONE) {
          for (int k = 0; k < each; k++) sums[k] += g.at[k];
          continue;
        }
        nn_pack<nn_value<T>, each> x;
        if (kind == NN_POOLED_GRADIENT) {
          const nn_cuda_pooling &p = in.pooling;
          nn_pixel pixel(row, p.rows.output, p.columns.output);
          int top = nn_window(p.rows, pixel.row).start, left = nn_window(p.columns, pixel.column).start;
          nn_pack<int, each> at = nn_load_places<each>(p, in.places, place);
          for (int k = 0; k < each; k++) {
            int down = at.at[k] / p.place_row, along = at.at[k] - down * p.place_row;
            long long from = nn_input_of(p, pixel.image, top + down * p.rows.dilation,
                                         left + along * p.columns.dilation);
            x.at[k] = in.x[from * plan.channels + spot.channel + k];
          }
        } else {
          x = nn_load_pack<T, each>(in.x + place);
        }
        for (int k = 0; k < each; k++) {
          double slope = g.at[k];
          if (kind == NN_RECTIFIED_GRADIENT && map.apply(x.at[k], k) <= 0) slope = 0;
          sums[k] += slope;
          dots[k] += slope * (x.at[k] - means[k]);
        }
      }
    }
    double *target = partial + ((long long)matrix * gridDim.x + blockIdx.x) * 2 * plan.channels + spot.channel;
    for (int k = 0; k < each; k++) {
      nn_add_lines(spot, plan.width, sums[k], dots[k]);
      if (inside && spot.line == 0) {
        target[k] = sums[k];
        target[plan.channels + k] = dots[k];
      }
    }
  }
}

/// Adds up the parts, 64 threads for each of 4 channels. With `x`, the first row of each matrix, sums and dots become mean and
/// variance.
template <class T>
NN_DEVICE void nn_merge_sums(const nn_cuda_channels &plan, int parts, const double *partial, const T *x, double *sums,
                             double *dots) {
  NN_SHARED(double, shared, 512);
  int column = threadIdx.x & 3, line = threadIdx.x >> 2;
  int channel = blockIdx.x * 4 + column;
  for (int matrix = blockIdx.y; matrix < plan.matrices; matrix += gridDim.y) {
    double a = 0, b = 0;
    if (channel < plan.channels) {
#pragma unroll 8
      for (int part = line; part < parts; part += 64) {
        const double *from = partial + ((long long)matrix * parts + part) * 2 * plan.channels + channel;
        a += from[0];
        b += from[plan.channels];
      }
    }
    shared[threadIdx.x] = a;
    shared[256 + threadIdx.x] = b;
    __syncthreads();
    for (int half = 32; half > 0; half /= 2) {
      if (line < half) {
        shared[threadIdx.x] += shared[threadIdx.x + half * 4];
        shared[256 + threadIdx.x] += shared[256 + threadIdx.x + half * 4];
      }
      __syncthreads();
    }
    if (channel < plan.channels && line == 0) {
      long long place = (long long)matrix * plan.channels + channel;
      a = shared[column];
      b = shared[256 + column];
      if (x) {
        double count = (double)plan.rows, mean = a / count, variance = b / count - mean * mean;
        a = x[(long long)matrix * plan.rows * plan.channels + channel] + mean;
        // Not below 0 by rounding, but NaN stays.
        b = variance < 0 ? 0 : variance;
      }
      sums[place] = a;
      dots[place] = b;
    }
    __syncthreads();
  }
}

/// In as many channels at once as the plan says.
template <class T, int kind>
NN_DEVICE void nn_sums(const nn_cuda_channels &plan, const nn_sums_input<T> &in, double *partial) {
  if (plan.is_wide)
    nn_channel_sums<T, 16 / sizeof(T), kind>(plan, in, partial);
  else
    nn_channel_sums<T, 1, kind>(plan, in, partial);
}

#define NN_SUMS(T, name)                                                                                              \
  NN_KERNEL(256, nn_moments_##name, const nn_cuda_channels plan, const T *__restrict__ x, double *partial) {          \
    nn_sums<T, NN_MOMENTS>(plan, nn_sums_input<T>{x}, partial);                                                       \
  }                                                                                                                   \
  NN_KERNEL(256, nn_gradient_alone_sums_##name, const nn_cuda_channels plan, const T *__restrict__ g, double *partial) { \
    nn_sums<T, NN_GRADIENT_ALONE>(plan, nn_sums_input<T>{nullptr, g}, partial);                                       \
  }                                                                                                                   \
  NN_KERNEL(256, nn_gradient_sums_##name, const nn_cuda_channels plan, const T *__restrict__ g, const T *__restrict__ x, \
            const nn_cuda_channel_map means, double *partial) {                                                       \
    nn_sums<T, NN_GRADIENT>(plan, nn_sums_input<T>{x, g, nullptr, means}, partial);                                   \
  }                                                                                                                   \
  NN_KERNEL(256, nn_rectified_gradient_sums_##name, const nn_cuda_channels plan, const T *__restrict__ g, const T *__restrict__ x, \
            const nn_cuda_channel_map means, const nn_cuda_channel_map gate, double *partial) {                       \
    nn_sums<T, NN_RECTIFIED_GRADIENT>(plan, nn_sums_input<T>{x, g, nullptr, means, {}, gate}, partial);               \
  }                                                                                                                   \
  NN_KERNEL(256, nn_pooled_gradient_sums_##name, const nn_cuda_channels plan, const T *__restrict__ g, const T *__restrict__ x, \
            const nn_cuda_channel_map means, const nn_cuda_pooling pooling, const void *places, double *partial) {    \
    nn_sums<T, NN_POOLED_GRADIENT>(plan, nn_sums_input<T>{x, g, places, means, pooling}, partial);                    \
  }                                                                                                                   \
  NN_KERNEL(256, nn_merge_sums_##name, const nn_cuda_channels plan, int parts, const double *partial, const T *__restrict__ x, \
            double *sums, double *dots) {                                                                             \
    nn_merge_sums<T>(plan, parts, partial, x, sums, dots);                                                            \
  }
NN_REALS(NN_SUMS)
