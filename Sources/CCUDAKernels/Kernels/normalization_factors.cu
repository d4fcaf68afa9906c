#include "elements.h"

// What lies between the sums of a normalisation and its passes over the images: some arithmetic on one value per channel,
// in double.

NN_DEVICE double nn_real(const void *x, int type, long long i) {
  return type == NN_CUDA_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

NN_DEVICE void nn_set_real(void *y, int type, long long i, double value) {
  if (type == NN_CUDA_F32)
    ((float *)y)[i] = (float)value;
  else
    ((double *)y)[i] = value;
}

/// For moments [rows, channels]: 1 / sqrt(variance + eps), the mean if `wideMean` is given, and the map's scale and shift.
NN_KERNEL(256, nn_normalization_map, long long count, int channels, int momentType, const void *mean,
          const void *variance, int type, const void *weight, const void *bias, double eps, double *inverse,
          double *wideMean, double *scale, double *shift) {
  long long i = nn_place();
  if (i >= count) return;
  long long channel = i % channels;
  double slope = 1 / sqrt(nn_real(variance, momentType, i) + eps);
  inverse[i] = slope;
  if (wideMean) wideMean[i] = nn_real(mean, momentType, i);
  scale[i] = weight ? slope * nn_real(weight, type, channel) : slope;
  shift[i] = bias ? nn_real(bias, type, channel) : 0;
}

/// (1 - momentum) · old + momentum · (value · correction)
NN_KERNEL(256, nn_running_average, long long count, int type, const void *old, const double *value, double momentum,
          double correction, void *y) {
  long long i = nn_place();
  if (i < count) nn_set_real(y, type, i, nn_real(old, type, i) * (1 - momentum) + value[i] * correction * momentum);
}

/// The gradient of a batch normalisation, but for the elements of its input; see `NormalizationGradient`.
NN_KERNEL(256, nn_normalization_gradient, int channels, double count, const double *sums, const double *dots,
          const double *inverse, int weightType, const void *weight, int type, double *a, double *b, double *c,
          void *total, void *weightGradient, void *biasGradient) {
  int i = (int)nn_place();
  if (i >= channels) return;
  double factor = weight ? nn_real(weight, weightType, i) : 1, slope = inverse[i];
  double scale = slope * factor, offset = sums[i] * factor * slope / -count;
  a[i] = scale;
  b[i] = dots[i] * factor * (slope * slope * slope) / -count;
  c[i] = offset;
  nn_set_real(total, type, i, scale * sums[i] + offset * count);
  nn_set_real(weightGradient, type, i, dots[i] * slope);
  nn_set_real(biasGradient, type, i, sums[i]);
}
