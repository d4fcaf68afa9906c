#ifndef NN_DISPATCH_PUBLIC_H
#define NN_DISPATCH_PUBLIC_H

/// Instruction sets the kernels are compiled for, the slowest first.
enum nn_kernel_path { NN_PORTABLE = 0, NN_AVX2 = 1, NN_AVX512 = 2 };

/// The path in use: the best this processor has, or what the environment variable NN_KERNELS
/// (portable, avx2, avx512) or `nn_set_kernel_path` asks for. An unknown or unsupported name ends the process.
int nn_kernel_path(void);
/// Selects a path (for tests); returns 0 and changes nothing if this processor lacks it.
int nn_set_kernel_path(int path);
/// The best path this processor has.
int nn_best_kernel_path(void);
/// Non-zero if the C kernels were compiled with optimisation (SwiftPM's debug builds are not).
int nn_kernels_optimized(void);

#endif
