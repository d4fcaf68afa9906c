#include "elements.h"

// Filling, copying, turning and converting. Elements that are only moved are known by their bytes.

template <class T>
NN_DEVICE void nn_fill(long long n, T value, T *y) {
  long long first = nn_place() * nn_each;
  if (first + nn_each <= n) {
    nn_store(y, first, nn_load(nn_line<T>{&value, 0}, 0));
    return;
  }
  for (long long i = first; i < n; i++) y[i] = value;
}

/// Operand 0 of the walk is y, operand 1 is x.
template <class T>
NN_DEVICE void nn_copy(const nn_cuda_walk &walk, const T *x, T *y) {
  long long first = nn_first();
  for (int k = 0; k < nn_each; k++) {
    long long i = first + (long long)k * blockDim.x;
    if (i >= walk.count) break;
    nn_spot<2> spot = nn_find<2>(walk, i);
    y[spot.at[0]] = x[spot.at[1]];
  }
}

enum { nn_tile = 32 };

/// y[i * sy + j] = x[j * sx + i] for i < rows, j < columns, for each place of the walk: squares go through shared memory so
/// that both sides are read and written along their lines. blockIdx.x counts squares, blockIdx.y places.
template <class T>
NN_DEVICE void nn_turn(const nn_cuda_walk &walk, long long rows, long long columns, long long sx, long long sy,
                       const T *x, T *y) {
  NN_SHARED(T, square, nn_tile * (nn_tile + 1));
  long long across = (columns + nn_tile - 1) / nn_tile;
  long long i0 = blockIdx.x / across * nn_tile, j0 = blockIdx.x % across * nn_tile;
  int lane = threadIdx.x % nn_tile, line = threadIdx.x / nn_tile;
  for (long long place = blockIdx.y; place < walk.count; place += gridDim.y) {
    nn_spot<2> spot = nn_find<2>(walk, place);
    for (int k = line; k < nn_tile; k += 8)
      if (i0 + lane < rows && j0 + k < columns)
        square[k * (nn_tile + 1) + lane] = x[spot.at[1] + (j0 + k) * sx + i0 + lane];
    __syncthreads();
    for (int k = line; k < nn_tile; k += 8)
      if (i0 + k < rows && j0 + lane < columns)
        y[spot.at[0] + (i0 + k) * sy + j0 + lane] = square[lane * (nn_tile + 1) + k];
    __syncthreads();
  }
}

#define NN_MOVES(T, bytes)                                                                                     \
  NN_KERNEL(256, nn_fill_##bytes, long long n, nn_u64 value, T *y) { nn_fill(n, (T)value, y); }                \
  NN_KERNEL(256, nn_copy_##bytes, nn_cuda_walk walk, const T *x, T *y) { nn_copy(walk, x, y); }                \
  NN_KERNEL(256, nn_turn_##bytes, nn_cuda_walk walk, long long rows, long long columns, long long sx,          \
            long long sy, const T *x, T *y) {                                                                  \
    nn_turn(walk, rows, columns, sx, sy, x, y);                                                                \
  }
NN_MOVES(nn_u8, 1)
NN_MOVES(unsigned short, 2)
NN_MOVES(unsigned, 4)
NN_MOVES(nn_u64, 8)

/// y is dense, x anyhow; out-of-range numbers to uint8 go through int64, as PyTorch's do on x86.
template <class T>
NN_DEVICE void nn_cast(int to, const nn_cuda_walk &walk, const T *x, void *y) {
  long long first = nn_first();
  for (int k = 0; k < nn_each; k++) {
    long long i = first + (long long)k * blockDim.x;
    if (i >= walk.count) break;
    T value = x[nn_find<1>(walk, i).at[0]];
    switch (to) {
      case NN_CUDA_BOOL: ((nn_u8 *)y)[i] = value != 0; break;
      case NN_CUDA_U8: ((nn_u8 *)y)[i] = (nn_u8)(long long)value; break;
      case NN_CUDA_I32: ((int *)y)[i] = (int)value; break;
      case NN_CUDA_I64: ((long long *)y)[i] = (long long)value; break;
      case NN_CUDA_BF16: ((nn_bf16 *)y)[i] = (nn_bf16)(float)value; break;
      case NN_CUDA_F32: ((float *)y)[i] = (float)value; break;
      case NN_CUDA_F64: ((double *)y)[i] = (double)value; break;
    }
  }
}

#define NN_CAST(T, type) \
  NN_KERNEL(256, nn_cast_##type, int to, nn_cuda_walk walk, const T *x, void *y) { nn_cast(to, walk, x, y); }
NN_CAST(nn_u8, uint8)
NN_CAST(int, int32)
NN_CAST(long long, int64)
NN_CAST(nn_bf16, bfloat16)
NN_CAST(float, float32)
NN_CAST(double, float64)

/// The conversions that mixed precision is made of: x and y are dense in one memory order.
template <class T, class U>
NN_DEVICE void nn_convert(long long n, const T *x, U *y) {
  long long first = nn_place() * nn_each;
  if (first + nn_each <= n) {
    nn_store(y, first, nn_load(nn_line<T>{x, 1}, first));
    return;
  }
  for (long long i = first; i < n; i++) y[i] = (U)(float)x[i];
}

NN_KERNEL(256, nn_narrow, long long n, const float *__restrict__ x, nn_bf16 *__restrict__ y) { nn_convert(n, x, y); }
NN_KERNEL(256, nn_widen, long long n, const nn_bf16 *__restrict__ x, float *__restrict__ y) { nn_convert(n, x, y); }
