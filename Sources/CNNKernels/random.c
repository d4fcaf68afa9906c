#include "nn_random.h"

#include <math.h>

enum { WORDS = 624, MIDDLE = 397 };

void nn_generator_seed(nn_generator *g, uint32_t seed) {
  g->words[0] = seed;
  for (uint32_t i = 1; i < WORDS; i++)
    g->words[i] = 1812433253u * (g->words[i - 1] ^ (g->words[i - 1] >> 30)) + i;
  g->position = WORDS;
  g->has_spare = 0;
  g->spare = 0;
}

static inline uint32_t mixed(uint32_t high, uint32_t low, uint32_t other) {
  uint32_t y = (high & 0x80000000u) | (low & 0x7fffffffu);
  return other ^ (y >> 1) ^ (-(low & 1) & 0x9908b0dfu);
}

static void twist(nn_generator *g) {
  uint32_t *s = g->words;
  // No iteration of either loop needs a result closer than 227 places, so both run in vectors.
  for (int i = 0; i < WORDS - MIDDLE; i++) s[i] = mixed(s[i], s[i + 1], s[i + MIDDLE]);
  for (int i = WORDS - MIDDLE; i < WORDS - 1; i++) s[i] = mixed(s[i], s[i + 1], s[i + MIDDLE - WORDS]);
  s[WORDS - 1] = mixed(s[WORDS - 1], s[0], s[MIDDLE - 1]);
  g->position = 0;
}

static inline uint32_t tempered(uint32_t y) {
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

uint32_t nn_random_word(nn_generator *g) {
  if (g->position >= WORDS) twist(g);
  return tempered(g->words[g->position++]);
}

uint64_t nn_random_word64(nn_generator *g) {
  uint64_t high = nn_random_word(g);
  return high << 32 | nn_random_word(g);
}

double nn_random_unit(nn_generator *g) {
  return (double)(int64_t)(nn_random_word64(g) & ((1ull << 53) - 1)) * 0x1p-53;
}

/// Pairs of words at a time in the loops that take two per value: tempering runs in vectors.
enum { CHUNK = 312 };

static void next_words(nn_generator *g, int n, uint32_t *out) {
  while (n > 0) {
    if (g->position >= WORDS) twist(g);
    const uint32_t *s = g->words + g->position;
    int m = n < WORDS - g->position ? n : WORDS - g->position;
    for (int i = 0; i < m; i++) out[i] = tempered(s[i]);
    g->position += m;
    out += m;
    n -= m;
  }
}

static inline int64_t bits53(const uint32_t *pair) {
  return (int64_t)(((uint64_t)pair[0] << 32 | pair[1]) & ((1ull << 53) - 1));
}

void nn_random_uniform_f32(nn_generator *g, int64_t n, float low, float high, float *y) {
  const double range = (double)(high - low), start = (double)low;
  while (n > 0) {
    if (g->position >= WORDS) twist(g);
    const uint32_t *s = g->words + g->position;
    int m = (int)(n < WORDS - g->position ? n : WORDS - g->position);
    if (low == 0 && high == 1)
      for (int i = 0; i < m; i++) y[i] = (float)(int32_t)(tempered(s[i]) & 0xffffffu) * 0x1p-24f;
    else
      for (int i = 0; i < m; i++)
        y[i] = (float)((double)(int32_t)(tempered(s[i]) & 0xffffffu) * 0x1p-24 * range + start);
    g->position += m;
    y += m;
    n -= m;
  }
}

void nn_random_uniform_f64(nn_generator *g, int64_t n, double low, double high, double *y) {
  // PyTorch's kernel is compiled with fused multiply-add, which shows in the last bit.
  uint32_t words[2 * CHUNK];
  for (int m; n > 0; n -= m, y += m) {
    m = n < CHUNK ? (int)n : CHUNK;
    next_words(g, 2 * m, words);
    if (low == 0 && high == 1)
      for (int i = 0; i < m; i++) y[i] = (double)bits53(words + 2 * i) * 0x1p-53;
    else
      for (int i = 0; i < m; i++) y[i] = fma((double)bits53(words + 2 * i) * 0x1p-53, high - low, low);
  }
}

double nn_random_normal(nn_generator *g) {
  if (g->has_spare) {
    g->has_spare = 0;
    return g->spare;
  }
  double u1 = nn_random_unit(g), u2 = nn_random_unit(g);
  double radius = sqrt(-2 * log1p(-u2)), angle = 2 * M_PI * u1;
  g->spare = radius * sin(angle);
  g->has_spare = 1;
  return radius * cos(angle);
}

void nn_random_box_muller_f32(int64_t blocks, float mean, float std, float *y) {
  for (; blocks > 0; blocks--, y += 16)
    for (int j = 0; j < 8; j++) {
      float radius = sqrtf(-2 * logf(1 - y[j])), angle = 2 * (float)M_PI * y[j + 8];
      y[j] = radius * cosf(angle) * std + mean;
      y[j + 8] = radius * sinf(angle) * std + mean;
    }
}

void nn_random_box_muller_f64(int64_t blocks, double mean, double std, double *y) {
  for (; blocks > 0; blocks--, y += 16)
    for (int j = 0; j < 8; j++) {
      double radius = sqrt(-2 * log(1 - y[j])), angle = 2 * M_PI * y[j + 8];
      y[j] = radius * cos(angle) * std + mean;
      y[j + 8] = radius * sin(angle) * std + mean;
    }
}

void nn_random_integers(nn_generator *g, int64_t n, int64_t low, uint64_t range, int64_t *y) {
  if (range < 1ull << 28)
    for (int64_t i = 0; i < n; i++) y[i] = low + (int64_t)(nn_random_word(g) % (uint32_t)range);
  else
    for (int64_t i = 0; i < n; i++) y[i] = (int64_t)((uint64_t)low + nn_random_word64(g) % range);
}

void nn_random_bits63(nn_generator *g, int64_t n, int64_t *y) {
  for (int64_t i = 0; i < n; i++) y[i] = (int64_t)(nn_random_word64(g) & INT64_MAX);
}

void nn_random_permutation(nn_generator *g, int64_t n, int64_t *y) {
  for (int64_t i = 0; i < n; i++) y[i] = i;
  // 32 bits are far from uniform modulo a number of their own size: PyTorch takes 64 from here on.
  const int wide = n >= (int64_t)(UINT32_MAX / 20);
  for (int64_t i = 0; i < n - 1; i++) {
    uint64_t word = wide ? nn_random_word64(g) : nn_random_word(g);
    int64_t other = i + (int64_t)(word % (uint64_t)(n - i)), old = y[i];
    y[i] = y[other];
    y[other] = old;
  }
}

// bits * 2^-53 < p in integers: p * 2^53 is exact.
#define BERNOULLI(T)                                                                     \
  const int64_t limit = (int64_t)ceil(p * 0x1p53);                                       \
  uint32_t words[2 * CHUNK];                                                             \
  for (int m; n > 0; n -= m, y += m) {                                                   \
    m = n < CHUNK ? (int)n : CHUNK;                                                      \
    next_words(g, 2 * m, words);                                                         \
    for (int i = 0; i < m; i++) y[i] = bits53(words + 2 * i) < limit ? value : (T)0;     \
  }

void nn_random_bernoulli_f32(nn_generator *g, int64_t n, double p, float value, float *y) { BERNOULLI(float) }

void nn_random_bernoulli_f64(nn_generator *g, int64_t n, double p, double value, double *y) {
  BERNOULLI(double)
}

void nn_random_bernoulli_each_f32(nn_generator *g, int64_t n, const float *p, float *y) {
  for (int64_t i = 0; i < n; i++) y[i] = (float)(int32_t)(nn_random_word(g) & 0xffffffu) * 0x1p-24f < p[i];
}

void nn_random_bernoulli_each_f64(nn_generator *g, int64_t n, const double *p, double *y) {
  for (int64_t i = 0; i < n; i++) y[i] = nn_random_unit(g) < p[i];
}
