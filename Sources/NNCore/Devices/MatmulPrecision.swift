import Synchronization

/// How exactly a GPU multiplies float32 numbers, as PyTorch's `torch.set_float32_matmul_precision`. The CPU always is exact.
public enum MatmulPrecision: Int, Sendable {
  /// In float32.
  case highest
  /// Factors may be rounded to the 10 bits of TF32 where that is faster; sums stay in float32.
  case high

  private static let ofProducts = Atomic(highest.rawValue)
  private static let ofConvolutions = Atomic(high.rawValue)

  /// Of matrix products; `highest` as in PyTorch unless it is set. Holds for all of the process.
  public static var products: MatmulPrecision {
    get { MatmulPrecision(rawValue: ofProducts.load(ordering: .relaxed)) ?? .highest }
    set { ofProducts.store(newValue.rawValue, ordering: .relaxed) }
  }

  /// Of convolutions; `high` as in PyTorch unless it is set. Holds for all of the process.
  public static var convolutions: MatmulPrecision {
    get { MatmulPrecision(rawValue: ofConvolutions.load(ordering: .relaxed)) ?? .high }
    set { ofConvolutions.store(newValue.rawValue, ordering: .relaxed) }
  }
}
