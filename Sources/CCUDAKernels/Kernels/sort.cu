#include "elements.h"

// Stable sorting of dense lines: runs of up to 1024 elements in shared memory, then merges of neighbouring runs. Values go
// with their former places, which make every order total; NaN counts as greatest.

enum { nn_run = 1024 };

template <class T>
NN_DEVICE bool nn_is_before(int descending, T a, long long i, T b, long long j) {
  bool aIsNaN = a != a, bIsNaN = b != b;
  if (aIsNaN != bIsNaN) return descending ? aIsNaN : bIsNaN;
  if (a < b) return !descending;
  if (b < a) return descending;
  return i < j;
}

/// Sorts each run for itself; blockIdx.x counts the runs of all lines. `size` is a power of 2, `runs` the runs of a line.
template <class T>
NN_DEVICE void nn_sort_runs(int descending, long long n, int size, long long runs, const T *x, T *y, long long *places) {
  NN_SHARED(T, values, nn_run);
  NN_SHARED(int, order, nn_run);
  long long line = blockIdx.x / runs, start = blockIdx.x % runs * size;
  long long rest = n - start;
  int count = rest < size ? (int)rest : size;
  x += line * n + start;
  for (int i = threadIdx.x; i < size; i += 256) {
    values[i] = i < count ? x[i] : (T)0;
    // What is behind the end of the line comes last.
    order[i] = i;
  }
  for (int width = 2; width <= size; width *= 2)
    for (int distance = width / 2; distance > 0; distance /= 2) {
      __syncthreads();
      for (int pair = threadIdx.x; pair < size / 2; pair += 256) {
        int a = pair / distance * 2 * distance + pair % distance, b = a + distance;
        bool isRising = (a & width) == 0;
        int i = order[a], j = order[b];
        bool isBefore = i >= count || j >= count ? i < j : nn_is_before(descending, values[a], i, values[b], j);
        if (isBefore != isRising) {
          T value = values[a];
          values[a] = values[b];
          values[b] = value;
          order[a] = j;
          order[b] = i;
        }
      }
    }
  __syncthreads();
  for (int i = threadIdx.x; i < count; i += 256) {
    y[line * n + start + i] = values[i];
    places[line * n + start + i] = start + order[i];
  }
}

/// Merges pairs of runs of `size` elements: each element's place is its own number in its run plus how many of the other
/// run come before it.
template <class T>
NN_DEVICE void nn_sort_merge(int descending, long long count, long long n, long long size, const T *x,
                             const long long *from, T *y, long long *places) {
  long long number = nn_place();
  if (number >= count) return;
  long long line = number / n, i = number - line * n;
  x += line * n;
  from += line * n;
  long long pair = i / (2 * size) * 2 * size, middle = pair + size;
  bool isLeft = i < middle;
  long long low = isLeft ? middle : pair, high = isLeft ? middle + size : middle, first = low;
  if (low > n) low = first = n;
  if (high > n) high = n;
  T value = x[i];
  long long place = from[i];
  while (low < high) {
    long long centre = (low + high) / 2;
    if (nn_is_before(descending, x[centre], from[centre], value, place))
      low = centre + 1;
    else
      high = centre;
  }
  long long target = line * n + pair + (i - (isLeft ? pair : middle)) + (low - first);
  y[target] = value;
  places[target] = place;
}

#define NN_SORT(T, type)                                                                                          \
  NN_KERNEL(256, nn_sort_runs_##type, int descending, long long n, int size, long long runs, const T *x, T *y,    \
            long long *places) {                                                                                  \
    nn_sort_runs(descending, n, size, runs, x, y, places);                                                        \
  }                                                                                                               \
  NN_KERNEL(256, nn_sort_merge_##type, int descending, long long count, long long n, long long size, const T *x,  \
            const long long *from, T *y, long long *places) {                                                     \
    nn_sort_merge(descending, count, n, size, x, from, y, places);                                                \
  }
NN_SORT(nn_u8, uint8)
NN_SORT(int, int32)
NN_SORT(long long, int64)
NN_SORT(float, float32)
NN_SORT(double, float64)
