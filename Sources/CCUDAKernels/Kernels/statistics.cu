#include "elements.h"

// The small arithmetic between the sums of a normalisation and its elements, in double; see `Backend`.

NN_DEVICE double nn_number(const void *values, int type, nn_int place) {
  switch (type) {
    case NN_CUDA_F64: return ((const double *)values)[place];
    case NN_CUDA_BF16: return ((const nn_bf16 *)values)[place];
    default: return ((const float *)values)[place];
  }
}
NN_DEVICE void nn_put_number(void *values, int type, nn_int place, double value) {
  switch (type) {
    case NN_CUDA_F64: ((double *)values)[place] = value; break;
    case NN_CUDA_BF16: ((nn_bf16 *)values)[place] = (nn_bf16)(float)value; break;
    default: ((float *)values)[place] = (float)value;
  }
}

/// The map of moments: `mean` is written if moments are not in double yet; the shift is [channels].
NN_KERNEL(256, nn_normalization_map, const nn_cuda_statistics s, const void *means, const void *variances,
          const void *weight, const void *bias, double *mean, double *scale, double *shift, double *inverse) {
  nn_int place = nn_place();
  if (place >= (nn_int)s.matrices * s.channels) return;
  int channel = (int)(place % s.channels);
  double factor = 1 / sqrt(nn_number(variances, s.moments_type, place) + s.eps);
  if (mean) mean[place] = nn_number(means, s.moments_type, place);
  inverse[place] = factor;
  if (weight) scale[place] = factor * nn_number(weight, s.type, channel);
  if (place < s.channels) shift[place] = bias ? nn_number(bias, s.type, channel) : 0;
}

NN_KERNEL(256, nn_running_average, nn_int n, int type, const void *old, const double *fresh, double momentum,
          double correction, void *result) {
  nn_int i = nn_place();
  if (i >= n) return;
  nn_put_number(result, type, i,
                nn_number(old, type, i) * (1 - momentum) + fresh[i] * correction * momentum);
}

/// The factors of the gradient of the input, and what that adds up to if `total` is there; the gradients of weight and bias if
/// there is one matrix.
NN_KERNEL(256, nn_normalization_gradient, const nn_cuda_statistics s, const double *sums, const double *dots,
          const double *inverse, const void *weight, double *a, double *b, double *c, void *total,
          void *weight_gradient, void *bias_gradient) {
  nn_int place = nn_place();
  if (place >= (nn_int)s.matrices * s.channels) return;
  int channel = (int)(place % s.channels), size = s.channels / s.groups, first = channel / size * size;
  nn_int row = place - channel;
  double plain = 0, distances = 0;
  for (int k = first; k < first + size; k++) {
    double factor = weight ? nn_number(weight, s.type, k) : 1;
    plain += sums[row + k] * factor;
    distances += dots[row + k] * factor;
  }
  double i = inverse[place], scale = weight ? i * nn_number(weight, s.type, channel) : i;
  double offset = plain * i / -s.count;
  a[place] = scale;
  b[place] = distances * (i * i * i) / -s.count;
  c[place] = offset;
  if (total) nn_put_number(total, s.input_type, place, scale * sums[place] + offset * s.count);
  if (s.matrices == 1) {
    nn_put_number(weight_gradient, s.type, channel, dots[place] * i);
    nn_put_number(bias_gradient, s.type, channel, sums[place]);
  }
}

/// The gradients of weight and bias.
NN_KERNEL(256, nn_parameter_gradient, const nn_cuda_statistics s, const double *sums, const double *dots,
          const double *inverse, void *weight, void *bias) {
  nn_int channel = nn_place();
  if (channel >= s.channels) return;
  double plain = 0, distances = 0;
  for (nn_int k = channel; k < (nn_int)s.matrices * s.channels; k += s.channels) {
    plain += sums[k];
    distances += dots[k] * inverse[k];
  }
  nn_put_number(weight, s.type, channel, distances);
  nn_put_number(bias, s.type, channel, plain);
}

/// Weights [channels, size] and a bias with a map of the channels that follow worked in.
NN_KERNEL(256, nn_fold_map, const nn_cuda_statistics s, nn_int size, const nn_cuda_channel_map map, const void *weight,
          const void *bias, void *folded, void *offset) {
  nn_int place = nn_place();
  if (place >= s.channels * size) return;
  nn_int channel = place / size;
  double scale = map.scale[channel];
  nn_put_number(folded, s.type, place, nn_number(weight, s.type, place) * scale);
  if (place == channel * size) {
    double distance = (bias ? nn_number(bias, s.type, channel) : 0) - map.mean[channel];
    nn_put_number(offset, s.type, channel, distance * scale + map.shift[channel]);
  }
}
