import NNCore

/// An affine map of the last dimension: y = x Wᵀ + b, from […, inFeatures] to […, outFeatures]; as
/// `torch.nn.Linear`.
///
/// Starts from PyTorch's defaults, drawn in its order: the weight [out, in] uniform in ±1/√in, then the bias in the
/// same range.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html
open class Linear: Module, Layer {
  /// [outFeatures, inFeatures].
  public let weight: Parameter
  /// [outFeatures], nil without bias.
  public let bias: Parameter?
  /// A trained change of the weight; nil until ``Module/addLoRA(rank:alpha:)``.
  @Key("lora") public internal(set) var lowRank: LowRank? = nil
  public let inFeatures: Int
  public let outFeatures: Int

  public init(_ inFeatures: Int, _ outFeatures: Int, bias: Bool = true) {
    require(
      inFeatures >= 0 && outFeatures >= 0, "Linear",
      "sizes must not be negative: \(inFeatures), \(outFeatures)")
    self.inFeatures = inFeatures
    self.outFeatures = outFeatures
    let shape = [outFeatures, inFeatures]
    weight = Parameter(Init.defaultWeight(shape))
    self.bias = bias ? Parameter(Init.defaultBias(outFeatures, weightShape: shape)) : nil
  }

  open func forward(_ x: Tensor) -> Tensor { mapped(x, bias: bias?.value) }

  /// x Wᵀ with another bias than the layer's own.
  public func mapped(_ x: Tensor, bias: Tensor?) -> Tensor {
    let y = x.linear(weight.value, bias: bias)
    return lowRank.map { y + $0(x) } ?? y
  }

  open override var extraDescription: String {
    "inFeatures: \(inFeatures), outFeatures: \(outFeatures), bias: \(bias != nil)"
  }
}
