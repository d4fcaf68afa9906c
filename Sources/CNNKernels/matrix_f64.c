#include "matrix.h"

#define NN_REAL double
#define NN_TYPE f64
#define NN_IS_DOUBLE 1
#include "matrix_paths.h"
