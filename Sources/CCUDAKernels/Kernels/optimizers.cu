#include "elements.h"
#include "mathematics.h"

// One optimizer step of many parameters in one launch; the formulas are those of `UpdateRule`.

/// One element: its parameter, gradient and states, which are changed.
template <class T>
NN_DEVICE void nn_step_element(const nn_cuda_rule &rule, T &p, T g, T *s) {
  const T rate = (T)rule.rate, epsilon = (T)rule.epsilon, scale = (T)rule.scale;
  const T old1 = (T)rule.beta1, old2 = (T)rule.beta2, fresh1 = (T)(1 - rule.beta1), fresh2 = (T)(1 - rule.beta2);
  if (rule.maximize) g = -g;
  g += (T)rule.weight_decay * p;
  T change;
  switch (rule.method) {
    case NN_CUDA_SGD: {
      T step = g;
      if (rule.states > 0) {
        T buffer = rule.is_first ? g : old1 * s[0] + scale * g;
        s[0] = buffer;
        step = rule.nesterov ? g + old1 * buffer : buffer;
      }
      change = rate * step;
      break;
    }
    case NN_CUDA_ADAMAX: {
      s[0] += (g - s[0]) * fresh1;
      s[1] = nn_larger(old2 * s[1], nn_fabs(g) + epsilon);
      change = rate * s[0] / s[1];
      break;
    }
    case NN_CUDA_RMSPROP: {
      s[0] = s[0] * old2 + fresh2 * g * g;
      T spread = s[0];
      if (rule.centered) {
        s[1] += (g - s[1]) * fresh2;
        spread -= s[1] * s[1];
      }
      T step = g / (nn_sqrt(spread) + epsilon);
      if (rule.beta1 != 0) {
        T &buffer = rule.centered ? s[2] : s[1];
        step += old1 * buffer;
        buffer = step;
      }
      change = rate * step;
      break;
    }
    case NN_CUDA_ADAGRAD: {
      s[0] += g * g;
      change = rate * g / (nn_sqrt(s[0]) + epsilon);
      break;
    }
    case NN_CUDA_ADADELTA: {
      s[0] = s[0] * old2 + fresh2 * g * g;
      T step = nn_sqrt(s[1] + epsilon) / nn_sqrt(s[0] + epsilon) * g;
      s[1] = s[1] * old2 + fresh2 * step * step;
      change = rate * step;
      break;
    }
    default: {
      s[0] += (g - s[0]) * fresh1;
      s[1] = s[1] * old2 + fresh2 * g * g;
      T square = s[1];
      if (rule.method == NN_CUDA_RADAM) {
        change = rate * s[0];
        if (scale > 0) change *= scale / (nn_sqrt(square) + epsilon);
        break;
      }
      if (rule.states > 2) square = s[2] = nn_larger(s[2], square);
      T along = rate * s[0];
      if (rule.method == NN_CUDA_NADAM) along += (T)rule.gradient_rate * g;
      change = along / (nn_sqrt(square) * scale + epsilon);
    }
  }
  p = p * (T)rule.shrinkage - change;
}

template <class T>
NN_DEVICE void nn_step_piece(const nn_cuda_rule &rule, const nn_cuda_step &step, long long first, long long end) {
  T *p = (T *)step.parameter;
  const T *g = (const T *)step.gradient;
  T *states[3] = {(T *)step.states[0], (T *)step.states[1], (T *)step.states[2]};
  const int count = nn_vector<T>::count;
  bool aligned = step.channels == 0 && (nn_u64)p % 16 == 0 && (nn_u64)g % 16 == 0;
  for (int k = 0; k < 3; k++) aligned = aligned && (nn_u64)states[k] % 16 == 0;
  if (aligned) {
    long long whole = first + (end - first) / count * count;
    for (long long i = first + (long long)threadIdx.x * count; i < whole; i += (long long)blockDim.x * count) {
      nn_vector<T> value = *(nn_vector<T> *)(p + i), slope = *(const nn_vector<T> *)(g + i), state[3];
      for (int k = 0; k < 3; k++)
        if (k < rule.states) state[k] = *(nn_vector<T> *)(states[k] + i);
      for (int j = 0; j < count; j++) {
        T s[3] = {state[0].at[j], state[1].at[j], state[2].at[j]};
        nn_step_element(rule, value.at[j], slope.at[j], s);
        for (int k = 0; k < 3; k++) state[k].at[j] = s[k];
      }
      *(nn_vector<T> *)(p + i) = value;
      for (int k = 0; k < 3; k++)
        if (k < rule.states) *(nn_vector<T> *)(states[k] + i) = state[k];
    }
    first = whole;
  }
  for (long long i = first + threadIdx.x; i < end; i += blockDim.x) {
    long long place = i;
    if (step.channels > 0) {
      long long rest = i / step.positions, position = i - rest * step.positions;
      long long output = rest / step.channels, channel = rest - output * step.channels;
      place = (output * step.positions + position) * step.channels + channel;
    }
    T s[3];
    for (int k = 0; k < 3; k++) s[k] = k < rule.states ? states[k][i] : (T)0;
    nn_step_element(rule, p[i], g[place], s);
    for (int k = 0; k < 3; k++)
      if (k < rule.states) states[k][i] = s[k];
  }
}

/// The blocks of each parameter follow each other; a block takes NN_CUDA_STEP_PIECE elements.
#define NN_STEP(type, name)                                                                     \
  NN_KERNEL(256, nn_step_##name, const nn_cuda_steps table) {                                   \
    int low = 0, high = table.count - 1, block = (int)blockIdx.x;                               \
    while (low < high) {                                                                        \
      int middle = (low + high + 1) / 2;                                                        \
      if (table.steps[middle].start <= block)                                                   \
        low = middle;                                                                           \
      else                                                                                      \
        high = middle - 1;                                                                      \
    }                                                                                           \
    const nn_cuda_step &step = table.steps[low];                                                \
    long long first = (long long)(block - step.start) * NN_CUDA_STEP_PIECE;                     \
    long long end = first + NN_CUDA_STEP_PIECE < step.count ? first + NN_CUDA_STEP_PIECE : step.count; \
    nn_step_piece<type>(table.rule, step, first, end);                                          \
  }
NN_FLOATS(NN_STEP)
