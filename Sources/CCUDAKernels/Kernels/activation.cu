#include "elements.h"
#include "mathematics.h"
#include "activation_rows.h"

// Activation functions and their gradients over dense operands in one memory order.

#define NN_FUNCTION NN_DEVICE
#define NN_NAME(name) nn_act_##name
#define NN_EXP_REAL nn_exp
#define NN_ONE_PLUS_ERF_REAL(x) (erfc(-(x)))
#define NN_REAL float
#include "activation_functions.h"
#undef NN_REAL
#define NN_REAL double
#include "activation_functions.h"
#undef NN_REAL
#define NN_REAL T

#define NN_ROW(NAME, VALUE, SLOPE) NN_ACTIVATION_##NAME,
enum nn_activation { NN_ACTIVATIONS(NN_ROW) };
#undef NN_ROW

template <class T>
NN_DEVICE void nn_activation_values(int op, nn_pack<T, nn_each> &values, T a, T b, T c) {
  switch (op) {
#define NN_ROW(NAME, VALUE, SLOPE)        \
  case NN_ACTIVATION_##NAME:              \
    for (int k = 0; k < nn_each; k++) {   \
      T x = values.at[k];                 \
      values.at[k] = (T)(VALUE);          \
    }                                     \
    break;
    NN_ACTIVATIONS(NN_ROW)
#undef NN_ROW
  }
}

/// `values` becomes the gradient.
template <class T>
NN_DEVICE void nn_activation_slopes(int op, nn_pack<T, nn_each> &values, const nn_pack<T, nn_each> &slopes, T a, T b,
                                    T c) {
  switch (op) {
#define NN_ROW(NAME, VALUE, SLOPE)                 \
  case NN_ACTIVATION_##NAME:                       \
    for (int k = 0; k < nn_each; k++) {            \
      T x = values.at[k], g = slopes.at[k];        \
      values.at[k] = (T)(SLOPE);                   \
    }                                              \
    break;
    NN_ACTIVATIONS(NN_ROW)
#undef NN_ROW
  }
}

#define NN_ACTIVATE(T, name)                                                                                     \
  NN_KERNEL(256, nn_activate_##name, int op, nn_int n, const T *__restrict__ x, T *__restrict__ y, double a, double b, double c) {         \
    nn_int first = nn_place() * nn_each;                                                                         \
    if (first + nn_each <= n) {                                                                                  \
      nn_pack<nn_value<T>, nn_each> values = nn_load(nn_line<T>{x, 1}, first);                                             \
      nn_activation_values<nn_value<T>>(op, values, (nn_value<T>)a, (nn_value<T>)b, (nn_value<T>)c);                                                     \
      nn_store(y, first, values);                                                                                \
      return;                                                                                                    \
    }                                                                                                            \
    for (nn_int i = first; i < n; i++) {                                                                         \
      nn_pack<nn_value<T>, nn_each> values = nn_load(nn_line<T>{x + i, 0}, 0);                                             \
      nn_activation_values<nn_value<T>>(op, values, (nn_value<T>)a, (nn_value<T>)b, (nn_value<T>)c);                                                     \
      y[i] = (T)values.at[0];                                                                                       \
    }                                                                                                            \
  }                                                                                                              \
  NN_KERNEL(256, nn_activate_backward_##name, int op, nn_int n, const T *__restrict__ g, const T *__restrict__ x, T *__restrict__ y, double a, double b, \
            double c) {                                                                                          \
    nn_int first = nn_place() * nn_each;                                                                         \
    if (first + nn_each <= n) {                                                                                  \
      nn_pack<nn_value<T>, nn_each> values = nn_load(nn_line<T>{x, 1}, first), slopes = nn_load(nn_line<T>{g, 1}, first);  \
      nn_activation_slopes<nn_value<T>>(op, values, slopes, (nn_value<T>)a, (nn_value<T>)b, (nn_value<T>)c);                                             \
      nn_store(y, first, values);                                                                                \
      return;                                                                                                    \
    }                                                                                                            \
    for (nn_int i = first; i < n; i++) {                                                                         \
      nn_pack<nn_value<T>, nn_each> values = nn_load(nn_line<T>{x + i, 0}, 0), slopes = nn_load(nn_line<T>{g + i, 0}, 0);  \
      nn_activation_slopes<nn_value<T>>(op, values, slopes, (nn_value<T>)a, (nn_value<T>)b, (nn_value<T>)c);                                             \
      y[i] = (T)values.at[0];                                                                                       \
    }                                                                                                            \
  }
NN_REALS(NN_ACTIVATE)
