import NNCore

/// Attention over a sequence and two linear layers, each with a way around it (Vaswani et al., 2017); as
/// `torch.nn.TransformerEncoderLayer`.
///
///     let layer = TransformerEncoderLayer(512, heads: 8, batchFirst: true)
///     let y = layer(tokens)  // [N, L, 512] to [N, L, 512]
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.TransformerEncoderLayer.html
public final class TransformerEncoderLayer: Module, Layer {
  @Key("self_attn") public private(set) var attention: MultiheadAttention
  public let linear1: Linear
  public let linear2: Linear
  public let norm1: LayerNorm
  public let norm2: LayerNorm
  public let dropout: Double
  public let normFirst: Bool
  private let activation: (Tensor) -> Tensor

  /// - Parameters:
  ///   - features: of each element; a multiple of `heads`.
  ///   - hidden: features between the two linear layers.
  ///   - dropout: probability with which attention weights, hidden features and results are dropped in training.
  ///   - activation: between the linear layers.
  ///   - batchFirst: whether inputs are [N, L, E] rather than [L, N, E].
  ///   - normFirst: normalises before attention and linear layers rather than behind them.
  ///   - bias: whether linear layers and normalisations have biases.
  public init(
    _ features: Int, heads: Int, hidden: Int = 2_048, dropout: Double = 0.1,
    activation: @escaping (Tensor) -> Tensor = { $0.relu() }, epsilon: Double = 1e-5,
    batchFirst: Bool = false, normFirst: Bool = false, bias: Bool = true
  ) {
    require(
      (0...1).contains(dropout), "TransformerEncoderLayer", "the dropout must lie in 0...1, got \(dropout)")
    let attention = MultiheadAttention(
      features, heads: heads, dropout: dropout, bias: bias, batchFirst: batchFirst)
    linear1 = Linear(features, hidden, bias: bias)
    linear2 = Linear(hidden, features, bias: bias)
    norm1 = LayerNorm(features, epsilon: epsilon, bias: bias)
    norm2 = LayerNorm(features, epsilon: epsilon, bias: bias)
    self.dropout = dropout
    self.normFirst = normFirst
    self.activation = activation
    super.init()
    self.attention = attention
  }

  public func forward(_ x: Tensor) -> Tensor { encode(x, nil, nil) }

  /// As the call, with elements that are not looked at; see ``MultiheadAttention``.
  public func callAsFunction(
    _ x: Tensor, keyPaddingMask: Tensor? = nil, attentionMask: Tensor?
  ) -> Tensor { observed(x) { encode($0, keyPaddingMask, attentionMask) } }

  private func encode(_ x: Tensor, _ padding: Tensor?, _ mask: Tensor?) -> Tensor {
    func dropped(_ x: Tensor) -> Tensor { x.dropout(p: dropout, training: isTraining) }
    func attended(_ x: Tensor) -> Tensor {
      dropped(attention(x, x, x, keyPaddingMask: padding, attentionMask: mask))
    }
    func fed(_ x: Tensor) -> Tensor { dropped(linear2(dropped(activation(linear1(x))))) }
    if normFirst {
      let y = x + attended(norm1(x))
      return y + fed(norm2(y))
    }
    let y = norm1(x + attended(x))
    return norm2(y + fed(y))
  }

  public override var extraDescription: String { "dropout: \(dropout), normFirst: \(normFirst)" }
}

/// Several ``TransformerEncoderLayer``s one after the other; as `torch.nn.TransformerEncoder`, which starts all layers from
/// the same weights.
///
///     TransformerEncoder(layers: 6, norm: LayerNorm(512)) {
///       TransformerEncoderLayer(512, heads: 8, batchFirst: true)
///     }
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.TransformerEncoder.html
public final class TransformerEncoder: Module, Layer {
  public let layers: [TransformerEncoderLayer]
  public let norm: LayerNorm?

  /// - Parameters:
  ///   - layers: at least 1.
  ///   - norm: of the result.
  ///   - make: a new layer.
  public init(layers: Int, norm: LayerNorm? = nil, _ make: () -> TransformerEncoderLayer) {
    require(layers >= 1, "TransformerEncoder", "needs at least one layer, got \(layers)")
    self.layers = (0..<layers).map { _ in make() }
    self.norm = norm
  }

  public func forward(_ x: Tensor) -> Tensor {
    let y = layers.reduce(x) { $1($0) }
    return norm.map { $0(y) } ?? y
  }

  /// As the call, with elements that are not looked at; see ``MultiheadAttention``.
  public func callAsFunction(
    _ x: Tensor, keyPaddingMask: Tensor? = nil, attentionMask: Tensor?
  ) -> Tensor {
    observed(x) { input in
      let y = layers.reduce(input) { $1($0, keyPaddingMask: keyPaddingMask, attentionMask: attentionMask) }
      return norm.map { $0(y) } ?? y
    }
  }
}

/// Two linear layers side by side, of which one, behind SiLU, is the other's gate, and a third behind their product
/// (Shazeer, 2020); as timm's `SwiGLU` without its norm.
///
/// Source: https://arxiv.org/abs/2002.05202
public final class SwiGLU: Module, Layer {
  @Key("fc1_g") public private(set) var gate: Linear
  @Key("fc1_x") public private(set) var value: Linear
  @Key("fc2") public private(set) var output: Linear

  /// - Parameters:
  ///   - features: of the input.
  ///   - hidden: of the product; as many as `features` if nil.
  ///   - outputs: of the result; as many as `features` if nil.
  public init(_ features: Int, hidden: Int? = nil, outputs: Int? = nil, bias: Bool = true) {
    super.init()
    gate = Linear(features, hidden ?? features, bias: bias)
    value = Linear(features, hidden ?? features, bias: bias)
    output = Linear(hidden ?? features, outputs ?? features, bias: bias)
  }

  public func forward(_ x: Tensor) -> Tensor { output(gate(x).silu() * value(x)) }
}
