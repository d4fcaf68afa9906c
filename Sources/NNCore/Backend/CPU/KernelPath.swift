import CNNKernels
import Synchronization

/// Which kernels products and convolutions run on. Chosen once for the processor (or by the environment variable
/// `NN_KERNELS`); tests set it.
package enum KernelPath: Int32, Sendable, CaseIterable {
  case portable, avx2, avx512
  /// Products on OpenBLAS, for builds whose C code is not optimised: SwiftPM's debug builds, where our kernels are
  /// slower than it by two orders of magnitude.
  case openBLAS

  private static let usesOpenBLAS = Atomic(nn_kernels_optimized() == 0)

  /// The paths this processor has.
  package static var available: [KernelPath] {
    allCases.filter { $0 == .openBLAS || $0.rawValue <= nn_best_kernel_path() }
  }

  package static var current: KernelPath {
    get { usesOpenBLAS.load(ordering: .relaxed) ? .openBLAS : KernelPath(rawValue: nn_kernel_path()) ?? .portable }
    set {
      usesOpenBLAS.store(newValue == .openBLAS, ordering: .relaxed)
      if newValue != .openBLAS {
        require(nn_set_kernel_path(newValue.rawValue) != 0, "KernelPath", "this processor has no \(newValue)")
      }
    }
  }
}
