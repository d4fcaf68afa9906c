import NNCore
import NNLayers

/// Vision transformers as timm builds them: that of the first paper (Dosovitskiy et al., "An image is worth 16x16 words",
/// 2021) and what became of it in DeiT (Touvron et al., 2021), CLIP (Radford et al., 2021), SigLIP (Zhai et al., 2023),
/// DINOv2 (Oquab et al., 2023; Darcet et al., "Vision transformers need registers", 2024), EVA-02 (Fang et al., 2023) and
/// DINOv3 (Siméoni et al., 2025). Takes images of one size only; weights for another one have their positions resized.
///
/// ``VisionTransformer`` is the one under torchvision's keys. The networks of this class take files under timm's,
/// torchvision's and transformers' keys.
///
/// Starts as in timm: truncated normal weights of standard deviation 0.02 for linear layers and positions, biases of 0.
///
/// Source: https://github.com/huggingface/pytorch-image-models (models/vision_transformer.py, models/eva.py)
public final class PatchTransformer: Module, ImageClassifier {
  /// [1, 1, width]; nil without a token that is classified.
  @Key("cls_token") public private(set) var classToken: Parameter?
  /// [1, count, width]; nil without tokens that only carry something along.
  @Key("reg_token") public private(set) var registers: Parameter?
  /// [1, length, width]; nil if positions are rotations.
  @Key("pos_embed") public private(set) var positions: Parameter?
  @Key("patch_embed") public private(set) var patches: PatchEmbedding
  /// Turns queries and keys; nil if positions are all learned.
  private let rope: RotaryPositions?
  @Key("norm_pre") public private(set) var embeddingNorm: LayerNorm?
  public let blocks: Sequential
  /// Of all tokens; nil where the pooled features are normalised instead.
  public let norm: LayerNorm?
  @Key("attn_pool") private var attentionPooling: AttentionPooling?
  /// Of the pooled features.
  @Key("fc_norm") public private(set) var pooledNorm: LayerNorm?
  @Key("head_drop") public private(set) var headDropout: Dropout
  public private(set) var head: Linear
  public let options: Options

  public init(_ options: Options, imageSize: Int, classes: Int = 1000) {
    let (width, heads, patch) = (options.width, options.heads, options.patchSize)
    require(
      imageSize > 0 && patch > 0 && imageSize % patch == 0, "PatchTransformer",
      "images of \(imageSize) do not divide into patches of \(patch)")
    self.options = options
    let side = imageSize / patch
    let embedding = PatchEmbedding(
      imageSize: imageSize, patchSize: patch, width: width, bias: !options.normalizesEmbeddings)
    let rotation = options.rotation.map {
      RotaryPositions($0, headWidth: width / heads, side: side, prefix: options.prefix)
    }
    rope = rotation
    func norm() -> LayerNorm { LayerNorm(width, epsilon: options.epsilon) }
    let depth = options.layers
    blocks = Sequential(
      (0..<depth).map { place -> any CallableModule in
        let skip = options.stochasticDepth * Double(place) / Double(max(1, depth - 1))
        return options.isEVA
          ? EVABlock(options, rotation: rotation, dropProbability: skip)
          : PatchTransformerBlock(options, dropProbability: skip)
      })
    let normalizesPooled = options.normalizesPooled
    self.norm = normalizesPooled ? nil : norm()
    let pooling =
      options.pooling == .attention
      ? AttentionPooling(width, heads: heads, hidden: options.hidden, epsilon: options.epsilon) : nil
    head = Linear(width, classes)
    super.init()
    patches = embedding
    embeddingNorm = options.normalizesEmbeddings ? norm() : nil
    attentionPooling = pooling
    pooledNorm = normalizesPooled ? norm() : nil
    headDropout = Dropout(options.dropout)
    let length = options.positions.length(patches: side * side, prefix: options.prefix)
    if options.isEVA { drawEVAWeights(length) } else { drawWeights(length) }
  }

  /// timm's order for `VisionTransformer`.
  private func drawWeights(_ length: Int) {
    let width = options.width
    positions = length > 0 ? Parameter(Init.truncNormal([1, length, width], std: 0.02)) : nil
    classToken = options.hasClassToken ? Parameter(Init.normal([1, 1, width], std: 1e-6)) : nil
    registers =
      options.registers > 0 ? Parameter(Init.normal([1, options.registers, width], std: 1e-6)) : nil
    drawWeights(linear: { Init.truncNormal($0.shape, std: 0.02) })
  }

  /// timm's order for `Eva`: what leaves a block is scaled down the further up it is, and the head starts near 0.
  private func drawEVAWeights(_ length: Int) {
    let width = options.width
    func truncated(_ shape: [Int]) -> Tensor { Init.truncNormal(shape, std: 0.02) }
    drawWeights(linear: { truncated($0.shape) })
    positions = length > 0 ? Parameter(truncated([1, length, width])) : nil
    classToken = options.hasClassToken ? Parameter(truncated([1, 1, width])) : nil
    registers = options.registers > 0 ? Parameter(truncated([1, options.registers, width])) : nil
    for (place, block) in blocks.enumerated() {
      let scale = (2 * Double(place + 1)).squareRoot()
      for layer in (block as? EVABlock)?.outputs ?? [] { layer.weight.value = layer.weight.value / scale }
    }
    head.weight.value = truncated(head.weight.shape) * 0.001
  }

  public var stages: [Stage] {
    var stages = [Stage("patch_embed", patches), Stage("tokens") { [self] in tokens($0) }]
    if let embeddingNorm { stages.append(Stage("norm_pre", embeddingNorm)) }
    stages.append(Stage("blocks", blocks))
    if let norm { stages.append(Stage("norm", norm)) }
    let prefix = options.prefix
    switch options.pooling {
    case .token: stages.append(Stage("class_token") { $0.select(1, index: 0) })
    case .average:
      stages.append(
        Stage("pool") { $0.narrow(1, start: prefix, length: $0.shape[1] - prefix).mean(1) })
    case .attention: if let attentionPooling { stages.append(Stage("attn_pool", attentionPooling)) }
    }
    if let pooledNorm { stages.append(Stage("fc_norm", pooledNorm)) }
    return stages + [Stage("head_drop", headDropout), Stage("head", head)]
  }

  /// Height and width of the images.
  public var imageSize: Int { patches.imageSize }

  /// The size of the only images that the network takes, under the name of torchvision's argument.
  public var ownConfiguration: [String: String] { ["image_size": "\(imageSize)"] }

  /// The tokens before the patches, and positions.
  private func tokens(_ x: Tensor) -> Tensor {
    let (samples, width) = (x.shape[0], x.shape[2])
    let prefix = [classToken, registers].compactMap { token in
      token.map { $0.value.expand(samples, $0.shape[1], width) }
    }
    guard let positions else { return prefix.isEmpty ? x : cat(prefix + [x], axis: 1) }
    if options.positions == .patches {
      let placed = x + positions.value
      return prefix.isEmpty ? placed : cat(prefix + [placed], axis: 1)
    }
    return (prefix.isEmpty ? x : cat(prefix + [x], axis: 1)) + positions.value
  }

  public func replaceHead(classes: Int) { head = Linear(head.inFeatures, classes) }
}

extension PatchTransformer {
  /// What one transformer has and another one has not.
  public struct Options: Sendable {
    /// Which tokens have learned positions.
    public enum Positions: Sendable {
      case all, patches, none

      func length(patches: Int, prefix: Int) -> Int {
        switch self {
        case .all: patches + prefix
        case .patches: patches
        case .none: 0
        }
      }
    }

    /// What becomes the features of the image.
    public enum Pooling: Sendable { case token, average, attention }

    /// What stands between the two linear layers of a block.
    public enum Activation: Sendable {
      case gelu, quickGELU

      var layer: any CallableModule { self == .gelu ? GELU() : QuickGELU() }
    }

    /// Height and width of a patch.
    public var patchSize: Int
    /// Features of a token.
    public var width: Int
    /// Number of blocks.
    public var layers = 12
    /// Attention heads of a block.
    public var heads: Int
    /// Features between the two linear layers of a block.
    public var hidden: Int
    public var hasClassToken = true
    public var registers = 0
    public var positions = Positions.all
    public var pooling = Pooling.token
    /// Whether tokens are normalised before the first block, as in CLIP.
    public var normalizesEmbeddings = false
    /// Starting value of the factors behind attention and linear layers; nil leaves them out.
    public var layerScale: Double?
    public var activation = Activation.gelu
    /// Of the normalisations.
    public var epsilon = 1e-6
    /// Of the pooled features in training.
    public var dropout = 0.0
    /// Of attention weights in training.
    public var attentionDropout = 0.0
    /// Behind the linear layers of blocks in training.
    public var blockDropout = 0.0
    /// Probability with which a sample skips a part of the last block in training; grows from 0 at the first block in
    /// equal steps.
    public var stochasticDepth = 0.0

    // EVA-02 and DINOv3.
    var rotation: RotaryPositions.Layout?
    var projection = TokenAttention.Projection.joint(bias: true)
    var gate = EVABlock.Gate.none
    /// Whether the pooled features are normalised rather than the tokens.
    var normalizesPooled = false

    /// A transformer whose heads have 64 features each, and whose blocks widen tokens four times.
    public init(patchSize: Int, width: Int, layers: Int = 12, _ change: (inout Options) -> Void = { _ in }) {
      self.patchSize = patchSize
      self.width = width
      self.layers = layers
      heads = width / 64
      hidden = 4 * width
      change(&self)
    }

    var isEVA: Bool { rotation != nil }
    /// Number of tokens before the patches.
    var prefix: Int { (hasClassToken ? 1 : 0) + registers }
  }
}

/// Layer normalisation and attention, then layer normalisation and two linear layers, each scaled and added to its input.
final class PatchTransformerBlock: Module, Layer {
  let norm1: LayerNorm
  let attn: TokenAttention
  let ls1: LayerScale?
  @Key("drop_path1") private(set) var skip1: StochasticDepth
  let norm2: LayerNorm
  let mlp: TokenMLP
  let ls2: LayerScale?
  @Key("drop_path2") private(set) var skip2: StochasticDepth

  init(_ options: PatchTransformer.Options, dropProbability: Double) {
    let width = options.width
    norm1 = LayerNorm(width, epsilon: options.epsilon)
    attn = TokenAttention(
      width, heads: options.heads, projection: options.projection, dropout: options.attentionDropout)
    ls1 = options.layerScale.map { LayerScale(width, start: $0) }
    norm2 = LayerNorm(width, epsilon: options.epsilon)
    mlp = TokenMLP(
      width, hidden: options.hidden, activation: options.activation.layer, dropout: options.blockDropout)
    ls2 = options.layerScale.map { LayerScale(width, start: $0) }
    super.init()
    skip1 = StochasticDepth(dropProbability, mode: .row)
    skip2 = StochasticDepth(dropProbability, mode: .row)
  }

  func forward(_ x: Tensor) -> Tensor {
    let attended = attn(norm1(x))
    let y = x + skip1(ls1?(attended) ?? attended)
    let changed = mlp(norm2(y))
    return y + skip2(ls2?(changed) ?? changed)
  }
}

/// ``PatchTransformerBlock`` of EVA-02 and DINOv3: attention that knows positions by rotations, and linear layers with a
/// gate.
final class EVABlock: Module, Layer {
  /// How the first linear layers of a block are made.
  enum Gate: Sendable {
    /// Without a gate.
    case none
    /// Gate and input by one layer.
    case joint
    /// Gate and input by a layer each, and a normalisation behind them.
    case normalized
  }

  @Key("gamma_1") private(set) var scale1: Parameter?
  @Key("gamma_2") private(set) var scale2: Parameter?
  let norm1: LayerNorm
  let attn: TokenAttention
  @Key("drop_path1") private(set) var skip1: StochasticDepth
  let norm2: LayerNorm
  let mlp: any CallableModule
  @Key("drop_path2") private(set) var skip2: StochasticDepth

  init(_ options: PatchTransformer.Options, rotation: RotaryPositions?, dropProbability: Double) {
    let (width, epsilon) = (options.width, options.epsilon)
    norm1 = LayerNorm(width, epsilon: epsilon)
    attn = TokenAttention(
      width, heads: options.heads, projection: options.projection, rotation: rotation,
      dropout: options.attentionDropout)
    norm2 = LayerNorm(width, epsilon: epsilon)
    mlp =
      options.gate == .none
      ? TokenMLP(
        width, hidden: options.hidden, activation: options.activation.layer, dropout: options.blockDropout)
      : GatedMLP(
        width, hidden: options.hidden, normalized: options.gate == .normalized ? epsilon : nil,
        dropout: options.blockDropout)
    super.init()
    scale1 = options.layerScale.map { Parameter(Tensor.full([width], $0)) }
    scale2 = options.layerScale.map { Parameter(Tensor.full([width], $0)) }
    skip1 = StochasticDepth(dropProbability, mode: .row)
    skip2 = StochasticDepth(dropProbability, mode: .row)
  }

  /// The layers whose results are added to the tokens.
  var outputs: [Linear] {
    [attn.proj] + [(mlp as? TokenMLP)?.fc2, (mlp as? GatedMLP)?.fc2].compactMap { $0 }
  }

  func forward(_ x: Tensor) -> Tensor {
    var attended = attn(norm1(x))
    if let scale1 { attended = scale1.value * attended }
    let y = x + skip1(attended)
    var changed = mlp.calledWithHooks(norm2(y))
    if let scale2 { changed = scale2.value * changed }
    return y + skip2(changed)
  }
}
