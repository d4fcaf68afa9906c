#include "nn_optimizers.h"

#include <math.h>
#include <stddef.h>

#include "dispatch.h"
#include "nn_dispatch.h"

#define T float
#define NN_SUFFIX f32_portable
#include "optimizers_impl.h"
#undef T
#undef NN_SUFFIX
#define T double
#define NN_SUFFIX f64_portable
#include "optimizers_impl.h"
#undef T
#undef NN_SUFFIX

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define T float
#define NN_SUFFIX f32_avx2
#include "optimizers_impl.h"
#undef T
#undef NN_SUFFIX
#define T double
#define NN_SUFFIX f64_avx2
#include "optimizers_impl.h"
#undef T
#undef NN_SUFFIX
#pragma clang attribute pop

// Steps are bound by memory: wider registers than AVX2's would gain nothing.
#define NN_CALL(f, ...)                                                                 \
  if (nn_kernel_path() == NN_PORTABLE) {                                                \
    if (dtype == NN_F32) f##f32_portable(__VA_ARGS__); else f##f64_portable(__VA_ARGS__); \
  } else {                                                                              \
    if (dtype == NN_F32) f##f32_avx2(__VA_ARGS__); else f##f64_avx2(__VA_ARGS__);       \
  }
#else
#define NN_CALL(f, ...) \
  if (dtype == NN_F32) f##f32_portable(__VA_ARGS__); else f##f64_portable(__VA_ARGS__);
#endif

void nn_step_sgd(int dtype, int64_t n, nn_step_common common, double rate, double momentum, double keep, int nesterov,
                 int first, void *p, const void *g, void *buffer) {
  NN_CALL(sgd_, n, common, rate, momentum, keep, nesterov, first, p, g, buffer)
}

void nn_step_adam(int dtype, int64_t n, nn_step_common common, double rate, double beta1, double beta2, double scale,
                  double epsilon, void *p, const void *g, void *m, void *v, void *greatest) {
  NN_CALL(adam_, n, common, rate, beta1, beta2, scale, epsilon, p, g, m, v, greatest)
}

void nn_step_nadam(int dtype, int64_t n, nn_step_common common, double rate, double gradient_rate, double beta1,
                   double beta2, double scale, double epsilon, void *p, const void *g, void *m, void *v) {
  NN_CALL(nadam_, n, common, rate, gradient_rate, beta1, beta2, scale, epsilon, p, g, m, v)
}

void nn_step_radam(int dtype, int64_t n, nn_step_common common, double rate, double beta1, double beta2,
                   double adaptive, double epsilon, void *p, const void *g, void *m, void *v) {
  NN_CALL(radam_, n, common, rate, beta1, beta2, adaptive, epsilon, p, g, m, v)
}

void nn_step_adamax(int dtype, int64_t n, nn_step_common common, double rate, double beta1, double beta2,
                    double epsilon, void *p, const void *g, void *m, void *u) {
  NN_CALL(adamax_, n, common, rate, beta1, beta2, epsilon, p, g, m, u)
}

void nn_step_rmsprop(int dtype, int64_t n, nn_step_common common, double rate, double alpha, double epsilon,
                     double momentum, void *p, const void *g, void *s, void *a, void *b) {
  NN_CALL(rmsprop_, n, common, rate, alpha, epsilon, momentum, p, g, s, a, b)
}

void nn_step_adagrad(int dtype, int64_t n, nn_step_common common, double rate, double epsilon, void *p, const void *g,
                     void *s) {
  NN_CALL(adagrad_, n, common, rate, epsilon, p, g, s)
}

void nn_step_adadelta(int dtype, int64_t n, nn_step_common common, double rate, double rho, double epsilon, void *p,
                      const void *g, void *s, void *d) {
  NN_CALL(adadelta_, n, common, rate, rho, epsilon, p, g, s, d)
}

int nn_all_finite(int dtype, int64_t n, const void *x) {
#if defined(__x86_64__)
  if (nn_kernel_path() != NN_PORTABLE)
    return dtype == NN_F32 ? all_finite_f32_avx2(n, x) : all_finite_f64_avx2(n, x);
#endif
  return dtype == NN_F32 ? all_finite_f32_portable(n, x) : all_finite_f64_portable(n, x);
}

double nn_power_sum(int dtype, int64_t n, double power, const void *x) {
#if defined(__x86_64__)
  if (nn_kernel_path() != NN_PORTABLE)
    return dtype == NN_F32 ? power_sum_f32_avx2(n, power, x) : power_sum_f64_avx2(n, power, x);
#endif
  return dtype == NN_F32 ? power_sum_f32_portable(n, power, x) : power_sum_f64_portable(n, power, x);
}
