#include "CCUDAKernels.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char operations[] = {
#embed "include/operations.h"
};

#define SOURCE(name, text) {name, text, sizeof(text)}

static const nn_cuda_source sources[] = {
  SOURCE("operations.h", operations),
};

const nn_cuda_source *nn_cuda_sources(long *count) {
  *count = sizeof(sources) / sizeof(sources[0]);
  return sources;
}
