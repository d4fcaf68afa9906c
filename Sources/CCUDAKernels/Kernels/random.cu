#include "elements.h"

// Masks of random numbers by Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", 2011):
// the numbers of a place follow from it and the key alone.

struct nn_philox {
  unsigned at[4];
  NN_MEMBER nn_philox(unsigned long long place, unsigned key0, unsigned key1) {
    at[0] = (unsigned)place;
    at[1] = (unsigned)(place >> 32);
    at[2] = 0;
    at[3] = 0;
    for (int round = 0; round < 10; round++) {
      unsigned high0 = __umulhi(0xD2511F53u, at[0]), low0 = 0xD2511F53u * at[0];
      unsigned high1 = __umulhi(0xCD9E8D57u, at[2]), low1 = 0xCD9E8D57u * at[2];
      at[0] = high1 ^ at[1] ^ key0;
      at[1] = low1;
      at[2] = high0 ^ at[3] ^ key1;
      at[3] = low0;
      key0 += 0x9E3779B9u;
      key1 += 0xBB67AE85u;
    }
  }
};

/// The numbers of a place, for tests of the generator itself.
NN_KERNEL(256, nn_philox_numbers, nn_int n, nn_uint key, unsigned *y) {
  nn_int place = nn_place();
  if (place * 4 >= n) return;
  nn_philox numbers((unsigned long long)place, (unsigned)key, (unsigned)(key >> 32));
  for (int k = 0; k < 4 && place * 4 + k < n; k++) y[place * 4 + k] = numbers.at[k];
}

/// `scale` where a number is below the threshold p · 2^32, else 0.
template <class T>
NN_DEVICE void nn_bernoulli(nn_int n, nn_uint key, nn_uint threshold, double scale, T *y) {
  nn_int first = nn_place() * nn_each;
  if (first >= n) return;
  nn_philox numbers((unsigned long long)nn_place(), (unsigned)key, (unsigned)(key >> 32));
  nn_pack<nn_value<T>, nn_each> values;
  for (int k = 0; k < nn_each; k++) values.at[k] = numbers.at[k] < threshold ? (nn_value<T>)scale : 0;
  if (first + nn_each <= n) {
    nn_store(y, first, values);
  } else {
    for (int k = 0; first + k < n; k++) y[first + k] = (T)values.at[k];
  }
}

#define NN_RANDOM(T, name)                                                                                \
  NN_KERNEL(256, nn_bernoulli_##name, nn_int n, nn_uint key, nn_uint threshold, double scale, T *y) {     \
    nn_bernoulli<T>(n, key, threshold, scale, y);                                                         \
  }
NN_REALS(NN_RANDOM)
