#pragma once

// The kernels of CCUDAKernels, compiled for the host: each block of a launch runs as fibres that wait for each other.

#ifdef __cplusplus
extern "C" {
#endif

/// Runs a kernel of a file, as cuLaunchKernel does on a card: `arguments` holds the address of each parameter's value.
/// Returns NULL, or what is wrong with the call, which is valid until the thread's next one.
const char *nn_emulator_launch(
  const char *file, const char *name, const unsigned grid[3], unsigned block, unsigned shared_bytes,
  void *const *arguments, long argument_count);

/// The kernels there are, as FILE:NAME; NULL behind the last one.
const char *nn_emulator_kernel(long index);

/// A block of memory that ends where its pages do (but for what is missing to 16 bytes), between pages that nobody can
/// read; NULL if there is none. Its bytes are 0xFF.
void *nn_emulator_allocate(unsigned long byte_count);
void nn_emulator_free(void *address, unsigned long byte_count);

#ifdef __cplusplus
}
#endif
