#include "nn_dispatch.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"portable", "avx2", "avx512"};
static _Atomic int chosen = -1;

int nn_best_kernel_path(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
      return NN_AVX512;
    return NN_AVX2;
  }
#endif
  return NN_PORTABLE;
}

int nn_set_kernel_path(int path) {
  if (path < NN_PORTABLE || path > nn_best_kernel_path()) return 0;
  atomic_store_explicit(&chosen, path, memory_order_relaxed);
  return 1;
}

int nn_kernel_path(void) {
  int path = atomic_load_explicit(&chosen, memory_order_relaxed);
  if (path >= 0) return path;
  path = nn_best_kernel_path();
  const char *wish = getenv("NN_KERNELS");
  if (wish && *wish) {
    int found = -1;
    for (int i = 0; i < 3; i++)
      if (strcmp(wish, names[i]) == 0) found = i;
    if (found < 0 || found > path) {
      fprintf(stderr, "NN_KERNELS=%s: expected portable, avx2 or avx512, at most %s on this processor\n", wish,
              names[path]);
      exit(2);
    }
    path = found;
  }
  atomic_store_explicit(&chosen, path, memory_order_relaxed);
  return path;
}

int nn_kernels_optimized(void) {
#ifdef __OPTIMIZE__
  return 1;
#else
  return 0;
#endif
}
