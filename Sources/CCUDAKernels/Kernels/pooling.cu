#include "channels.h"

// Pooling of channels-last images: a thread takes some channels of a pixel, of the output or of the input. The plan's rows are
// those pixels.

/// Calls body(row, channel) for the pixels of a thread.
template <int each, class Body>
NN_DEVICE void nn_each_pixel(const nn_cuda_channels &plan, Body body) {
  nn_channel_spot spot(plan, each);
  if (spot.channel >= plan.channels) return;
  long long first = (long long)blockIdx.x * plan.part;
  long long end = first + plan.part < plan.rows ? first + plan.part : plan.rows;
  for (long long row = first + spot.line; row < end; row += spot.lines) body(row, spot.channel);
}

/// The greatest elements of windows of x, or of max(map(x), 0); of equal ones the first, and NaN counts as greatest.
template <class T, int each, bool is_mapped>
NN_DEVICE void nn_max_pool(const nn_cuda_channels &plan, const nn_cuda_pooling &p, const T *x,
                           const nn_cuda_channel_map &values, T *y, void *places) {
  nn_channel_spot spot(plan, each);
  if (spot.channel >= plan.channels) return;
  nn_map_values<nn_value<T>, each> map;
  if (is_mapped) map.load(values, 0, spot.channel);
  nn_each_pixel<each>(plan, [&](long long row, long long channel) {
    nn_pixel pixel(row, p.rows.output, p.columns.output);
    nn_cuda_window down = nn_window(p.rows, pixel.row), along = nn_window(p.columns, pixel.column);
    long long corner = nn_input_of(p, pixel.image, down.start, along.start) * plan.channels + channel;
    long long line = (long long)p.rows.dilation * p.columns.input * plan.channels;
    long long step = (long long)p.columns.dilation * plan.channels;
    nn_pack<nn_value<T>, each> best;
    nn_pack<int, each> at;
    for (int i = 0; i < down.count; i++)
      for (int j = 0; j < along.count; j++) {
        nn_pack<nn_value<T>, each> value = nn_load_pack<T, each>(x + corner + i * line + j * step);
        int place = i * p.place_row + j;
        for (int k = 0; k < each; k++) {
          nn_value<T> v = value.at[k];
          if (is_mapped) {
            v = map.apply(v, k);
            v = v <= 0 ? 0 : v;
          }
          if (place == 0 || v > best.at[k] || v != v) {
            best.at[k] = v;
            at.at[k] = place;
          }
        }
      }
    long long target = row * plan.channels + channel;
    nn_store_pack<T, each>(y + target, best);
    if (!places) return;
    if (p.place_bytes == 1) {
      nn_pack<nn_u8, each> small;
      for (int k = 0; k < each; k++) small.at[k] = (nn_u8)at.at[k];
      nn_store_pack<nn_u8, each>((nn_u8 *)places + target, small);
    } else {
      for (int k = 0; k < each; k++) ((int *)places)[target + k] = at.at[k];
    }
  });
}

template <class T, int each>
NN_DEVICE void nn_max_pool_gradient(const nn_cuda_channels &plan, const nn_cuda_pooling &p, const T *g,
                                    const void *places, T *y) {
  nn_each_pixel<each>(plan, [&](long long row, long long channel) {
    nn_pixel pixel(row, p.rows.input, p.columns.input);
    nn_store_pack<T, each>(y + row * plan.channels + channel, nn_unpooled<T, each>(p, g, places, pixel, channel));
  });
}

/// The place of each element in its image, row · columns + column.
NN_DEVICE long long nn_place_of(const nn_cuda_pooling &p, const nn_pixel &pixel, int place) {
  int down = place / p.place_row, along = place - down * p.place_row;
  long long row = nn_window(p.rows, pixel.row).start + (long long)down * p.rows.dilation;
  return row * p.columns.input + nn_window(p.columns, pixel.column).start + along * p.columns.dilation;
}

template <class T>
NN_DEVICE void nn_max_pool_pick(const nn_cuda_channels &plan, const nn_cuda_pooling &p, const T *x, const void *places,
                                T *y) {
  nn_each_pixel<1>(plan, [&](long long row, long long channel) {
    nn_pixel pixel(row, p.rows.output, p.columns.output);
    long long target = row * plan.channels + channel;
    long long place = nn_place_of(p, pixel, nn_load_places<1>(p, places, target).at[0]);
    long long image = (long long)pixel.image * p.rows.input * p.columns.input;
    y[target] = x[(image + place) * plan.channels + channel];
  });
}

NN_KERNEL(256, nn_max_pool_indices, const nn_cuda_channels plan, const nn_cuda_pooling p, const void *places,
          nn_int *indices) {
  nn_each_pixel<1>(plan, [&](long long row, long long channel) {
    nn_pixel pixel(row, p.rows.output, p.columns.output);
    long long target = row * plan.channels + channel;
    indices[target] = nn_place_of(p, pixel, nn_load_places<1>(p, places, target).at[0]);
  });
}

template <class T, int each>
NN_DEVICE void nn_avg_pool(const nn_cuda_channels &plan, const nn_cuda_pooling &p, const T *x, T *y) {
  nn_each_pixel<each>(plan, [&](long long row, long long channel) {
    nn_pixel pixel(row, p.rows.output, p.columns.output);
    nn_cuda_window down = nn_window(p.rows, pixel.row), along = nn_window(p.columns, pixel.column);
    double sum[each];
    for (int k = 0; k < each; k++) sum[k] = 0;
    for (int i = 0; i < down.count; i++)
      for (int j = 0; j < along.count; j++) {
        long long from = nn_input_of(p, pixel.image, down.start + i * p.rows.dilation,
                                     along.start + j * p.columns.dilation);
        nn_pack<nn_value<T>, each> value = nn_load_pack<T, each>(x + from * plan.channels + channel);
        for (int k = 0; k < each; k++) sum[k] += value.at[k];
      }
    nn_pack<nn_value<T>, each> result;
    double divisor = (double)down.divisor * along.divisor;
    for (int k = 0; k < each; k++) result.at[k] = (nn_value<T>)(sum[k] / divisor);
    nn_store_pack<T, each>(y + row * plan.channels + channel, result);
  });
}

template <class T, int each>
NN_DEVICE void nn_avg_pool_gradient(const nn_cuda_channels &plan, const nn_cuda_pooling &p, const T *g, T *y) {
  nn_each_pixel<each>(plan, [&](long long row, long long channel) {
    nn_pixel pixel(row, p.rows.input, p.columns.input);
    nn_covers down(p.rows, pixel.row), along(p.columns, pixel.column);
    double sum[each];
    for (int k = 0; k < each; k++) sum[k] = 0;
    for (int i = 0; i < down.count; i++) {
      nn_cuda_cover v = down.at(p.rows, i);
      double height = nn_window(p.rows, v.window).divisor;
      for (int j = 0; j < along.count; j++) {
        nn_cuda_cover h = along.at(p.columns, j);
        double divisor = height * nn_window(p.columns, h.window).divisor;
        long long window = ((long long)pixel.image * p.rows.output + v.window) * p.columns.output + h.window;
        nn_pack<nn_value<T>, each> value = nn_load_pack<T, each>(g + window * plan.channels + channel);
        for (int k = 0; k < each; k++) sum[k] += value.at[k] / divisor;
      }
    }
    nn_pack<nn_value<T>, each> result;
    for (int k = 0; k < each; k++) result.at[k] = (nn_value<T>)sum[k];
    nn_store_pack<T, each>(y + row * plan.channels + channel, result);
  });
}

#define NN_POOLING(T, name)                                                                                       \
  NN_KERNEL(256, nn_max_pool_##name, const nn_cuda_channels plan, const nn_cuda_pooling p, const T *__restrict__ x, \
            T *__restrict__ y, void *__restrict__ places) {                                                       \
    nn_cuda_channel_map none = {};                                                                                \
    if (plan.is_wide)                                                                                             \
      nn_max_pool<T, 16 / sizeof(T), false>(plan, p, x, none, y, places);                                         \
    else                                                                                                          \
      nn_max_pool<T, 1, false>(plan, p, x, none, y, places);                                                      \
  }                                                                                                               \
  NN_KERNEL(256, nn_mapped_max_pool_##name, const nn_cuda_channels plan, const nn_cuda_pooling p,                 \
            const T *__restrict__ x, const nn_cuda_channel_map map, T *__restrict__ y,                            \
            void *__restrict__ places) {                                                                          \
    if (plan.is_wide)                                                                                             \
      nn_max_pool<T, 16 / sizeof(T), true>(plan, p, x, map, y, places);                                           \
    else                                                                                                          \
      nn_max_pool<T, 1, true>(plan, p, x, map, y, places);                                                        \
  }                                                                                                               \
  NN_KERNEL(256, nn_max_pool_gradient_##name, const nn_cuda_channels plan, const nn_cuda_pooling p,               \
            const T *__restrict__ g, const void *__restrict__ places, T *__restrict__ y) {                        \
    if (plan.is_wide)                                                                                             \
      nn_max_pool_gradient<T, 16 / sizeof(T)>(plan, p, g, places, y);                                             \
    else                                                                                                          \
      nn_max_pool_gradient<T, 1>(plan, p, g, places, y);                                                          \
  }                                                                                                               \
  NN_KERNEL(256, nn_max_pool_pick_##name, const nn_cuda_channels plan, const nn_cuda_pooling p,                   \
            const T *__restrict__ x, const void *__restrict__ places, T *__restrict__ y) {                        \
    nn_max_pool_pick<T>(plan, p, x, places, y);                                                                   \
  }                                                                                                               \
  NN_KERNEL(256, nn_avg_pool_##name, const nn_cuda_channels plan, const nn_cuda_pooling p,                        \
            const T *__restrict__ x, T *__restrict__ y) {                                                         \
    if (plan.is_wide)                                                                                             \
      nn_avg_pool<T, 16 / sizeof(T)>(plan, p, x, y);                                                              \
    else                                                                                                          \
      nn_avg_pool<T, 1>(plan, p, x, y);                                                                           \
  }                                                                                                               \
  NN_KERNEL(256, nn_avg_pool_gradient_##name, const nn_cuda_channels plan, const nn_cuda_pooling p,               \
            const T *__restrict__ g, T *__restrict__ y) {                                                         \
    if (plan.is_wide)                                                                                             \
      nn_avg_pool_gradient<T, 16 / sizeof(T)>(plan, p, g, y);                                                     \
    else                                                                                                          \
      nn_avg_pool_gradient<T, 1>(plan, p, g, y);                                                                  \
  }
NN_REALS(NN_POOLING)
