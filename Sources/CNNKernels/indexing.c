#include "nn_indexing.h"

#define NN_WALK(STEP)                                       \
  for (int64_t i = 0; i < n; i++) {                         \
    int64_t k = index[i * si];                              \
    if (k < 0) k += limit;                                  \
    if (k < 0 || k >= limit) return i;                      \
    STEP;                                                   \
  }                                                         \
  break;

#define NN_GATHER(T)                                        \
  {                                                         \
    const T *in = x;                                        \
    T *out = y;                                             \
    NN_WALK(out[i * sy] = in[k * sx])                       \
  }

int64_t nn_gather_line(int size, int64_t n, const int64_t *index, int64_t si, int64_t limit, const void *x,
                       int64_t sx, void *y, int64_t sy) {
  switch (size) {
    case 1: NN_GATHER(uint8_t)
    case 4: NN_GATHER(uint32_t)
    case 8: NN_GATHER(uint64_t)
  }
  return n;
}

// Two groups, and their inverse, are what networks have: vectors are dealt out for them.
#define NN_DEAL(T)                                                             \
  {                                                                            \
    const T *restrict in = x;                                                  \
    T *restrict out = y;                                                       \
    for (int64_t r = 0; r < rows; r++, in += groups * size, out += groups * size) { \
      if (groups == 2)                                                         \
        for (int64_t k = 0; k < size; k++) {                                   \
          out[2 * k] = in[k];                                                  \
          out[2 * k + 1] = in[size + k];                                       \
        }                                                                      \
      else if (size == 2)                                                      \
        for (int64_t g = 0; g < groups; g++) {                                 \
          out[g] = in[2 * g];                                                  \
          out[groups + g] = in[2 * g + 1];                                     \
        }                                                                      \
      else                                                                     \
        for (int64_t k = 0; k < size; k++)                                     \
          for (int64_t g = 0; g < groups; g++) out[k * groups + g] = in[g * size + k]; \
    }                                                                          \
    break;                                                                     \
  }

void nn_deal(int bytes, int64_t rows, int64_t groups, int64_t size, const void *x, void *y) {
  switch (bytes) {
    case 1: NN_DEAL(uint8_t)
    case 4: NN_DEAL(uint32_t)
    case 8: NN_DEAL(uint64_t)
  }
}

#define NN_SCATTER(T)                                       \
  {                                                         \
    const T *in = x;                                        \
    T *out = y;                                             \
    NN_WALK(out[k * sy] = in[i * sx])                       \
  }

int64_t nn_scatter_line(int size, int64_t n, const int64_t *index, int64_t si, int64_t limit, const void *x,
                        int64_t sx, void *y, int64_t sy) {
  switch (size) {
    case 1: NN_SCATTER(uint8_t)
    case 4: NN_SCATTER(uint32_t)
    case 8: NN_SCATTER(uint64_t)
  }
  return n;
}

#define NN_SCATTER_ADD(T)                                   \
  {                                                         \
    const T *in = x;                                        \
    T *out = y;                                             \
    NN_WALK(out[k * sy] += in[i * sx])                      \
  }

int64_t nn_scatter_add_line(int dtype, int64_t n, const int64_t *index, int64_t si, int64_t limit, const void *x,
                            int64_t sx, void *y, int64_t sy) {
  switch (dtype) {
    case NN_BOOL: {
      const uint8_t *in = x;
      uint8_t *out = y;
      NN_WALK(out[k * sy] |= in[i * sx])
    }
    case NN_U8: NN_SCATTER_ADD(uint8_t)
    case NN_I32: NN_SCATTER_ADD(uint32_t)
    case NN_I64: NN_SCATTER_ADD(uint64_t)
    case NN_F32: NN_SCATTER_ADD(float)
    case NN_F64: NN_SCATTER_ADD(double)
  }
  return n;
}

#define NN_SCAN(T, A)                                                                 \
  {                                                                                   \
    const T *in = x;                                                                  \
    T *out = y;                                                                       \
    A total = product ? 1 : 0;                                                        \
    if (product)                                                                      \
      for (int64_t i = 0; i < n; i++) out[i * sy] = (T)(total *= in[i * sx]);         \
    else                                                                              \
      for (int64_t i = 0; i < n; i++) out[i * sy] = (T)(total += in[i * sx]);         \
    break;                                                                            \
  }

void nn_scan_line(int dtype, int product, int64_t n, const void *x, int64_t sx, void *y, int64_t sy) {
  switch (dtype) {
    case NN_BOOL:
    case NN_U8: NN_SCAN(uint8_t, uint64_t)
    case NN_I32: NN_SCAN(uint32_t, uint64_t)
    case NN_I64: NN_SCAN(uint64_t, uint64_t)
    case NN_F32: NN_SCAN(float, double)
    case NN_F64: NN_SCAN(double, double)
  }
}
