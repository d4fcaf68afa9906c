#ifndef NN_OPTIMIZERS_H
#define NN_OPTIMIZERS_H
#include <stdint.h>

#include "nn_types.h"

// One optimizer step over n elements (NN_F32 or NN_F64), everything in one pass over memory. `p` are the parameters,
// `g` their gradients; the other arrays are the optimizer's state. Every element is computed on its own, so the
// cut into pieces does not change a bit.

/// What all steps have in common: the gradient is negated if `maximize`, then `l2` * p is added to it; p is
/// multiplied by `decay` before the step (1: no decoupled weight decay).
typedef struct {
  int maximize;
  double l2, decay;
} nn_step_common;

/// p -= rate * g; with a buffer b = first ? g : momentum * b + keep * g, the step is along b, or along
/// g + momentum * b if `nesterov`.
void nn_step_sgd(int dtype, int64_t n, nn_step_common common, double rate, double momentum, double keep, int nesterov,
                 int first, void *p, const void *g, void *buffer);

/// m, v: running means of g and of g squared. p -= rate * m / (sqrt(w) * scale + epsilon), where w is v, or the greatest v
/// so far (`greatest`, may be NULL).
void nn_step_adam(int dtype, int64_t n, nn_step_common common, double rate, double beta1, double beta2, double scale,
                  double epsilon, void *p, const void *g, void *m, void *v, void *greatest);

/// As Adam with the step -(gradient_rate * g + rate * m) / (sqrt(v) * scale + epsilon).
void nn_step_nadam(int dtype, int64_t n, nn_step_common common, double rate, double gradient_rate, double beta1,
                   double beta2, double scale, double epsilon, void *p, const void *g, void *m, void *v);

/// p -= rate * m * (adaptive > 0 ? adaptive / (sqrt(v) + epsilon) : 1).
void nn_step_radam(int dtype, int64_t n, nn_step_common common, double rate, double beta1, double beta2,
                   double adaptive, double epsilon, void *p, const void *g, void *m, void *v);

/// u = max(beta2 * u, |g| + epsilon); p -= rate * m / u.
void nn_step_adamax(int dtype, int64_t n, nn_step_common common, double rate, double beta1, double beta2,
                    double epsilon, void *p, const void *g, void *m, void *u);

/// s: running mean of g squared, a: of g (NULL: not centered). q = g / (sqrt(s - a * a) + epsilon); the step is
/// along q, or along b = momentum * b + q (NULL: no momentum).
void nn_step_rmsprop(int dtype, int64_t n, nn_step_common common, double rate, double alpha, double epsilon,
                     double momentum, void *p, const void *g, void *s, void *a, void *b);

/// s += g * g; p -= rate * g / (sqrt(s) + epsilon).
void nn_step_adagrad(int dtype, int64_t n, nn_step_common common, double rate, double epsilon, void *p, const void *g,
                     void *s);

/// s: running mean of g squared, d: of the squared steps.
void nn_step_adadelta(int dtype, int64_t n, nn_step_common common, double rate, double rho, double epsilon, void *p,
                      const void *g, void *s, void *d);

/// Whether none of n elements is NaN or infinite.
int nn_all_finite(int dtype, int64_t n, const void *x);

/// Sum of |x|^power over n elements in double; the greatest |x| if power is infinite. NaN spreads.
double nn_power_sum(int dtype, int64_t n, double power, const void *x);

#endif
