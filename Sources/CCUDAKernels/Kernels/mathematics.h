#pragma once

#include "portable.h"

// Functions under one name for both floating-point types.

#define NN_FUNCTION(name)                                       \
  NN_DEVICE float nn_##name(float x) { return name##f(x); }     \
  NN_DEVICE double nn_##name(double x) { return name(x); }
#define NN_FUNCTION2(name)                                                    \
  NN_DEVICE float nn_##name(float x, float y) { return name##f(x, y); }       \
  NN_DEVICE double nn_##name(double x, double y) { return name(x, y); }

NN_FUNCTION(fabs)
NN_FUNCTION(floor)
NN_FUNCTION(ceil)
NN_FUNCTION(nearbyint)
NN_FUNCTION(trunc)
NN_FUNCTION(exp)
NN_FUNCTION(expm1)
NN_FUNCTION(log)
NN_FUNCTION(log1p)
NN_FUNCTION(log2)
NN_FUNCTION(log10)
NN_FUNCTION(sqrt)
NN_FUNCTION(sin)
NN_FUNCTION(cos)
NN_FUNCTION(tan)
NN_FUNCTION(asin)
NN_FUNCTION(acos)
NN_FUNCTION(atan)
NN_FUNCTION(sinh)
NN_FUNCTION(cosh)
NN_FUNCTION(tanh)
NN_FUNCTION(erf)
NN_FUNCTION2(fmod)
NN_FUNCTION2(pow)
NN_FUNCTION2(atan2)
NN_FUNCTION2(copysign)

#undef NN_FUNCTION
#undef NN_FUNCTION2

/// 1 / (1 + exp(-x)). Neither branch overflows, and both keep the last bits for large |x|.
template <class T>
NN_DEVICE T nn_sigmoid(T x) {
  T power = nn_exp(-nn_fabs(x));
  return (x >= 0 ? 1 : power) / (1 + power);
}

/// log(1 + exp(x))
template <class T>
NN_DEVICE T nn_softplus(T x) {
  return (x > 0 ? x : 0) + nn_log1p(nn_exp(-nn_fabs(x)));
}

/// Winitzki's starting value, then Halley steps; erfc keeps the digits in the tails.
NN_DEVICE double nn_erfinv(double x) {
  const double pi = 3.14159265358979323846;
  if (!(x > -1 && x < 1)) return x == 1 ? (double)INFINITY : x == -1 ? -(double)INFINITY : (double)NAN;
  double a = 0.147, ln = log1p(-x * x), t = 2 / (pi * a) + ln / 2;
  double size = fabs(x), y = sqrt(sqrt(t * t - ln / a) - t);
  for (int i = 0; i < 4; i++) {
    double error = y > 0.5 ? (1 - size) - erfc(y) : erf(y) - size;
    double step = error / (2 / sqrt(pi) * exp(-y * y));
    double change = step / (1 + y * step);
    y -= change;
    if (fabs(change) <= 1e-6 * y) break;
  }
  return copysign(y, x);
}

template <class T>
NN_DEVICE T nn_floor_div(T a, T b) {
  if (b == 0) return a / b;
  T mod = nn_fmod(a, b), div = (a - mod) / b;
  if (mod != 0 && (b < 0) != (mod < 0)) div -= 1;
  if (div == 0) return nn_copysign((T)0, a / b);
  T whole = nn_floor(div);
  return div - whole > (T)0.5 ? whole + 1 : whole;
}

/// Python's remainder has the sign of the divisor.
template <class T>
NN_DEVICE T nn_remainder(T a, T b) {
  T mod = nn_fmod(a, b);
  return mod != 0 && (b < 0) != (mod < 0) ? mod + b : mod;
}

NN_DEVICE long long nn_int_pow(long long base, long long exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  unsigned long long result = 1, factor = (unsigned long long)base;
  for (; exponent; exponent >>= 1, factor *= factor)
    if (exponent & 1) result *= factor;
  return (long long)result;
}

/// NaN wins.
template <class T>
NN_DEVICE T nn_larger(T a, T b) {
  return a != a || a > b ? a : b;
}
template <class T>
NN_DEVICE T nn_smaller(T a, T b) {
  return a != a || a < b ? a : b;
}
