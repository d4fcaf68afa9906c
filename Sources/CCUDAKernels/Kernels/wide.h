#pragma once

#include "portable.h"

/// What numbers are added up in: double, or 64 bits for whole numbers.
template <class T>
struct nn_wide {
  typedef long long type;
};
template <>
struct nn_wide<float> {
  typedef double type;
};
template <>
struct nn_wide<nn_bf16> {
  typedef double type;
};
template <>
struct nn_wide<double> {
  typedef double type;
};
