// Included by optimizers.c once per instruction set and element type: T is the type, NN_SUFFIX names the copy.

#define NN_GRADIENT(i)                          \
  T grad = common.maximize ? -g[i] : g[i];      \
  grad += (T)common.l2 * p[i]

static void NN_NAME(sgd_)(int64_t n, nn_step_common common, double rate, double momentum, double keep, int nesterov,
                          int first, T *restrict p, const T *restrict g, T *restrict buffer) {
  T lr = (T)rate, mu = (T)momentum, fresh = (T)keep, decay = (T)common.decay;
  if (!buffer) {
    for (int64_t i = 0; i < n; i++) {
      NN_GRADIENT(i);
      p[i] = p[i] * decay - lr * grad;
    }
  } else if (first) {
    for (int64_t i = 0; i < n; i++) {
      NN_GRADIENT(i);
      buffer[i] = grad;
      p[i] = p[i] * decay - lr * (nesterov ? grad + mu * grad : grad);
    }
  } else {
    for (int64_t i = 0; i < n; i++) {
      NN_GRADIENT(i);
      T b = mu * buffer[i] + fresh * grad;
      buffer[i] = b;
      p[i] = p[i] * decay - lr * (nesterov ? grad + mu * b : b);
    }
  }
}

// The running means of the Adam family.
#define NN_MOMENTS(i)                          \
  NN_GRADIENT(i);                              \
  T mean = m[i] + (grad - m[i]) * fresh1;      \
  T square = v[i] * old2 + fresh2 * grad * grad; \
  m[i] = mean;                                 \
  v[i] = square
#define NN_ADAM_CONSTANTS                                                                        \
  T lr = (T)rate, fresh1 = (T)(1 - beta1), old2 = (T)beta2, fresh2 = (T)(1 - beta2), eps = (T)epsilon; \
  T decay = (T)common.decay

static void NN_NAME(adam_)(int64_t n, nn_step_common common, double rate, double beta1, double beta2, double scale,
                           double epsilon, T *restrict p, const T *restrict g, T *restrict m, T *restrict v,
                           T *restrict greatest) {
  NN_ADAM_CONSTANTS;
  T factor = (T)scale;
  if (greatest) {
    for (int64_t i = 0; i < n; i++) {
      NN_MOMENTS(i);
      T most = greatest[i] < square ? square : greatest[i];
      greatest[i] = most;
      p[i] = p[i] * decay - lr * mean / (__builtin_elementwise_sqrt(most) * factor + eps);
    }
  } else {
    for (int64_t i = 0; i < n; i++) {
      NN_MOMENTS(i);
      p[i] = p[i] * decay - lr * mean / (__builtin_elementwise_sqrt(square) * factor + eps);
    }
  }
}

static void NN_NAME(nadam_)(int64_t n, nn_step_common common, double rate, double gradient_rate, double beta1,
                            double beta2, double scale, double epsilon, T *restrict p, const T *restrict g,
                            T *restrict m, T *restrict v) {
  NN_ADAM_CONSTANTS;
  T factor = (T)scale, direct = (T)gradient_rate;
  for (int64_t i = 0; i < n; i++) {
    NN_MOMENTS(i);
    p[i] = p[i] * decay - (direct * grad + lr * mean) / (__builtin_elementwise_sqrt(square) * factor + eps);
  }
}

static void NN_NAME(radam_)(int64_t n, nn_step_common common, double rate, double beta1, double beta2,
                            double adaptive, double epsilon, T *restrict p, const T *restrict g, T *restrict m,
                            T *restrict v) {
  NN_ADAM_CONSTANTS;
  T factor = (T)adaptive;
  if (adaptive > 0) {
    for (int64_t i = 0; i < n; i++) {
      NN_MOMENTS(i);
      p[i] = p[i] * decay - lr * mean * (factor / (__builtin_elementwise_sqrt(square) + eps));
    }
  } else {
    for (int64_t i = 0; i < n; i++) {
      NN_MOMENTS(i);
      p[i] = p[i] * decay - lr * mean;
    }
  }
}

static void NN_NAME(adamax_)(int64_t n, nn_step_common common, double rate, double beta1, double beta2,
                             double epsilon, T *restrict p, const T *restrict g, T *restrict m, T *restrict u) {
  T lr = (T)rate, fresh1 = (T)(1 - beta1), old2 = (T)beta2, eps = (T)epsilon, decay = (T)common.decay;
  for (int64_t i = 0; i < n; i++) {
    NN_GRADIENT(i);
    T mean = m[i] + (grad - m[i]) * fresh1;
    T size = (grad < 0 ? -grad : grad) + eps, old = old2 * u[i];
    T norm = size < old ? old : size;
    m[i] = mean;
    u[i] = norm;
    p[i] = p[i] * decay - lr * mean / norm;
  }
}

static void NN_NAME(rmsprop_)(int64_t n, nn_step_common common, double rate, double alpha, double epsilon,
                              double momentum, T *restrict p, const T *restrict g, T *restrict s, T *restrict a,
                              T *restrict b) {
  T lr = (T)rate, old = (T)alpha, fresh = (T)(1 - alpha), eps = (T)epsilon, mu = (T)momentum;
  T decay = (T)common.decay;
  for (int64_t i = 0; i < n; i++) {
    NN_GRADIENT(i);
    T square = s[i] * old + fresh * grad * grad, spread = square;
    s[i] = square;
    if (a) {
      T mean = a[i] + (grad - a[i]) * fresh;
      a[i] = mean;
      spread = square - mean * mean;
    }
    T step = grad / (__builtin_elementwise_sqrt(spread) + eps);
    if (b) {
      step += mu * b[i];
      b[i] = step;
    }
    p[i] = p[i] * decay - lr * step;
  }
}

static void NN_NAME(adagrad_)(int64_t n, nn_step_common common, double rate, double epsilon, T *restrict p,
                              const T *restrict g, T *restrict s) {
  T lr = (T)rate, eps = (T)epsilon, decay = (T)common.decay;
  for (int64_t i = 0; i < n; i++) {
    NN_GRADIENT(i);
    T sum = s[i] + grad * grad;
    s[i] = sum;
    p[i] = p[i] * decay - lr * grad / (__builtin_elementwise_sqrt(sum) + eps);
  }
}

static void NN_NAME(adadelta_)(int64_t n, nn_step_common common, double rate, double rho, double epsilon,
                               T *restrict p, const T *restrict g, T *restrict s, T *restrict d) {
  T lr = (T)rate, old = (T)rho, fresh = (T)(1 - rho), eps = (T)epsilon, decay = (T)common.decay;
  for (int64_t i = 0; i < n; i++) {
    NN_GRADIENT(i);
    T square = s[i] * old + fresh * grad * grad;
    T step = __builtin_elementwise_sqrt(d[i] + eps) / __builtin_elementwise_sqrt(square + eps) * grad;
    s[i] = square;
    d[i] = d[i] * old + fresh * step * step;
    p[i] = p[i] * decay - lr * step;
  }
}

// Eight sums side by side, added in order at the end.
#define NN_LANES(EXPR)                                                           \
  {                                                                              \
    double lane[8] = {0}, sum = 0;                                               \
    int64_t i = 0;                                                               \
    for (; i + 8 <= n; i += 8)                                                   \
      for (int k = 0; k < 8; k++) { double q = fabs((double)x[i + k]); lane[k] += EXPR; } \
    for (int k = 0; k < 8; k++) sum += lane[k];                                  \
    for (; i < n; i++) { double q = fabs((double)x[i]); sum += EXPR; }           \
    return sum;                                                                  \
  }

static double NN_NAME(power_sum_)(int64_t n, double power, const T *restrict x) {
  if (power == 2) NN_LANES(q * q)
  if (power == 1) NN_LANES(q)
  if (isinf(power)) {
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
      double q = fabs((double)x[i]);
      if (!(q <= most) && most == most) most = q;
    }
    return most;
  }
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += pow(fabs((double)x[i]), power);
  return sum;
}

/// 0 times a finite number is 0, 0 times another is NaN: as fast as the numbers can be read.
static int NN_NAME(all_finite_)(int64_t n, const T *restrict x) {
  T lane[32] = {0}, sum = 0;
  int64_t i = 0;
  for (; i + 32 <= n; i += 32)
    for (int k = 0; k < 32; k++) lane[k] += x[i + k] * (T)0;
  for (int k = 0; k < 32; k++) sum += lane[k];
  for (; i < n; i++) sum += x[i] * (T)0;
  return sum == 0;
}

#undef NN_GRADIENT
#undef NN_MOMENTS
#undef NN_ADAM_CONSTANTS
#undef NN_LANES
