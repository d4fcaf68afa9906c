#ifndef NN_RANDOM_H
#define NN_RANDOM_H
#include <stdint.h>

/// PyTorch's CPU generator: the 32-bit Mersenne Twister (Matsumoto and Nishimura, 1998) and the spare value
/// of its normal distribution. The functions below draw in PyTorch's order; they are serial, and the caller
/// locks.
typedef struct {
  uint32_t words[624];
  /// Words already used, 0 to 624.
  int32_t position;
  int32_t has_spare;
  double spare;
} nn_generator;

void nn_generator_seed(nn_generator *g, uint32_t seed);
uint32_t nn_random_word(nn_generator *g);
/// Two words, the first is the high half.
uint64_t nn_random_word64(nn_generator *g);
/// Uniform in [0, 1) with 53 bits, from two words.
double nn_random_unit(nn_generator *g);

/// Uniform in [low, high): 24 bits per value from one word.
void nn_random_uniform_f32(nn_generator *g, int64_t n, float low, float high, float *y);
/// Uniform in [low, high): 53 bits per value from two words.
void nn_random_uniform_f64(nn_generator *g, int64_t n, double low, double high, double *y);
/// One standard normal value: two float64 uniforms give a pair, the second of which is kept for the next
/// call.
double nn_random_normal(nn_generator *g);
/// Turns blocks of 16 uniform values into normal ones, in place (Box-Muller: value j goes with value j + 8).
void nn_random_box_muller_f32(int64_t blocks, float mean, float std, float *y);
void nn_random_box_muller_f64(int64_t blocks, double mean, double std, double *y);
/// low + word mod range, from one word where range < 2^28 and from two otherwise.
void nn_random_integers(nn_generator *g, int64_t n, int64_t low, uint64_t range, int64_t *y);
/// 63 random bits each.
void nn_random_bits63(nn_generator *g, int64_t n, int64_t *y);
/// The numbers 0 to n - 1 in random order.
void nn_random_permutation(nn_generator *g, int64_t n, int64_t *y);
/// `value` where a float64 uniform is below p, else 0.
void nn_random_bernoulli_f32(nn_generator *g, int64_t n, double p, float value, float *y);
void nn_random_bernoulli_f64(nn_generator *g, int64_t n, double p, double value, double *y);
/// 1 where a uniform value of the type of p is below it, else 0.
void nn_random_bernoulli_each_f32(nn_generator *g, int64_t n, const float *p, float *y);
void nn_random_bernoulli_each_f64(nn_generator *g, int64_t n, const double *p, double *y);

#endif
