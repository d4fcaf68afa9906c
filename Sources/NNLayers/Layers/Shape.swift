import NNCore

/// Passes its input on; as `torch.nn.Identity`. Takes the place of a layer that is to do nothing.
public final class Identity: Module, Layer {
  public func forward(_ x: Tensor) -> Tensor { x }
}

/// Several neighbouring dimensions as one, by default all but the first; as `torch.nn.Flatten`.
public final class Flatten: Module, Layer {
  public let start: Int
  public let end: Int

  public init(from start: Int = 1, to end: Int = -1) {
    self.start = start
    self.end = end
  }

  public func forward(_ x: Tensor) -> Tensor { x.flatten(from: start, to: end) }
  public override var extraDescription: String { start == 1 && end == -1 ? "" : "from: \(start), to: \(end)" }
}

/// One dimension as several; one of the sizes may be -1. As `torch.nn.Unflatten`.
public final class Unflatten: Module, Layer {
  public let axis: Int
  public let sizes: [Int]

  public init(_ axis: Int, sizes: [Int]) {
    self.axis = axis
    self.sizes = sizes
  }

  public func forward(_ x: Tensor) -> Tensor { x.unflatten(axis, sizes: sizes) }
  public override var extraDescription: String { "\(axis), sizes: \(sizes)" }
}

/// The dimensions in another order; as `torchvision.ops.Permute`.
public final class Permute: Module, Layer {
  public let order: [Int]

  /// - Parameter order: for each dimension of the result, which one of the input it is.
  public init(_ order: [Int]) { self.order = order }

  public func forward(_ x: Tensor) -> Tensor { x.permute(order) }
  public override var extraDescription: String { "\(order)" }
}
