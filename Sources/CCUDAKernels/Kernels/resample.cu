#include "elements.h"

// A linear map along one axis of dense memory: output i of a line is the sum of the taps starts[i] up to starts[i + 1].
// Elements of a line are `step` apart. Sums run in double.

template <class T>
NN_DEVICE void nn_resample(nn_int n, nn_int step, nn_int inputs, nn_int outputs, const nn_int *starts,
                           const nn_int *places, const double *weights, const T *x, T *y) {
  nn_int number = nn_place();
  if (number >= n) return;
  nn_int rest = number / step, column = number - rest * step, block = rest / outputs, output = rest - block * outputs;
  x += block * inputs * step + column;
  double sum = 0;
  for (nn_int tap = starts[output]; tap < starts[output + 1]; tap++) sum += weights[tap] * x[places[tap] * step];
  y[number] = (T)sum;
}

#define NN_RESAMPLE(T, name)                                                                                       \
  NN_KERNEL(256, nn_resample_##name, nn_int n, nn_int step, nn_int inputs, nn_int outputs, const nn_int *starts,   \
            const nn_int *places, const double *weights, const T *__restrict__ x, T *__restrict__ y) {             \
    nn_resample<T>(n, step, inputs, outputs, starts, places, weights, x, y);                                       \
  }
NN_FLOATS(NN_RESAMPLE)
