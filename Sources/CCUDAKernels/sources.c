#include "CCUDAKernels.h"

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
};

const nn_cuda_source *nn_cuda_sources(long *count) {
  *count = sizeof(sources) / sizeof(sources[0]);
  return sources;
}
