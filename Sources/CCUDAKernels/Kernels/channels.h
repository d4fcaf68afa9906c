#pragma once

#include "elements.h"
#include "mathematics.h"

// How kernels go through matrices of positions times channels; see `nn_cuda_channels`.

/// a · b + c, rounded once on a card: a value and the gate of its gradient must come out alike in every kernel.
template <class T>
NN_DEVICE T nn_multiply_add(T a, T b, T c) {
#ifdef NN_EMULATED
  return a * b + c;
#else
  return fma(a, b, c);
#endif
}

/// The place of a thread.
struct nn_channel_spot {
  int column, line, lines;
  long long channel;
  NN_MEMBER nn_channel_spot(const nn_cuda_channels &plan, int each) {
    column = threadIdx.x % plan.width;
    line = threadIdx.x / plan.width;
    lines = blockDim.x / plan.width;
    channel = ((long long)blockIdx.y * plan.width + column) * each;
  }
};

/// The values of a map for some channels, as what elements are computed in: what is lost of the mean comes back in the shift.
template <class V, int each>
struct nn_map_values {
  V mean[each], scale[each], shift[each];
  NN_MEMBER nn_map_values() {}
  NN_MEMBER void load(const nn_cuda_channel_map &map, int matrix, long long channel) {
    for (int k = 0; k < each; k++) {
      double center = map.mean[matrix * map.mean_step + channel + k];
      double slope = map.scale[matrix * map.scale_step + channel + k];
      mean[k] = (V)center;
      scale[k] = (V)slope;
      shift[k] = (V)(map.shift[matrix * map.shift_step + channel + k] + ((double)mean[k] - center) * slope);
    }
  }
  NN_MEMBER V apply(V x, int k) const { return nn_multiply_add(x - mean[k], scale[k], shift[k]); }
};

/// The lines of a block add up two numbers for each of their channels; those of line 0 get the sums. All threads come here.
NN_DEVICE void nn_add_lines(const nn_channel_spot &spot, int width, double &a, double &b) {
  NN_SHARED(double, parts, 512);
  parts[threadIdx.x] = a;
  parts[256 + threadIdx.x] = b;
  __syncthreads();
  for (int half = spot.lines / 2; half > 0; half /= 2) {
    if (spot.line < half) {
      parts[threadIdx.x] += parts[threadIdx.x + half * width];
      parts[256 + threadIdx.x] += parts[256 + threadIdx.x + half * width];
    }
    __syncthreads();
  }
  a = parts[threadIdx.x];
  b = parts[256 + threadIdx.x];
  __syncthreads();
}

// MARK: Pooling

/// A number below 2^31 as (image, row, column) of a grid.
struct nn_pixel {
  int image, row, column;
  NN_MEMBER nn_pixel(long long number, int rows, int columns) {
    if (number <= 0x7fffffff) {
      unsigned rest = (unsigned)number / (unsigned)columns;
      column = (int)((unsigned)number - rest * (unsigned)columns);
      image = (int)(rest / (unsigned)rows);
      row = (int)(rest - (unsigned)image * (unsigned)rows);
    } else {
      long long rest = number / columns;
      column = (int)(number - rest * columns);
      image = (int)(rest / rows);
      row = (int)(rest - (long long)image * rows);
    }
  }
};

NN_DEVICE nn_cuda_window nn_window(const nn_cuda_pool_axis &axis, int number) {
  if (axis.even) return nn_cuda_window{number * axis.even, axis.even, axis.even};
  return axis.windows[number];
}

/// The windows that cover an element: how many, and each of them.
struct nn_covers {
  int first, count;
  NN_MEMBER nn_covers(const nn_cuda_pool_axis &axis, int element) {
    if (axis.even) {
      first = element;
      count = element / axis.even < axis.output;
    } else {
      first = axis.cover_starts[element];
      count = axis.cover_starts[element + 1] - first;
    }
  }
  NN_MEMBER nn_cuda_cover at(const nn_cuda_pool_axis &axis, int number) const {
    if (axis.even) return nn_cuda_cover{first / axis.even, first % axis.even};
    return axis.covers[first + number];
  }
};

/// The first element of a place's row and column in the input, [images, rows, columns] counted through.
NN_DEVICE long long nn_input_of(const nn_cuda_pooling &p, int image, int row, int column) {
  return ((long long)image * p.rows.input + row) * p.columns.input + column;
}

template <int each>
NN_DEVICE nn_pack<int, each> nn_load_places(const nn_cuda_pooling &p, const void *places, long long first) {
  nn_pack<int, each> result;
  if (p.place_bytes == 1) {
    nn_pack<nn_u8, each> small = nn_load_pack<nn_u8, each>((const nn_u8 *)places + first);
    for (int k = 0; k < each; k++) result.at[k] = small.at[k];
  } else {
    for (int k = 0; k < each; k++) result.at[k] = ((const int *)places)[first + k];
  }
  return result;
}

/// The gradient of an element of the input of a max-pooling, for some channels.
template <class T, int each>
NN_DEVICE nn_pack<nn_value<T>, each> nn_unpooled(const nn_cuda_pooling &p, const T *g, const void *places, const nn_pixel &pixel,
                                       long long channel) {
  nn_pack<nn_value<T>, each> sum;
  for (int k = 0; k < each; k++) sum.at[k] = 0;
  nn_covers down(p.rows, pixel.row), along(p.columns, pixel.column);
  for (int i = 0; i < down.count; i++) {
    nn_cuda_cover y = down.at(p.rows, i);
    for (int j = 0; j < along.count; j++) {
      nn_cuda_cover x = along.at(p.columns, j);
      long long window = ((long long)pixel.image * p.rows.output + y.window) * p.columns.output + x.window;
      nn_pack<int, each> at = nn_load_places<each>(p, places, window * p.channels + channel);
      nn_pack<nn_value<T>, each> values = nn_load_pack<T, each>(g + window * p.channels + channel);
      int place = y.tap * p.place_row + x.tap;
      for (int k = 0; k < each; k++) sum.at[k] += at.at[k] == place ? values.at[k] : 0;
    }
  }
  return sum;
}
