#include "CCUDAKernels.h"

#include <string.h>

#include "Kernels/activation_rows.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char operations[] = {
#embed "include/operations.h"
};
static const unsigned char portable_h[] = {
#embed "Kernels/portable.h"
};
static const unsigned char elements_h[] = {
#embed "Kernels/elements.h"
};
static const unsigned char mathematics_h[] = {
#embed "Kernels/mathematics.h"
};
static const unsigned char wide_h[] = {
#embed "Kernels/wide.h"
};
static const unsigned char unary_cu[] = {
#embed "Kernels/unary.cu"
};
static const unsigned char binary_cu[] = {
#embed "Kernels/binary.cu"
};
static const unsigned char copy_cu[] = {
#embed "Kernels/copy.cu"
};
static const unsigned char reduce_cu[] = {
#embed "Kernels/reduce.cu"
};
static const unsigned char scan_cu[] = {
#embed "Kernels/scan.cu"
};
static const unsigned char sort_cu[] = {
#embed "Kernels/sort.cu"
};
static const unsigned char indexing_cu[] = {
#embed "Kernels/indexing.cu"
};
static const unsigned char matrix_cu[] = {
#embed "Kernels/matrix.cu"
};
static const unsigned char activation_rows_h[] = {
#embed "Kernels/activation_rows.h"
};
static const unsigned char activation_functions_h[] = {
#embed "Kernels/activation_functions.h"
};
static const unsigned char activation_cu[] = {
#embed "Kernels/activation.cu"
};
static const unsigned char softmax_cu[] = {
#embed "Kernels/softmax.cu"
};
static const unsigned char losses_cu[] = {
#embed "Kernels/losses.cu"
};
static const unsigned char optimizers_cu[] = {
#embed "Kernels/optimizers.cu"
};
static const unsigned char channels_h[] = {
#embed "Kernels/channels.h"
};
static const unsigned char moments_cu[] = {
#embed "Kernels/moments.cu"
};
static const unsigned char normalization_cu[] = {
#embed "Kernels/normalization.cu"
};
static const unsigned char statistics_cu[] = {
#embed "Kernels/statistics.cu"
};
static const unsigned char layernorm_cu[] = {
#embed "Kernels/layernorm.cu"
};
static const unsigned char pooling_cu[] = {
#embed "Kernels/pooling.cu"
};
static const unsigned char resample_cu[] = {
#embed "Kernels/resample.cu"
};
static const unsigned char random_cu[] = {
#embed "Kernels/random.cu"
};


#define SOURCE(name, text) {name, text, sizeof(text)}

static const nn_cuda_source sources[] = {
  SOURCE("operations.h", operations),
  SOURCE("portable.h", portable_h),
  SOURCE("elements.h", elements_h),
  SOURCE("mathematics.h", mathematics_h),
  SOURCE("wide.h", wide_h),
  SOURCE("unary.cu", unary_cu),
  SOURCE("binary.cu", binary_cu),
  SOURCE("copy.cu", copy_cu),
  SOURCE("reduce.cu", reduce_cu),
  SOURCE("scan.cu", scan_cu),
  SOURCE("sort.cu", sort_cu),
  SOURCE("indexing.cu", indexing_cu),
  SOURCE("matrix.cu", matrix_cu),
  SOURCE("activation_rows.h", activation_rows_h),
  SOURCE("activation_functions.h", activation_functions_h),
  SOURCE("activation.cu", activation_cu),
  SOURCE("softmax.cu", softmax_cu),
  SOURCE("losses.cu", losses_cu),
  SOURCE("optimizers.cu", optimizers_cu),
  SOURCE("channels.h", channels_h),
  SOURCE("moments.cu", moments_cu),
  SOURCE("normalization.cu", normalization_cu),
  SOURCE("statistics.cu", statistics_cu),
  SOURCE("layernorm.cu", layernorm_cu),
  SOURCE("pooling.cu", pooling_cu),
  SOURCE("resample.cu", resample_cu),
  SOURCE("random.cu", random_cu),
};

const nn_cuda_source *nn_cuda_sources(long *count) {
  *count = sizeof(sources) / sizeof(sources[0]);
  return sources;
}

int nn_cuda_activation_number(const char *name) {
#define NN_ROW(NAME, VALUE, SLOPE) #NAME,
  static const char *const names[] = {NN_ACTIVATIONS(NN_ROW)};
#undef NN_ROW
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(names[i], name) == 0) return (int)i;
  return -1;
}
