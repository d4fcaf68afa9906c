import NNCore

/// A change of a weight by a product of two thin matrices that are trained in its place: LoRA (Hu et al., 2021). The
/// weight [out, in] acts as weight + scale · up · down.
///
/// Added to the linear layers and attentions of a network by ``Module/addLoRA(rank:alpha:)``.
public final class LowRank: Module {
  /// [rank, in]; starts as the weight of a linear layer does.
  @Key("lora_A") public private(set) var down: Parameter
  /// [out, rank]; starts at 0, so that nothing is changed yet.
  @Key("lora_B") public private(set) var up: Parameter
  /// alpha / rank.
  public let scale: Double

  init(_ outputs: Int, _ inputs: Int, rank: Int, alpha: Double) {
    scale = alpha / Double(rank)
    super.init()
    down = Parameter(Init.defaultWeight([rank, inputs]))
    up = Parameter(Init.zeros([outputs, rank]))
  }

  /// What it adds to the result of the layer, from x [..., in].
  ///
  /// - Parameter outputs: which rows of the weight are meant; nil for all.
  func callAsFunction(_ x: Tensor, outputs: Range<Int>? = nil) -> Tensor {
    let rows = outputs.map { up.value.narrow(0, start: $0.lowerBound, length: $0.count) } ?? up.value
    return x.linear(down.value).linear(rows) * scale
  }

  /// What it adds to the weight.
  var change: Tensor { up.value.matmul(down.value) * scale }

  public override var extraDescription: String { "rank: \(down.shape[0]), scale: \(scale)" }
}

/// A layer with a weight that a ``LowRank`` can change.
protocol LowRankAdaptable: Module {
  /// The weight that is changed; nil where this layer has none of that kind.
  var adaptedWeight: Parameter? { get }
  var lowRank: LowRank? { get set }
}

extension Linear: LowRankAdaptable {
  var adaptedWeight: Parameter? { weight }
}

extension MultiheadAttention: LowRankAdaptable {
  var adaptedWeight: Parameter? { inProjectionWeight }
}

extension Module {
  /// Freezes the module and adds LoRA to each linear layer and attention in it: two thin matrices of the given rank beside
  /// each weight, which alone are trained.
  ///
  ///     network.backbone.addLoRA(rank: 8)
  ///     // … train …
  ///     network.mergeLoRA()  // the weights are changed, and the thin matrices gone
  ///
  /// The state dict has the matrices as `<layer>.lora.lora_A` and `lora_B` until they are merged.
  ///
  /// - Parameters:
  ///   - rank: at least 1; of small weights at most their smaller side.
  ///   - alpha: the change is scaled by alpha / rank; twice the rank if nil.
  /// - Returns: number of weights that got one; 0 where there is no such layer, and then nothing was frozen.
  @discardableResult
  public func addLoRA(rank: Int, alpha: Double? = nil) -> Int {
    require(rank >= 1, "addLoRA", "the rank must be at least 1, got \(rank)")
    let layers = modules.compactMap { $0 as? any LowRankAdaptable }.filter { $0.adaptedWeight != nil }
    if layers.isEmpty { return 0 }
    freeze()
    for layer in layers {
      guard let weight = layer.adaptedWeight else { continue }
      require(layer.lowRank == nil, "addLoRA", "\(layer.typeName) has a LoRA already")
      let size = max(1, min(rank, weight.shape.min() ?? 1))
      let part = LowRank(weight.shape[0], weight.shape[1], rank: size, alpha: alpha ?? 2 * Double(size))
      part.to(weight.value.dtype).to(weight.value.device)
      layer.lowRank = part
    }
    return layers.count
  }

  /// Whether a layer in it has a LoRA.
  public var hasLoRA: Bool { modules.contains { ($0 as? any LowRankAdaptable)?.lowRank != nil } }

  /// Adds what LoRA changed to the weights, and takes the thin matrices away. What was frozen stays so.
  public func mergeLoRA() {
    for case let layer as any LowRankAdaptable in modules {
      guard let part = layer.lowRank, let weight = layer.adaptedWeight else { continue }
      weight.value = noGrad { weight.value + part.change }
      layer.lowRank = nil
    }
  }
}
