import CNNKernels
import CThreadState

/// Which kernels a product or convolution runs on: the best the processor has (or what the environment variable
/// `NN_KERNELS` says), and OpenBLAS where our C code is not optimised. That is so in SwiftPM's debug builds, and it
/// is slower there by two orders of magnitude.
package enum KernelPath: Int32, Sendable, CaseIterable {
  case portable, avx2, avx512, openBLAS

  /// The paths this processor has.
  package static var available: [KernelPath] {
    allCases.filter { $0 == .openBLAS || $0.rawValue <= nn_best_kernel_path() }
  }

  /// The path of operations that begin on this thread.
  package static var current: KernelPath {
    if let forced = KernelPath(rawValue: nn_forced_path()) { return forced }
    return nn_kernels_optimized() == 0 ? .openBLAS : KernelPath(rawValue: nn_kernel_path()) ?? .portable
  }

  /// Forces the path of the operations in `body`, for tests; other threads go on as they were.
  package func force<T>(_ body: () throws -> T) rethrows -> T {
    require(Self.available.contains(self), "KernelPath", "this processor has no \(self)")
    let before = nn_forced_path()
    nn_set_forced_path(rawValue)
    defer { nn_set_forced_path(before) }
    return try body()
  }
}
