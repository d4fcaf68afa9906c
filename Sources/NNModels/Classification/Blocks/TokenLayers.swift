import NNCore
import NNLayers

/// Patches of images [N, C, H, W] as tokens [N, rows · columns, width].
public final class PatchEmbedding: Module, Layer {
  public let proj: Conv2d
  /// Height and width of the images.
  public let imageSize: Int

  init(imageSize: Int, patchSize: Int, width: Int, bias: Bool) {
    self.imageSize = imageSize
    proj = Conv2d(3, width, kernelSize: Size2(patchSize), stride: Size2(patchSize), bias: bias)
  }

  /// Number of patches along a side.
  var side: Int { imageSize / proj.kernelSize.height }

  public func forward(_ x: Tensor) -> Tensor {
    guard
      fits(
        x.rank == 4 && x.shape[2] == imageSize && x.shape[3] == imageSize, "PatchEmbedding",
        "needs images of \(imageSize)x\(imageSize), got \(x.shape)")
    else { return Tensor.zeros([x.shape.first ?? 1, side * side, proj.outChannels], dtype: x.dtype) }
    return proj(x).flatten(from: 2).transpose(1, 2)
  }
}

/// Attention of tokens [N, L, width] among each other.
final class TokenAttention: Module, Layer {
  @Key("q_bias") private(set) var queryBias: Parameter?
  @Key("v_bias") private(set) var valueBias: Parameter?
  let qkv: Linear?
  @Key("q_proj") private(set) var query: Linear?
  @Key("k_proj") private(set) var key: Linear?
  @Key("v_proj") private(set) var value: Linear?
  let proj: Linear
  private let heads: Int
  private let dropout: Double
  @Untracked private var rotation: RotaryPositions?

  /// How queries, keys and values are projected.
  enum Projection: Sendable {
    /// By one layer.
    case joint(bias: Bool)
    /// By one layer, with biases of queries and values that are parameters of their own.
    case biasedBeside
    /// By three layers; that of the keys has no bias.
    case separate
  }

  init(
    _ width: Int, heads: Int, projection: Projection = .joint(bias: true), rotation: RotaryPositions? = nil,
    dropout: Double = 0
  ) {
    require(
      heads > 0 && width % heads == 0, "TokenAttention", "\(width) features do not divide into \(heads) heads"
    )
    self.heads = heads
    self.dropout = dropout
    var parts: [Linear] = []
    switch projection {
    case .joint(let bias): qkv = Linear(width, 3 * width, bias: bias)
    case .biasedBeside: qkv = Linear(width, 3 * width, bias: false)
    case .separate:
      qkv = nil
      parts = [true, false, true].map { Linear(width, width, bias: $0) }
    }
    proj = Linear(width, width)
    super.init()
    self.rotation = rotation
    let isBeside = if case .biasedBeside = projection { true } else { false }
    queryBias = isBeside ? Parameter(Init.zeros([width])) : nil
    valueBias = isBeside ? Parameter(Init.zeros([width])) : nil
    (query, key, value) = (parts.first, parts.dropFirst().first, parts.last)
  }

  func forward(_ x: Tensor) -> Tensor {
    let (samples, length, width) = (x.shape[0], x.shape[1], x.shape[2])
    var parts: [Tensor]
    if let qkv {
      var bias = qkv.bias?.value
      if let first = queryBias?.value, let last = valueBias?.value {
        bias = cat([first, Tensor.zeros(like: first), last])
      }
      parts = qkv.mapped(x, bias: bias).reshape(samples, length, 3, heads, width / heads)
        .permute(0, 2, 3, 1, 4).unbind(1)
    } else {
      parts = [query, key, value].compactMap { layer in
        layer.map { $0(x).reshape(samples, length, heads, width / heads).transpose(1, 2) }
      }
    }
    if let rotation { for place in 0..<2 { parts[place] = rotation.rotated(parts[place]) } }
    let attended = scaledDotProductAttention(
      parts[0], parts[1], parts[2], dropout: isTraining ? dropout : 0)
    return proj(attended.transpose(1, 2).reshape(samples, length, width))
  }
}

/// What a learned query gathers from tokens [N, L, width], with a linear layer and two more behind it: [N, width].
final class AttentionPooling: Module, Layer {
  /// [1, 1, width].
  let latent: Parameter
  let q: Linear
  let kv: Linear
  let proj: Linear
  let norm: LayerNorm
  let mlp: TokenMLP
  private let heads: Int

  init(_ width: Int, heads: Int, hidden: Int, epsilon: Double) {
    self.heads = heads
    q = Linear(width, width)
    kv = Linear(width, 2 * width)
    proj = Linear(width, width)
    norm = LayerNorm(width, epsilon: epsilon)
    mlp = TokenMLP(width, hidden: hidden)
    latent = Parameter(Init.normal([1, 1, width], std: 1 / Double(width).squareRoot()))
  }

  func forward(_ x: Tensor) -> Tensor {
    let (samples, length, width) = (x.shape[0], x.shape[1], x.shape[2])
    // One query for all samples.
    let query = q(latent.value).reshape(1, 1, heads, width / heads).transpose(1, 2)
    let parts = kv(x).reshape(samples, length, 2, heads, width / heads).permute(0, 2, 3, 1, 4).unbind(1)
    let gathered = scaledDotProductAttention(query, parts[0], parts[1])
      .transpose(1, 2).reshape(samples, 1, width)
    let y = proj(gathered)
    return (y + mlp(norm(y))).select(1, index: 0)
  }
}

/// Two linear layers with an activation between them.
final class TokenMLP: Module, Layer {
  let fc1: Linear
  let act: any CallableModule
  let fc2: Linear
  let drop: Dropout

  init(_ width: Int, hidden: Int, activation: any CallableModule = GELU(), dropout: Double = 0) {
    fc1 = Linear(width, hidden)
    act = activation
    fc2 = Linear(hidden, width)
    drop = Dropout(dropout)
  }

  func forward(_ x: Tensor) -> Tensor { drop(fc2(drop(act.calledWithHooks(fc1(x))))) }
}

/// SiLU of one linear layer times another one, and a linear layer behind them (Shazeer, 2020); the two may be one.
final class GatedMLP: Module, Layer {
  /// Both; nil if each is a layer.
  let fc1: Linear?
  @Key("fc1_g") private(set) var gate: Linear?
  @Key("fc1_x") private(set) var input: Linear?
  let norm: LayerNorm?
  let fc2: Linear
  let drop: Dropout

  /// - Parameter epsilon: of a normalisation before the last layer; nil leaves it out, and joins the first two layers.
  init(_ width: Int, hidden: Int, normalized epsilon: Double?, dropout: Double = 0) {
    let parts = epsilon == nil ? [] : [Linear(width, hidden), Linear(width, hidden)]
    fc1 = epsilon == nil ? Linear(width, 2 * hidden) : nil
    norm = epsilon.map { LayerNorm(hidden, epsilon: $0) }
    fc2 = Linear(hidden, width)
    drop = Dropout(dropout)
    super.init()
    (gate, input) = (parts.first, parts.last)
  }

  func forward(_ x: Tensor) -> Tensor {
    var y: Tensor
    if let fc1 {
      let parts = fc1(x).chunk(2, axis: -1)
      y = parts[0].silu() * parts[1]
    } else if let gate, let input {
      y = gate(x).silu() * input(x)
    } else {
      y = x
    }
    y = drop(y)
    return drop(fc2(norm?(y) ?? y))
  }
}

/// x · sigmoid(1.702 · x), the approximation of GELU that OpenAI's CLIP was trained with (Hendrycks and Gimpel, 2016).
final class QuickGELU: Module, Layer {
  func forward(_ x: Tensor) -> Tensor { x * (x * 1.702).sigmoid() }
}

/// One factor for each feature.
final class LayerScale: Module, Layer {
  let gamma: Parameter

  init(_ width: Int, start: Double) { gamma = Parameter(Tensor.full([width], start)) }

  func forward(_ x: Tensor) -> Tensor { x * gamma.value }
}
