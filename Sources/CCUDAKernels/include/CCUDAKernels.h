#pragma once

// The CUDA kernels as text, for the compiler that runs beside the card, and the numbers that they share with Swift.

#include "operations.h"

/// One source file: its name, its text and how many bytes that has.
typedef struct {
  const char *name;
  const unsigned char *text;
  long count;
} nn_cuda_source;

/// All source files, the headers among them; `*count` is how many.
const nn_cuda_source *nn_cuda_sources(long *count);

/// Number of the activation function of a name, as `nn_activate` knows it; -1 if there is none.
int nn_cuda_activation_number(const char *name);
