#include "matrix.h"

#define NN_REAL float
#define NN_TYPE f32
#define NN_IS_DOUBLE 0
#include "matrix_paths.h"
