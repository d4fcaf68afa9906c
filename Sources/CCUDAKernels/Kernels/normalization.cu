#include "channels.h"

// What a normalisation does to each element, and the gradient of that: each reads its operands and writes its result once.

/// map(x), plus the addend if there is one, rectified if asked for.
template <class T, int each>
NN_DEVICE void nn_channel_map(const nn_cuda_channels &plan, const T *x, const nn_cuda_channel_map &values,
                              const T *addend, bool rectified, T *y) {
  nn_channel_spot spot(plan, each);
  if (spot.channel >= plan.channels) return;
  long long first = (long long)blockIdx.x * plan.part;
  long long end = first + plan.part < plan.rows ? first + plan.part : plan.rows;
  for (int matrix = blockIdx.z; matrix < plan.matrices; matrix += gridDim.z) {
    long long base = (long long)matrix * plan.rows * plan.channels + spot.channel;
    nn_map_values<nn_value<T>, each> map;
    map.load(values, matrix, spot.channel);
#pragma unroll 4
    for (long long row = first + spot.line; row < end; row += spot.lines) {
      long long place = base + row * plan.channels;
      nn_pack<nn_value<T>, each> value = nn_load_pack<T, each>(x + place), added;
      if (addend) added = nn_load_pack<T, each>(addend + place);
      for (int k = 0; k < each; k++) {
        nn_value<T> result = map.apply(value.at[k], k);
        if (addend) result += added.at[k];
        value.at[k] = rectified && result <= 0 ? 0 : result;
      }
      nn_store_pack<T, each>(y + place, value);
    }
  }
}

/// g where map(x) is above 0.
template <class T, int each>
NN_DEVICE void nn_channel_gate(const nn_cuda_channels &plan, const T *g, const T *x, const nn_cuda_channel_map &values,
                               T *y) {
  nn_channel_spot spot(plan, each);
  if (spot.channel >= plan.channels) return;
  long long first = (long long)blockIdx.x * plan.part;
  long long end = first + plan.part < plan.rows ? first + plan.part : plan.rows;
  for (int matrix = blockIdx.z; matrix < plan.matrices; matrix += gridDim.z) {
    long long base = (long long)matrix * plan.rows * plan.channels + spot.channel;
    nn_map_values<nn_value<T>, each> map;
    map.load(values, matrix, spot.channel);
#pragma unroll 4
    for (long long row = first + spot.line; row < end; row += spot.lines) {
      long long place = base + row * plan.channels;
      nn_pack<nn_value<T>, each> value = nn_load_pack<T, each>(x + place), slope = nn_load_pack<T, each>(g + place);
      for (int k = 0; k < each; k++) value.at[k] = map.apply(value.at[k], k) <= 0 ? 0 : slope.at[k];
      nn_store_pack<T, each>(y + place, value);
    }
  }
}

/// What the gradient of a normalisation's result is.
enum nn_gradient_kind { NN_PLAIN, NN_ALONE, NN_RECTIFIED, NN_POOLED };

/// The factors of a combination for some channels.
template <class V, int each>
struct nn_factors {
  V mean[each], a[each], b[each], c[each];
  NN_MEMBER nn_factors(const nn_cuda_combination &factors, int matrix, long long channels, long long channel) {
    long long place = matrix * channels + channel;
    for (int k = 0; k < each; k++) {
      a[k] = (V)factors.a[place + k];
      double center = factors.mean ? factors.mean[place + k] : 0;
      double slope = factors.mean ? factors.b[place + k] : 0;
      mean[k] = (V)center;
      b[k] = (V)slope;
      c[k] = factors.mean ? (V)(factors.c[place + k] + ((double)mean[k] - center) * slope) : (V)0;
    }
  }
  NN_MEMBER V apply(V g, V x, int k) const { return g * a[k] + ((x - mean[k]) * b[k] + c[k]); }
};

/// y = g · a + (x - mean) · b + c, or g · a alone.
template <class T, int each, int kind>
NN_DEVICE void nn_channel_combination(const nn_cuda_channels &plan, const T *g, const T *x,
                                      const nn_cuda_combination &factors, const nn_cuda_channel_map &values,
                                      const nn_cuda_pooling *pooling, const void *places, T *y) {
  nn_channel_spot spot(plan, each);
  if (spot.channel >= plan.channels) return;
  long long first = (long long)blockIdx.x * plan.part;
  long long end = first + plan.part < plan.rows ? first + plan.part : plan.rows;
  for (int matrix = blockIdx.z; matrix < plan.matrices; matrix += gridDim.z) {
    long long base = (long long)matrix * plan.rows * plan.channels + spot.channel;
    nn_factors<nn_value<T>, each> factor(factors, matrix, plan.channels, spot.channel);
    nn_map_values<nn_value<T>, each> map;
    if (kind == NN_RECTIFIED) map.load(values, matrix, spot.channel);
#pragma unroll 4
    for (long long row = first + spot.line; row < end; row += spot.lines) {
      long long place = base + row * plan.channels;
      nn_pack<nn_value<T>, each> slope, value;
      if (kind == NN_POOLED) {
        nn_pixel pixel(row, pooling->rows.input, pooling->columns.input);
        slope = nn_unpooled<T, each>(*pooling, g, places, pixel, spot.channel);
      } else {
        slope = nn_load_pack<T, each>(g + place);
      }
      if (kind == NN_ALONE) {
        for (int k = 0; k < each; k++) value.at[k] = slope.at[k] * factor.a[k];
      } else {
        value = nn_load_pack<T, each>(x + place);
        for (int k = 0; k < each; k++) {
          nn_value<T> gradient = kind == NN_RECTIFIED && map.apply(value.at[k], k) <= 0 ? 0 : slope.at[k];
          value.at[k] = factor.apply(gradient, value.at[k], k);
        }
      }
      nn_store_pack<T, each>(y + place, value);
    }
  }
}

/// The same for the gradient of a pooling by 2 x 2 windows that lie side by side and cover all of the input: a thread has a
/// window, so that what was pooled is read once. Rows of the plan are windows.
template <class T, int each>
NN_DEVICE void nn_pooled_combination_2(const nn_cuda_channels &plan, const T *g, const T *x,
                                       const nn_cuda_combination &factors, const nn_cuda_pooling &p,
                                       const void *places, T *y) {
  nn_channel_spot spot(plan, each);
  if (spot.channel >= plan.channels) return;
  long long first = (long long)blockIdx.x * plan.part;
  long long end = first + plan.part < plan.rows ? first + plan.part : plan.rows;
  nn_factors<nn_value<T>, each> factor(factors, 0, plan.channels, spot.channel);
#pragma unroll 2
  for (long long row = first + spot.line; row < end; row += spot.lines) {
    long long place = row * plan.channels + spot.channel;
    nn_pixel pixel(row, p.rows.output, p.columns.output);
    nn_pack<nn_value<T>, each> slope = nn_load_pack<T, each>(g + place);
    nn_pack<int, each> at = nn_load_places<each>(p, places, place);
    long long corner = nn_input_of(p, pixel.image, 2 * pixel.row, 2 * pixel.column) * plan.channels + spot.channel;
    for (int tap = 0; tap < 4; tap++) {
      long long from = corner + ((tap >> 1) * (long long)p.columns.input + (tap & 1)) * plan.channels;
      nn_pack<nn_value<T>, each> value = nn_load_pack<T, each>(x + from);
      for (int k = 0; k < each; k++)
        value.at[k] = factor.apply(at.at[k] == tap ? slope.at[k] : 0, value.at[k], k);
      nn_store_pack<T, each>(y + from, value);
    }
  }
}

#define NN_WIDE(T, call, ...)              \
  if (plan.is_wide)                        \
    call<T, 16 / sizeof(T)>(__VA_ARGS__);  \
  else                                     \
    call<T, 1>(__VA_ARGS__);

#define NN_COMBINED(T, kind, ...)                                    \
  if (plan.is_wide)                                                  \
    nn_channel_combination<T, 16 / sizeof(T), kind>(__VA_ARGS__);    \
  else                                                               \
    nn_channel_combination<T, 1, kind>(__VA_ARGS__);

#define NN_NORMALIZATION(T, name)                                                                                  \
  NN_KERNEL(256, nn_channel_map_##name, const nn_cuda_channels plan, const T *__restrict__ x, const nn_cuda_channel_map map,    \
            const T *__restrict__ addend, int rectified, T *__restrict__ y) {                                                                \
    NN_WIDE(T, nn_channel_map, plan, x, map, addend, rectified != 0, y)                                            \
  }                                                                                                                \
  NN_KERNEL(256, nn_channel_gate_##name, const nn_cuda_channels plan, const T *__restrict__ g, const T *__restrict__ x,                      \
            const nn_cuda_channel_map map, T *__restrict__ y) {                                                                 \
    NN_WIDE(T, nn_channel_gate, plan, g, x, map, y)                                                                \
  }                                                                                                                \
  NN_KERNEL(256, nn_combination_##name, const nn_cuda_channels plan, const T *__restrict__ g, const T *__restrict__ x,                       \
            const nn_cuda_combination factors, T *__restrict__ y) {                                                             \
    nn_cuda_channel_map none = {};                                                                                 \
    if (x) {                                                                                                       \
      NN_COMBINED(T, NN_PLAIN, plan, g, x, factors, none, nullptr, nullptr, y)                                     \
    } else {                                                                                                       \
      NN_COMBINED(T, NN_ALONE, plan, g, x, factors, none, nullptr, nullptr, y)                                     \
    }                                                                                                              \
  }                                                                                                                \
  NN_KERNEL(256, nn_rectified_combination_##name, const nn_cuda_channels plan, const T *__restrict__ g, const T *__restrict__ x,             \
            const nn_cuda_combination factors, const nn_cuda_channel_map map, T *__restrict__ y) {                              \
    NN_COMBINED(T, NN_RECTIFIED, plan, g, x, factors, map, nullptr, nullptr, y)                                    \
  }                                                                                                                \
  NN_KERNEL(256, nn_pooled_combination_##name, const nn_cuda_channels plan, const T *__restrict__ g, const T *__restrict__ x,                \
            const nn_cuda_combination factors, const nn_cuda_pooling pooling, const void *places, T *__restrict__ y) {          \
    nn_cuda_channel_map none = {};                                                                                 \
    NN_COMBINED(T, NN_POOLED, plan, g, x, factors, none, &pooling, places, y)                                      \
  }                                                                                                                \
  NN_KERNEL(256, nn_pooled_combination_2_##name, const nn_cuda_channels plan, const T *__restrict__ g, const T *__restrict__ x,              \
            const nn_cuda_combination factors, const nn_cuda_pooling pooling, const void *places, T *__restrict__ y) {          \
    NN_WIDE(T, nn_pooled_combination_2, plan, g, x, factors, pooling, places, y)                                   \
  }
NN_REALS(NN_NORMALIZATION)
