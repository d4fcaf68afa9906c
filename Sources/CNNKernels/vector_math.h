#ifndef NN_VECTOR_MATH_H
#define NN_VECTOR_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

// Functions without branches, which compilers turn into vector code inside of loops; libm's are calls.

/// exp(x) in float32, off by about one unit in the last place: Cephes' expf (S. Moshier, "Methods and Programs for
/// Mathematical Functions", 1989) with the power of two in two steps, so that results below the normal range come out
/// right. Overflow is infinity, NaN stays.
static inline float nn_exp_f32(float x) {
  float c = x > 89 ? 89 : x < -104 ? -104 : x;
  float n = __builtin_rintf(c * 1.44269504088896341f);
  float r = c - n * 0.693359375f - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1;
  int32_t power = (int32_t)(n == n ? n : 0), half = power >> 1;
  uint32_t bits1 = (uint32_t)(half + 127) << 23, bits2 = (uint32_t)(power - half + 127) << 23;
  float scale1, scale2;
  memcpy(&scale1, &bits1, sizeof scale1);
  memcpy(&scale2, &bits2, sizeof scale2);
  return p * scale1 * scale2;
}

/// 1 + erf(x) in float32 to a few units in the last place on both sides: Chebyshev fit of erfc by Press et al.,
/// "Numerical Recipes", section 6.2.
static inline float nn_one_plus_erf_f32(float x) {
  float z = __builtin_fabsf(x), t = 1 / (1 + 0.5f * z);
  float p = 0.17087277f;
  p = p * t - 0.82215223f;
  p = p * t + 1.48851587f;
  p = p * t - 1.13520398f;
  p = p * t + 0.27886807f;
  p = p * t - 0.18628806f;
  p = p * t + 0.09678418f;
  p = p * t + 0.37409196f;
  p = p * t + 1.00002368f;
  p = p * t - 1.26551223f;
  float tail = t * nn_exp_f32(p - z * z);
  return x < 0 ? tail : 2 - tail;
}
static inline double nn_one_plus_erf_f64(double x) { return 1 + erf(x); }
static inline double nn_exp_f64(double x) { return exp(x); }

/// Of NN_REAL.
#define NN_EXP_REAL(x) (_Generic((NN_REAL)0, float: nn_exp_f32, double: nn_exp_f64)(x))
#define NN_ONE_PLUS_ERF_REAL(x) (_Generic((NN_REAL)0, float: nn_one_plus_erf_f32, double: nn_one_plus_erf_f64)(x))

#endif
