import NNCore

/// A layer that learns at its first call how many features or channels it is given: the common part of ``LazyLinear`` and
/// its like; as PyTorch's lazy modules.
///
/// Before the first call it has no parameters: call the network once on a batch before an optimizer is made or weights are
/// loaded. Its keys are those of the layer it becomes.
///
///     let net = Sequential(Flatten(), LazyLinear(10))
///     _ = net(images)
///     let optimizer = SGD(net.parameters())
open class LazyLayer<Made: Layer>: Module, Layer {
  @Untracked private var layer: Made?
  private let make: (Tensor) -> Made

  init(_ make: @escaping (Tensor) -> Made) { self.make = make }

  /// What it became at its first call.
  public var made: Made? { layer }

  override func members() -> [(key: String, member: Member)] { layer?.members() ?? [] }

  public func forward(_ x: Tensor) -> Tensor {
    let layer = layer ?? make(x)
    if self.layer == nil {
      layer.to(x.device)
      if x.dtype.isFloatingPoint { layer.to(x.dtype) }
      if isFrozen { layer.freeze() }
      self.layer = layer
    }
    layer.train(isTraining)
    return layer(x)
  }

  open override var extraDescription: String { layer?.extraDescription ?? "not called yet" }
}

/// ``Linear`` whose inputs are counted at the first call; as `torch.nn.LazyLinear`.
public final class LazyLinear: LazyLayer<Linear> {
  public init(_ outFeatures: Int, bias: Bool = true) {
    super.init { Linear($0.shape.last ?? 0, outFeatures, bias: bias) }
  }
}

/// ``Conv1d`` whose input channels are counted at the first call; as `torch.nn.LazyConv1d`.
public final class LazyConv1d: LazyLayer<Conv1d> {
  public init(
    _ outChannels: Int, kernelSize: Int, stride: Int = 1, padding: Padding1 = 0, dilation: Int = 1,
    groups: Int = 1, bias: Bool = true
  ) {
    super.init {
      Conv1d(
        $0.shape[max(0, $0.rank - 2)], outChannels, kernelSize: kernelSize, stride: stride, padding: padding,
        dilation: dilation, groups: groups, bias: bias)
    }
  }
}

/// ``Conv2d`` whose input channels are counted at the first call; as `torch.nn.LazyConv2d`.
public final class LazyConv2d: LazyLayer<Conv2d> {
  public init(
    _ outChannels: Int, kernelSize: Size2, stride: Size2 = 1, padding: Padding2 = 0, dilation: Size2 = 1,
    groups: Int = 1, bias: Bool = true
  ) {
    super.init {
      Conv2d(
        $0.shape[max(0, $0.rank - 3)], outChannels, kernelSize: kernelSize, stride: stride, padding: padding,
        dilation: dilation, groups: groups, bias: bias)
    }
  }
}

/// ``BatchNorm1d`` whose channels are counted at the first call; as `torch.nn.LazyBatchNorm1d`.
public final class LazyBatchNorm1d: LazyLayer<BatchNorm1d> {
  public init(epsilon: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = true) {
    super.init { BatchNorm1d($0.shape[1], epsilon: epsilon, momentum: momentum, affine: affine) }
  }
}

/// ``BatchNorm2d`` whose channels are counted at the first call; as `torch.nn.LazyBatchNorm2d`.
public final class LazyBatchNorm2d: LazyLayer<BatchNorm2d> {
  public init(epsilon: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = true) {
    super.init { BatchNorm2d($0.shape[1], epsilon: epsilon, momentum: momentum, affine: affine) }
  }
}
