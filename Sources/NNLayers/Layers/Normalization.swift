import NNCore

/// Normalises each sample over the last dimensions by their mean and biased variance; as `torch.nn.LayerNorm`
/// (Ba et al., 2016).
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html
open class LayerNorm: Module, Layer {
  /// Of the normalised shape, nil without affine map; starts at 1.
  public let weight: Parameter?
  /// Of the normalised shape, nil without affine map or bias; starts at 0.
  public let bias: Parameter?
  public let shape: [Int]
  public let epsilon: Double

  /// - Parameter shape: sizes of the last dimensions, which are normalised together.
  public init(_ shape: [Int], epsilon: Double = 1e-5, affine: Bool = true, bias: Bool = true) {
    require(
      !shape.isEmpty && shape.allSatisfy { $0 > 0 }, "LayerNorm", "cannot normalise over shape \(shape)")
    self.shape = shape
    self.epsilon = epsilon
    weight = affine ? Parameter(Tensor.ones(shape)) : nil
    self.bias = affine && bias ? Parameter(Tensor.zeros(shape)) : nil
  }

  /// Normalises over the last dimension.
  public convenience init(_ size: Int, epsilon: Double = 1e-5, affine: Bool = true, bias: Bool = true) {
    self.init([size], epsilon: epsilon, affine: affine, bias: bias)
  }

  open func forward(_ x: Tensor) -> Tensor {
    x.layerNorm(shape: shape, weight: weight?.value, bias: bias?.value, eps: epsilon)
  }
  public override var extraDescription: String { "\(shape), epsilon: \(epsilon), affine: \(weight != nil)" }
}

/// ``LayerNorm`` of images [N, C, H, W] over the channels of each pixel; as torchvision's ConvNeXt has it.
public final class LayerNorm2d: LayerNorm {
  public override func forward(_ x: Tensor) -> Tensor {
    super.forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
  }
}

/// Divides each sample by its root mean square over the last dimensions (Zhang and Sennrich, 2019); as
/// `torch.nn.RMSNorm`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.RMSNorm.html
public final class RMSNorm: Module, Layer {
  /// Of the normalised shape, nil without affine map; starts at 1.
  public let weight: Parameter?
  public let shape: [Int]
  /// Added to the mean square; nil for the distance of 1 to the next number of the input's type.
  public let epsilon: Double?

  /// - Parameter shape: sizes of the last dimensions, which are normalised together.
  public init(_ shape: [Int], epsilon: Double? = nil, affine: Bool = true) {
    require(
      !shape.isEmpty && shape.allSatisfy { $0 > 0 }, "RMSNorm", "cannot normalise over shape \(shape)")
    self.shape = shape
    self.epsilon = epsilon
    weight = affine ? Parameter(Tensor.ones(shape)) : nil
  }

  /// Normalises over the last dimension.
  public convenience init(_ size: Int, epsilon: Double? = nil, affine: Bool = true) {
    self.init([size], epsilon: epsilon, affine: affine)
  }

  public func forward(_ x: Tensor) -> Tensor {
    guard
      fits(
        x.rank >= shape.count && Array(x.shape.suffix(shape.count)) == shape, "RMSNorm", .channels,
        "RMSNorm(\(shape)) got an input of shape \(x.shape)")
    else { return x }
    let usual = x.dtype == .float64 ? Double.ulpOfOne : Double(Float.ulpOfOne)
    let axes = Array((x.rank - shape.count)..<x.rank)
    let y = x * (x.square().mean(axes, keepDim: true) + (epsilon ?? usual)).rsqrt()
    return weight.map { y * $0.value } ?? y
  }
  public override var extraDescription: String {
    "\(shape), epsilon: \(epsilon.map { "\($0)" } ?? "nil"), affine: \(weight != nil)"
  }
}

/// Normalises each sample of [N, C, …] over groups of channels and all positions; as `torch.nn.GroupNorm`
/// (Wu and He, 2018).
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.GroupNorm.html
public final class GroupNorm: Module, Layer {
  /// [C], nil without affine map; starts at 1.
  public let weight: Parameter?
  /// [C], nil without affine map; starts at 0.
  public let bias: Parameter?
  public let groups: Int
  public let channels: Int
  public let epsilon: Double

  public init(groups: Int, _ channels: Int, epsilon: Double = 1e-5, affine: Bool = true) {
    require(
      groups > 0 && channels > 0 && channels % groups == 0, "GroupNorm",
      "\(channels) channels do not divide into \(groups) groups")
    self.groups = groups
    self.channels = channels
    self.epsilon = epsilon
    weight = affine ? Parameter(Tensor.ones(channels)) : nil
    bias = affine ? Parameter(Tensor.zeros(channels)) : nil
  }

  public func forward(_ x: Tensor) -> Tensor {
    x.groupNorm(groups: groups, weight: weight?.value, bias: bias?.value, eps: epsilon)
  }
  public override var extraDescription: String {
    "groups: \(groups), \(channels), epsilon: \(epsilon), affine: \(weight != nil)"
  }
}

/// Normalises each channel of each image of [N, C, H, W]; as `torch.nn.InstanceNorm2d` (Ulyanov et al., 2016), whose
/// running statistics, off by default there, it does not have.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.InstanceNorm2d.html
public final class InstanceNorm2d: Module, Layer {
  /// [C], nil without affine map; starts at 1.
  public let weight: Parameter?
  /// [C], nil without affine map; starts at 0.
  public let bias: Parameter?
  public let channels: Int
  public let epsilon: Double

  public init(_ channels: Int, epsilon: Double = 1e-5, affine: Bool = false) {
    require(channels > 0, "InstanceNorm2d", "needs at least one channel, got \(channels)")
    self.channels = channels
    self.epsilon = epsilon
    weight = affine ? Parameter(Tensor.ones(channels)) : nil
    bias = affine ? Parameter(Tensor.zeros(channels)) : nil
  }

  public func forward(_ x: Tensor) -> Tensor {
    guard
      fits(
        x.rank == 4 && x.shape[1] == channels, "InstanceNorm2d", .channels,
        "needs images [N, \(channels), H, W], got shape \(x.shape)")
    else { return x }
    return x.instanceNorm(weight: weight?.value, bias: bias?.value, eps: epsilon)
  }
  public override var extraDescription: String {
    "\(channels), epsilon: \(epsilon), affine: \(weight != nil)"
  }
}

/// Divides each element by a power of the squares in the neighbouring channels; as `torch.nn.LocalResponseNorm`
/// (Krizhevsky et al., 2012).
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LocalResponseNorm.html
public final class LocalResponseNorm: Module, Layer {
  public let size: Int
  public let alpha: Double
  public let beta: Double
  public let k: Double

  /// - Parameters:
  ///   - size: number of neighbouring channels.
  ///   - alpha: factor of their mean square.
  ///   - beta: exponent.
  ///   - k: summand.
  public init(size: Int, alpha: Double = 1e-4, beta: Double = 0.75, k: Double = 1) {
    require(size > 0, "LocalResponseNorm", "size must be positive, got \(size)")
    self.size = size
    self.alpha = alpha
    self.beta = beta
    self.k = k
  }

  public func forward(_ x: Tensor) -> Tensor {
    x.localResponseNorm(size: size, alpha: alpha, beta: beta, k: k)
  }
  public override var extraDescription: String { "size: \(size), alpha: \(alpha), beta: \(beta), k: \(k)" }
}
