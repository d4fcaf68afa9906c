// swift-format-ignore-file: AlwaysUseLowerCamelCase (the names of the networks are torchvision's)
import Foundation
import NNCore
import NNLayers

/// Swin transformer (Liu et al., "Swin transformer: hierarchical vision transformer using shifted windows", 2021) and
/// its second version ("Swin transformer V2: scaling up capacity and resolution", 2022): attention within windows of the
/// image, which every second block shifts by half a window.
///
/// ```text
/// stage       output    tiny: channels, blocks, heads
/// patches     56x56      96            4x4 convolution with stride 4
/// stage 1     56x56      96,  2,  3
/// stage 2     28x28     192,  2,  6    each but the first begins with four pixels as one
/// stage 3     14x14     384,  6, 12
/// stage 4     7x7       768,  2, 24
/// layer normalisation, average over the image, linear layer
/// ```
///
/// Takes images of any size; what does not divide into windows is padded with zeros. Starts from truncated normal
/// weights of standard deviation 0.02 for linear layers and relative positions, and biases of 0.
///
/// Source: https://docs.pytorch.org/vision/stable/models/swin_transformer.html
public final class SwinTransformer: Module, ImageClassifier {
  /// Which of the two papers.
  public enum Version: Sendable { case v1, v2 }

  public let features: Sequential
  public let norm: LayerNorm
  public let permute = Permute([0, 3, 1, 2])
  public let avgpool = AdaptiveAvgPool2d(1)
  public let flatten = Flatten()
  public private(set) var head: Linear

  /// - Parameters:
  ///   - version: where normalisations stand, and how attention is computed.
  ///   - stages: number of blocks and of attention heads of each stage.
  ///   - channels: of the first stage; each later one has twice as many.
  ///   - window: height and width of a window, in patches of 4x4 pixels.
  ///   - stochasticDepth: probability with which a sample skips the last block in training; grows from 0 at the
  ///     first block in equal steps.
  public init(
    _ version: Version = .v1, _ stages: [(blocks: Int, heads: Int)], channels first: Int, window: Int,
    classes: Int = 1000, dropout: Double = 0, attentionDropout: Double = 0, stochasticDepth: Double
  ) {
    require(
      !stages.isEmpty && window > 1, "SwinTransformer", "needs a stage, and windows larger than a patch")
    let total = stages.reduce(0) { $0 + $1.blocks }
    var (channels, place) = (first, 0)
    features = Sequential(
      Sequential(Conv2d(3, channels, kernelSize: 4, stride: 4), Permute([0, 2, 3, 1]), LayerNorm(channels)))
    for (index, stage) in stages.enumerated() {
      if index > 0 {
        features.append(PatchMerging(channels, normalizesInput: version == .v1))
        channels *= 2
      }
      features.append(
        Sequential(
          (0..<stage.blocks).map { block in
            defer { place += 1 }
            return SwinBlock(
              version, channels, heads: stage.heads, window: window,
              shift: block.isMultiple(of: 2) ? 0 : window / 2, dropout: dropout,
              attentionDropout: attentionDropout,
              dropProbability: stochasticDepth * Double(place) / Double(max(1, total - 1)))
          }))
    }
    norm = LayerNorm(channels)
    head = Linear(channels, classes)
    super.init()
    drawWeights(linear: { Init.truncNormal($0.shape, std: 0.02) })
  }

  public var stages: [Stage] {
    [
      Stage("features", features), Stage("norm", norm), Stage("permute", permute), Stage("avgpool", avgpool),
      Stage("flatten", flatten), Stage("head", head),
    ]
  }

  public func replaceHead(classes: Int) { head = Linear(head.inFeatures, classes) }
}

/// Four neighbouring pixels of [N, H, W, C] as one of 2 · C features; an odd row or column is filled up with zeros.
public final class PatchMerging: Module, Layer {
  public let reduction: Linear
  public let norm: LayerNorm
  private let normalizesInput: Bool

  /// - Parameter normalizesInput: whether the normalisation stands before the linear layer, as in the first version.
  init(_ channels: Int, normalizesInput: Bool) {
    reduction = Linear(4 * channels, 2 * channels, bias: false)
    norm = LayerNorm(normalizesInput ? 4 * channels : 2 * channels)
    self.normalizesInput = normalizesInput
  }

  public func forward(_ x: Tensor) -> Tensor {
    let (rows, columns) = ((x.shape[1] + 1) / 2, (x.shape[2] + 1) / 2)
    let even =
      x.shape[1] == 2 * rows && x.shape[2] == 2 * columns
      ? x : x.pad([0, 0, 0, 2 * columns - x.shape[2], 0, 2 * rows - x.shape[1]])
    let merged = even.reshape(x.shape[0], rows, 2, columns, 2, x.shape[3]).permute(0, 1, 3, 4, 2, 5)
      .reshape(x.shape[0], rows, columns, 4 * x.shape[3])
    return normalizesInput ? reduction(norm(merged)) : norm(reduction(merged))
  }
}

/// Attention within windows, then two linear layers, each added to its input. Layer normalisation stands before each in
/// the first version, behind each in the second one.
public final class SwinBlock: Module, Layer {
  public let norm1: LayerNorm
  public let attn: WindowAttention
  @Key("stochastic_depth") public private(set) var stochasticDepth: StochasticDepth
  public let norm2: LayerNorm
  public let mlp: MLPBlock
  private let version: SwinTransformer.Version

  init(
    _ version: SwinTransformer.Version, _ channels: Int, heads: Int, window: Int, shift: Int, dropout: Double,
    attentionDropout: Double, dropProbability: Double
  ) {
    self.version = version
    norm1 = LayerNorm(channels)
    attn = WindowAttention(
      version, channels, heads: heads, window: window, shift: shift, dropout: dropout,
      attentionDropout: attentionDropout)
    norm2 = LayerNorm(channels)
    mlp = MLPBlock(channels, hidden: 4 * channels, dropout: dropout)
    super.init()
    stochasticDepth = StochasticDepth(dropProbability, mode: .row)
  }

  public func forward(_ x: Tensor) -> Tensor {
    switch version {
    case .v1:
      let y = x + stochasticDepth(attn(norm1(x)))
      return y + stochasticDepth(mlp(norm2(y)))
    case .v2:
      let y = x + stochasticDepth(norm1(attn(x)))
      return y + stochasticDepth(norm2(mlp(y)))
    }
  }
}

/// Attention of the pixels of [N, H, W, C] within windows, with learned scores for relative positions.
///
/// The first version has a table of them; the second computes them from the distance, and compares queries and keys by
/// the cosine of their angle, with a learned factor for each head.
public final class WindowAttention: Module, Layer {
  /// [(2 · window - 1)², heads]; nil in the second version.
  @Key("relative_position_bias_table") public private(set) var table: Parameter?
  /// The logarithm of each head's factor, [heads, 1, 1]; nil in the first version.
  @Key("logit_scale") public private(set) var logitScale: Parameter?
  /// Distances in rows and columns, growing like a logarithm; nil in the first version.
  @Key("relative_coords_table") public private(set) var distances: Buffer?
  @Key("relative_position_index") public private(set) var index: Buffer
  public let qkv: Linear
  public let proj: Linear
  /// From distances to scores; nil in the first version.
  @Key("cpb_mlp") public private(set) var positions: Sequential?
  public let heads: Int
  public let window: Int
  public let shift: Int
  private let dropout: Double
  private let attentionDropout: Double
  private static let largestFactor = 100.0

  init(
    _ version: SwinTransformer.Version, _ channels: Int, heads: Int, window: Int, shift: Int, dropout: Double,
    attentionDropout: Double
  ) {
    require(
      channels % heads == 0, "WindowAttention", "\(channels) features do not divide into \(heads) heads")
    (self.heads, self.window, self.shift) = (heads, window, shift)
    (self.dropout, self.attentionDropout) = (dropout, attentionDropout)
    qkv = Linear(channels, 3 * channels)
    proj = Linear(channels, channels)
    super.init()
    index = Buffer(RelativePositions.index(side: window))
    switch version {
    case .v1:
      let span = 2 * window - 1
      table = Parameter(Init.truncNormal([span * span, heads], std: 0.02))
      (logitScale, distances, positions) = (nil, nil, nil)
    case .v2:
      table = nil
      logitScale = Parameter((Tensor.ones(heads, 1, 1) * 10).log())
      distances = Buffer(Self.distances(window: window))
      positions = Sequential(Linear(2, 512), ReLU(), Linear(512, heads, bias: false))
    }
  }

  /// sign(d) · log₂(|d| + 1) / 3 of the distances of a window, scaled to -8...8.
  private static func distances(window: Int) -> Tensor {
    let steps = (1 - window..<window).map { step -> Float in
      let distance = Float(step) / Float(window - 1) * 8
      return (distance < 0 ? -1 : 1) * log2(abs(distance) + 1) / 3
    }
    let pairs = steps.flatMap { row in steps.flatMap { [row, $0] } }
    return Tensor(pairs, shape: [1, steps.count, steps.count, 2])
  }

  public func forward(_ x: Tensor) -> Tensor {
    require(x.rank == 4, "WindowAttention", "needs [N, H, W, C], got \(x.shape)")
    let (samples, height, width, channels) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    let (rows, columns) = ((height + window - 1) / window, (width + window - 1) / window)
    let padded =
      height == rows * window && width == columns * window
      ? x : x.pad([0, 0, 0, columns * window - width, 0, rows * window - height])
    // A window that holds the whole height or width is not shifted along it.
    let shifts = (rows > 1 ? shift : 0, columns > 1 ? shift : 0)
    let isShifted = shifts.0 + shifts.1 > 0
    let rolled = isShifted ? padded.roll([-shifts.0, -shifts.1], axes: [1, 2]) : padded
    let (windows, length) = (rows * columns, window * window)
    let tokens = rolled.reshape(samples, rows, window, columns, window, channels).permute(0, 1, 3, 2, 4, 5)
      .reshape(samples, windows, length, channels)
    let parts = qkv.mapped(tokens, bias: inputBias)
      .reshape(samples, windows, length, 3, heads, channels / heads).permute(0, 1, 3, 4, 2, 5).unbind(2)
    var scores = positionScores(length)
    if isShifted { scores = scores + mask(rows, columns, shifts).to(x.dtype) }
    let attended = attended(parts, scores).transpose(2, 3).reshape(samples, windows, length, channels)
    let output = proj(attended).dropout(p: dropout, training: isTraining)
      .reshape(samples, rows, columns, window, window, channels).permute(0, 1, 3, 2, 4, 5)
      .reshape(samples, rows * window, columns * window, channels)
    let back = isShifted ? output.roll([shifts.0, shifts.1], axes: [1, 2]) : output
    return back.shape == x.shape
      ? back : back.narrow(1, start: 0, length: height).narrow(2, start: 0, length: width)
  }

  /// The second version has no bias of keys.
  private var inputBias: Tensor? {
    guard logitScale != nil, let bias = qkv.bias?.value else { return qkv.bias?.value }
    let third = bias.count / 3
    return cat([
      bias.narrow(0, start: 0, length: third), Tensor.zeros(like: bias.narrow(0, start: 0, length: third)),
      bias.narrow(0, start: 2 * third, length: third),
    ])
  }

  /// What queries gather from values, [N, windows, heads, length, features].
  private func attended(_ parts: [Tensor], _ scores: Tensor) -> Tensor {
    let dropout = isTraining ? attentionDropout : 0
    guard let logitScale else {
      return scaledDotProductAttention(parts[0], parts[1], parts[2], mask: scores, dropout: dropout)
    }
    let factor = logitScale.value.clamp(max: log(Self.largestFactor)).exp()
    return scaledDotProductAttention(
      parts[0].normalize([-1]) * factor, parts[1].normalize([-1]), parts[2], mask: scores, dropout: dropout,
      scale: 1)
  }

  /// [heads, length, length].
  private func positionScores(_ length: Int) -> Tensor {
    if let table { return RelativePositions.scores(table.value, index: index.value, length: length) }
    guard let positions, let distances else { return Tensor.zeros(1) }
    let table = positions(distances.value).reshape(-1, heads)
    return 16 * RelativePositions.scores(table, index: index.value, length: length).sigmoid()
  }

  /// -100 for pairs of pixels that only shifting brought into one window, [windows, 1, length, length].
  private func mask(_ rows: Int, _ columns: Int, _ shifts: (Int, Int)) -> Tensor {
    /// Which of three parts of the image a row (or a column) comes from.
    func part(_ place: Int, _ size: Int, _ shift: Int) -> Int {
      shift == 0 ? 2 : place < size - window ? 0 : place < size - shift ? 1 : 2
    }
    var values: [Float] = []
    values.reserveCapacity(rows * columns * window * window * window * window)
    for row in 0..<rows {
      let down = (0..<window).map { part(row * window + $0, rows * window, shifts.0) }
      for column in 0..<columns {
        let across = (0..<window).map { part(column * window + $0, columns * window, shifts.1) }
        let parts = down.flatMap { row in across.map { 3 * row + $0 } }
        for a in parts { values += parts.map { $0 == a ? 0 : -100 } }
      }
    }
    return Tensor(values, shape: [rows * columns, 1, window * window, window * window])
  }
}

// MARK: The networks

/// Swin tiny: 28.3 million parameters.
public let swin_t = Architecture(
  "swin_t",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "swin_t-704ceda3.pth", parameters: 28_288_354, accuracy: [81.474, 95.776],
      minimumSize: 224, transforms: ImageClassification(resize: 232, interpolation: .bicubic))
  ]
) {
  SwinTransformer(
    .v1, [(2, 3), (2, 6), (6, 12), (2, 24)], channels: 96, window: 7, classes: $0, stochasticDepth: 0.2)
}
/// Swin small: 49.6 million parameters.
public let swin_s = Architecture(
  "swin_s",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "swin_s-5e29d889.pth", parameters: 49_606_258, accuracy: [83.196, 96.36],
      minimumSize: 224, transforms: ImageClassification(resize: 246, interpolation: .bicubic))
  ]
) {
  SwinTransformer(
    .v1, [(2, 3), (2, 6), (18, 12), (2, 24)], channels: 96, window: 7, classes: $0, stochasticDepth: 0.3)
}
/// Swin base: 87.8 million parameters.
public let swin_b = Architecture(
  "swin_b",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "swin_b-68c6b09e.pth", parameters: 87_768_224, accuracy: [83.582, 96.64],
      minimumSize: 224, transforms: ImageClassification(resize: 238, interpolation: .bicubic))
  ]
) {
  SwinTransformer(
    .v1, [(2, 4), (2, 8), (18, 16), (2, 32)], channels: 128, window: 7, classes: $0, stochasticDepth: 0.5)
}
/// Swin V2 tiny, for images of 256x256: 28.4 million parameters.
public let swin_v2_t = Architecture(
  "swin_v2_t",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "swin_v2_t-b137f0e2.pth", parameters: 28_351_570, accuracy: [82.072, 96.132],
      minimumSize: 256, transforms: ImageClassification(crop: 256, resize: 260, interpolation: .bicubic))
  ]
) {
  SwinTransformer(
    .v2, [(2, 3), (2, 6), (6, 12), (2, 24)], channels: 96, window: 8, classes: $0, stochasticDepth: 0.2)
}
/// Swin V2 small, for images of 256x256: 49.7 million parameters.
public let swin_v2_s = Architecture(
  "swin_v2_s",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "swin_v2_s-637d8ceb.pth", parameters: 49_737_442, accuracy: [83.712, 96.816],
      minimumSize: 256, transforms: ImageClassification(crop: 256, resize: 260, interpolation: .bicubic))
  ]
) {
  SwinTransformer(
    .v2, [(2, 3), (2, 6), (18, 12), (2, 24)], channels: 96, window: 8, classes: $0, stochasticDepth: 0.3)
}
/// Swin V2 base, for images of 256x256: 87.9 million parameters.
public let swin_v2_b = Architecture(
  "swin_v2_b",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "swin_v2_b-781e5279.pth", parameters: 87_930_848, accuracy: [84.112, 96.864],
      minimumSize: 256, transforms: ImageClassification(crop: 256, resize: 272, interpolation: .bicubic))
  ]
) {
  SwinTransformer(
    .v2, [(2, 4), (2, 8), (18, 16), (2, 32)], channels: 128, window: 8, classes: $0, stochasticDepth: 0.5)
}

extension SwinTransformer {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [
    swin_t, swin_s, swin_b, swin_v2_t, swin_v2_s, swin_v2_b,
  ]
}
