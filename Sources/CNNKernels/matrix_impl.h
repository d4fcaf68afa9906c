// All matrix kernels of one element type and instruction set, and the table they are reached by.

#define NN_COUNT (NN_VECTOR_BYTES / (NN_IS_DOUBLE ? 8 : 4))
#define NN_LANES NN_COUNT
#include "tile_impl.h"
#include "gemm_impl.h"
#include "conv_impl.h"
#include "grouped_impl.h"
#if !NN_IS_DOUBLE
#include "winograd_impl.h"
#endif

static const struct nn_matrix_kernels NN_NAME(table_) = {
    NN_NAME(gemm_),         NN_NAME(conv_),      NN_NAME(conv_weight_),
    NN_NAME(conv_patches_), NN_NAME(depthwise_), NN_NAME(conv_finish_),
    NN_NAME(depthwise_weight_), NN_COUNT, NN_GROUPED_KERNELS,
};

#if !NN_IS_DOUBLE
static const struct nn_winograd_kernels NN_NAME(winograd_table_) = {
    NN_NR,
    NN_NAME(winograd_input_),   NN_NAME(winograd_gradient_),        NN_NAME(winograd_output_),
    NN_NAME(winograd_weights_), NN_NAME(winograd_weight_gradient_), NN_NAME(winograd_product_),
    NN_NAME(winograd_outer_),
};
#endif

#undef NN_SUFFIX
#undef NN_VECTOR_BYTES
#undef NN_COUNT
#undef NN_GROUPED_KERNELS
#undef NN_LANES
#undef NN_MR
#undef NN_NR
#undef NN_NC
#undef NN_A_ROW
#undef NN_AHEAD
#undef NN_INLINE
#undef NN_VECTOR
#undef NN_LOAD
#undef NN_STORE
#undef NN_TILE_NAME
#undef NN_SHARE
