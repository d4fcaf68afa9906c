import NNCore
import NNData

/// What a frozen network says about images, with their classes.
public struct LabelledFeatures: Sendable {
  /// [N, F], finite.
  public let features: Tensor
  /// Class numbers [N].
  public let target: Tensor
  public var count: Int { target.count }

  /// - Throws: `HeadSearchError` where the tensors are not what is said above.
  public init(_ features: Tensor, _ target: Tensor, classes: Int) throws {
    guard features.rank == 2, features.dtype.isFloatingPoint, features.shape[0] > 0, features.shape[1] > 0,
      target.shape == [features.shape[0]], !target.dtype.isFloatingPoint
    else {
      throw HeadSearchError.invalid(
        expected: "features [N, F] with class numbers [N]",
        found: "\(features.dtype) \(features.shape) and \(target.dtype) \(target.shape)")
    }
    if let label = target.array(of: Int.self).first(where: { !(0..<classes).contains($0) }) {
      throw HeadSearchError.invalid(expected: "class numbers in 0..<\(classes)", found: "\(label)")
    }
    guard features.detach().isFinite().all().item() != 0 else {
      throw HeadSearchError.invalid(expected: "finite features", found: "infinite ones or NaN")
    }
    self.features = features.detach()
    self.target = target
  }

  private init(unchecked features: Tensor, _ target: Tensor) {
    self.features = features
    self.target = target
  }

  /// The same in another floating-point type.
  func to(_ dtype: DType) -> LabelledFeatures {
    LabelledFeatures(unchecked: features.to(dtype), target)
  }

  /// Some of them, in the given order.
  func rows(_ indices: [Int]) -> LabelledFeatures {
    let index = Tensor(indices)
    return LabelledFeatures(
      unchecked: features.indexSelect(0, index: index), target.indexSelect(0, index: index))
  }

  /// Both, one behind the other.
  ///
  /// - Throws: `HeadSearchError` if their features are of different sizes.
  public func joined(_ other: LabelledFeatures) throws -> LabelledFeatures {
    guard features.shape[1] == other.features.shape[1], features.dtype == other.features.dtype else {
      throw HeadSearchError.invalid(
        expected: "features of size \(features.shape[1])", found: "\(other.features.shape[1])")
    }
    return LabelledFeatures(
      unchecked: cat([features, other.features]), cat([target, other.target]))
  }

  /// One pass over a loader.
  ///
  /// - Parameters:
  ///   - network: from inputs to features [N, F]; called without gradients, in the mode that it is in.
  /// - Throws: what the loader throws, and `HeadSearchError`.
  public init(
    _ loader: some BatchLoader<Sample>, classes: Int, network: (Tensor) -> Tensor
  ) throws {
    var (features, targets): ([Tensor], [Tensor]) = ([], [])
    var batches = loader.makeBatchIterator()
    while let batch = try batches.next() {
      features.append(noGrad { network(batch.input) }.contiguous())
      targets.append(batch.target)
    }
    guard !features.isEmpty else {
      throw HeadSearchError.invalid(expected: "at least one batch", found: "none")
    }
    try self.init(cat(features), cat(targets), classes: classes)
  }
}

/// What a head cannot be searched on.
public enum HeadSearchError: Error, Equatable, CustomStringConvertible {
  case invalid(expected: String, found: String)

  public var description: String {
    switch self {
    case .invalid(let expected, let found): "head search: expected \(expected), found \(found)"
    }
  }
}
