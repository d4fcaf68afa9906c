// swift-format-ignore-file: AlwaysUseLowerCamelCase (the names of the networks are timm's)
import NNCore
import NNLayers

/// RepViT (Wang et al., "RepViT: revisiting mobile CNN from ViT perspective", 2024): a convolutional network for phones
/// that is laid out like a transformer. Layers and keys are timm's.
///
/// Depthwise convolutions are trained with a 1x1 convolution and the input itself beside them; ``reparameterized()`` makes
/// one convolution of each such sum, and takes all batch normalisations into what stands before them.
///
/// Starts from PyTorch's weights for convolutions, with which blocks begin as the identity, and truncated normal ones of
/// standard deviation 0.02 for the heads.
///
/// Source: https://github.com/huggingface/pytorch-image-models (models/repvit.py), https://github.com/THU-MIG/RepViT
public final class RepViT: Module, ImageClassifier {
  public private(set) var stem: Sequential
  @Key("stages") public private(set) var trunk: Sequential
  @Key("head_drop") public private(set) var dropout: Dropout
  public private(set) var head: any CallableModule
  private let spec: Spec

  /// What one network has and another one has not.
  struct Spec: Sendable {
    /// Channels and number of blocks of each stage.
    var stages: [(channels: Int, blocks: Int)]
    /// Whether the 1x1 convolution beside a depthwise one has a normalisation of its own, in place of one behind the sum.
    var isLegacy: Bool
    var classes: Int
    var dropout = 0.0
  }

  /// - Parameters:
  ///   - stages: channels and number of blocks of each stage.
  ///   - isLegacy: whether the 1x1 convolution beside a depthwise one has a normalisation of its own, in place of one
  ///     behind the sum.
  ///   - dropout: of the pooled features in training.
  public convenience init(
    _ stages: [(channels: Int, blocks: Int)], isLegacy: Bool = false, classes: Int = 1000, dropout: Double = 0
  ) {
    require(!stages.isEmpty, "RepViT", "needs at least one stage")
    self.init(Spec(stages: stages, isLegacy: isLegacy, classes: classes, dropout: dropout), isPlain: false)
  }

  /// - Parameter isPlain: whether the network is one that was reparameterised.
  private init(_ spec: Spec, isPlain: Bool) {
    self.spec = spec
    let (stem, trunk, head) = Self.parts(spec, isPlain: isPlain)
    self.stem = stem
    self.head = head
    super.init()
    self.trunk = trunk
    dropout = Dropout(spec.dropout)
  }

  private static func parts(
    _ spec: Spec, isPlain: Bool
  ) -> (stem: Sequential, trunk: Sequential, head: any CallableModule) {
    let parts = RepViTParts(isPlain: isPlain, isLegacy: spec.isLegacy)
    let width = spec.stages[0].channels
    let stem = Sequential([
      "conv1": parts.convolution(3, width / 2, kernelSize: 3, stride: 2), "act1": GELU(),
      "conv2": parts.convolution(width / 2, width, kernelSize: 3, stride: 2),
    ])
    var channels = width
    let trunk = Sequential([])
    for (index, stage) in spec.stages.enumerated() {
      let part = Sequential([])
      if index > 0 { part.append(parts.downsampling(channels, stage.channels), named: "downsample") }
      channels = stage.channels
      part.append(
        Sequential((0..<stage.blocks).map { parts.block(channels, excites: $0 % 2 == 0) }), named: "blocks")
      trunk.append(part)
    }
    let head: any CallableModule =
      isPlain
      ? Linear(channels, spec.classes) : RepViTHead(channels, classes: spec.classes, isDistilled: true)
    return (stem, trunk, head)
  }

  public var stages: [Stage] {
    [
      Stage("stem", stem), Stage("stages", trunk), Stage("global_pool") { $0.mean([2, 3]) },
      Stage("head_drop", dropout), Stage("head", head),
    ]
  }

  public func replaceHead(classes: Int) {
    head =
      (head as? Linear).map { Linear($0.inFeatures, classes) }
      ?? RepViTHead(spec.stages[spec.stages.count - 1].channels, classes: classes, isDistilled: false)
  }

  /// Whether sums of convolutions, and normalisations, were made part of convolutions.
  public var isReparameterized: Bool { head is Linear }

  public var ownConfiguration: [String: String] {
    isReparameterized
      ? ["reparameterized": "true"] : ["distilled": "\((head as? RepViTHead)?.isDistilled ?? false)"]
  }

  public func configureOwn(_ configuration: [String: String]) throws {
    for (name, value) in configuration.sorted(by: { $0.key < $1.key }) {
      guard ["reparameterized", "distilled"].contains(name), Bool(value) != nil else {
        throw ModelError.configuration(name, value, network: typeName, expected: ownConfiguration)
      }
    }
    if configuration["reparameterized"] == "true" {
      (stem, trunk, head) = Self.parts(spec, isPlain: true)
    } else if configuration["distilled"] == "false" {
      replaceHead(classes: spec.classes)
    }
  }

  /// The same function in evaluation mode with fewer layers, as timm's `fuse()`: each sum of convolutions, and each
  /// normalisation, is part of a convolution. To be used, not trained any further.
  public func reparameterized() -> RepViT {
    if isReparameterized { return self }
    let result = skipInit { RepViT(spec, isPlain: true) }
    let classes = (head as? RepViTHead)?.head.linear.outFeatures ?? spec.classes
    if classes != spec.classes { result.replaceHead(classes: classes) }
    noGrad {
      var folded = stateDict()
      for (name, module) in namedModules() {
        let layer =
          (module as? RepViTConvolution)?.folded ?? (module as? RepViTMixer)?.folded
          ?? (module as? RepViTHead)?.folded
        if let layer { (folded[name + ".weight"], folded[name + ".bias"]) = (layer.weight, layer.bias) }
      }
      for (key, parameter) in result.namedParameters() {
        guard let value = folded[key] else { fail("RepViT.reparameterized", "no value for \(key)") }
        parameter.value = value.detach()
      }
    }
    result.inputNormalization = inputNormalization
    return isTraining ? result : result.eval()
  }
}

/// Makes the parts of a network as they are trained, or as they are when they were reparameterised.
private struct RepViTParts {
  let isPlain: Bool
  let isLegacy: Bool

  func convolution(
    _ inputs: Int, _ outputs: Int, kernelSize: Int = 1, stride: Int = 1, groups: Int = 1, start: Double = 1
  ) -> any CallableModule {
    isPlain
      ? Conv2d(
        inputs, outputs, kernelSize: Size2(kernelSize), stride: Size2(stride),
        padding: .symmetric(Size2(kernelSize / 2)), groups: groups)
      : RepViTConvolution(
        inputs, outputs, kernelSize: kernelSize, stride: stride, groups: groups, start: start)
  }

  /// - Parameter excites: whether there is squeeze-and-excitation.
  func block(_ channels: Int, excites: Bool) -> any CallableModule {
    RepViTBlock(
      mixer: isPlain
        ? convolution(channels, channels, kernelSize: 3, groups: channels)
        : RepViTMixer(channels, isLegacy: isLegacy),
      excitation: excites ? SqueezeExcitation(channels, squeeze: max(8, (channels / 4 + 4) / 8 * 8)) : nil,
      channelMixer: channelMixer(channels))
  }

  /// Two 1x1 convolutions with twice as many channels between them; at first their result is 0.
  private func channelMixer(_ channels: Int) -> Sequential {
    Sequential([
      "conv1": convolution(channels, 2 * channels), "act": GELU(),
      "conv2": convolution(2 * channels, channels, start: 0),
    ])
  }

  func downsampling(_ inputs: Int, _ outputs: Int) -> any CallableModule {
    RepViTDownsampling(
      block: block(inputs, excites: false),
      spatial: convolution(inputs, inputs, kernelSize: 3, stride: 2, groups: inputs),
      channels: convolution(inputs, outputs), mixer: channelMixer(outputs))
  }
}

/// Weight and bias of a layer that does what several did.
private typealias FoldedLayer = (weight: Tensor, bias: Tensor)

/// A convolution without bias that keeps the size at stride 1, and batch normalisation: `c` and `bn`.
final class RepViTConvolution: Sequential {
  /// - Parameter start: of the normalisation's weights.
  init(_ inputs: Int, _ outputs: Int, kernelSize: Int, stride: Int = 1, groups: Int = 1, start: Double = 1) {
    let norm = BatchNorm2d(outputs)
    norm.weight?.value = Tensor.full([outputs], start)
    super.init([
      "c": Conv2d(
        inputs, outputs, kernelSize: Size2(kernelSize), stride: Size2(stride),
        padding: .symmetric(Size2(kernelSize / 2)), groups: groups, bias: false), "bn": norm,
    ])
  }

  fileprivate var folded: FoldedLayer? {
    guard let convolution = self["c"] as? Conv2d, let norm = self["bn"] as? BatchNorm2d else { return nil }
    return norm.folded(behind: (convolution.weight.value, Tensor.zeros([convolution.outChannels])))
  }
}

extension BatchNorm {
  /// What the normalisation takes an input times, and what it adds to that; per channel.
  fileprivate var affineMap: (scale: Tensor, shift: Tensor)? {
    guard let mean = runningMean?.value, let variance = runningVariance?.value, let weight, let bias else {
      return nil
    }
    let scale = weight.value / (variance + epsilon).sqrt()
    return (scale, bias.value - mean * scale)
  }

  /// A convolution and this normalisation behind it.
  fileprivate func folded(behind layer: FoldedLayer) -> FoldedLayer? {
    affineMap.map { scale, shift in
      (
        layer.weight * scale.reshape([-1] + layer.weight.shape.dropFirst().map { _ in 1 }),
        layer.bias * scale + shift
      )
    }
  }
}

/// A depthwise 3x3 convolution, a depthwise 1x1 convolution and the input itself, added.
final class RepViTMixer: Module, Layer {
  let conv: RepViTConvolution
  let conv1: any CallableModule
  @Key("bn") private(set) var norm: BatchNorm2d?

  /// - Parameter isLegacy: whether each convolution has a normalisation, and the sum has none.
  init(_ channels: Int, isLegacy: Bool) {
    conv = RepViTConvolution(channels, channels, kernelSize: 3, groups: channels)
    conv1 =
      isLegacy
      ? RepViTConvolution(channels, channels, kernelSize: 1, groups: channels)
      : Conv2d(channels, channels, kernelSize: 1, groups: channels)
    super.init()
    norm = isLegacy ? nil : BatchNorm2d(channels)
  }

  func forward(_ x: Tensor) -> Tensor {
    let y = conv(x) + conv1.calledWithHooks(x) + x
    return norm?(y) ?? y
  }

  fileprivate var folded: FoldedLayer? {
    let plain = (conv1 as? Conv2d).flatMap { layer in layer.bias.map { (layer.weight.value, $0.value) } }
    guard let first = conv.folded, let second = (conv1 as? RepViTConvolution)?.folded ?? plain else {
      return nil
    }
    // The middle of a 3x3 kernel.
    let middle = (second.weight + 1).pad([1, 1, 1, 1])
    let sum: FoldedLayer = (first.weight + middle, first.bias + second.bias)
    return norm.map { $0.folded(behind: sum) } ?? sum
  }
}

/// A depthwise convolution, squeeze-and-excitation in every other block, and two 1x1 convolutions that are added to their
/// input.
final class RepViTBlock: Module, Layer {
  @Key("token_mixer") private var mixer: any CallableModule
  @Key("se") private var excitation: SqueezeExcitation?
  @Key("channel_mixer") private var channelMixer: Sequential

  init(mixer: any CallableModule, excitation: SqueezeExcitation?, channelMixer: Sequential) {
    super.init()
    (self.mixer, self.excitation, self.channelMixer) = (mixer, excitation, channelMixer)
  }

  func forward(_ x: Tensor) -> Tensor {
    let mixed = mixer.calledWithHooks(x)
    let y = excitation?(mixed) ?? mixed
    return y + channelMixer(y)
  }
}

/// A block, and a depthwise convolution with stride 2 and a 1x1 convolution to other channels behind it.
final class RepViTDownsampling: Module, Layer {
  @Key("pre_block") private var block: any CallableModule
  @Key("spatial_downsample") private var spatial: any CallableModule
  @Key("channel_downsample") private var channels: any CallableModule
  @Key("ffn") private var mixer: Sequential

  init(
    block: any CallableModule, spatial: any CallableModule, channels: any CallableModule, mixer: Sequential
  ) {
    super.init()
    (self.block, self.spatial, self.channels, self.mixer) = (block, spatial, channels, mixer)
  }

  func forward(_ x: Tensor) -> Tensor {
    let y = channels.calledWithHooks(spatial.calledWithHooks(block.calledWithHooks(x)))
    return y + mixer(y)
  }
}

/// The mean of two heads, one of which was trained to say what a teacher says; or one head.
public final class RepViTHead: Module, Layer, ClassifierHead {
  let head: NormedLinear
  @Key("head_dist") private var distilled: NormedLinear?

  init(_ features: Int, classes: Int, isDistilled: Bool) {
    head = NormedLinear(features, classes)
    super.init()
    distilled = isDistilled ? NormedLinear(features, classes) : nil
  }

  var isDistilled: Bool { distilled != nil }
  var featureCount: Int { head.linear.inFeatures }

  public func forward(_ x: Tensor) -> Tensor {
    let y = head(x)
    return distilled.map { (y + $0(x)) / 2 } ?? y
  }

  fileprivate var folded: FoldedLayer? {
    guard let first = head.folded else { return nil }
    guard let distilled else { return first }
    return distilled.folded.map { ((first.weight + $0.weight) / 2, (first.bias + $0.bias) / 2) }
  }
}

/// Batch normalisation of features, and a linear layer.
final class NormedLinear: Module, Layer {
  @Key("bn") private var norm: BatchNorm1d
  @Key("l") private(set) var linear: Linear

  init(_ features: Int, _ classes: Int) {
    let layer = Linear(features, classes)
    super.init()
    norm = BatchNorm1d(features)
    linear = layer
    layer.weight.value = Init.truncNormal(layer.weight.shape, std: 0.02)
    layer.bias?.value = Init.zeros([classes])
  }

  func forward(_ x: Tensor) -> Tensor { linear(norm(x)) }

  fileprivate var folded: FoldedLayer? {
    guard let (scale, shift) = norm.affineMap, let bias = linear.bias else { return nil }
    let weight = linear.weight.value
    return (weight * scale, weight.matmul(shift) + bias.value)
  }
}

// MARK: The networks

/// - Parameters:
///   - channels: of the first stage; each has twice those of the stage before.
///   - tags: of the weights' training.
private func repViT(
  _ name: String, _ channels: Int, blocks: [Int], isLegacy: Bool = false, parameters: Int, _ tags: String...
) -> Architecture<RepViT> {
  Architecture(
    name,
    weights: tags.map { tag in
      .timm(
        name, tag, parameters: parameters,
        transforms: ImageClassification(resize: 235, interpolation: .bicubic))
    }
  ) { classes in
    RepViT(blocks.enumerated().map { (channels << $0, $1) }, isLegacy: isLegacy, classes: classes)
  }
}

/// RepViT-M1 of the first version of the paper: 5.5 million parameters.
public let repvit_m1 = repViT(
  "repvit_m1", 48, blocks: [2, 2, 14, 2], isLegacy: true, parameters: 5_485_248, "dist_in1k")
/// RepViT-M2 of the first version of the paper: 8.8 million parameters.
public let repvit_m2 = repViT(
  "repvit_m2", 64, blocks: [2, 2, 12, 2], isLegacy: true, parameters: 8_797_984, "dist_in1k")
/// RepViT-M3 of the first version of the paper: 10.7 million parameters.
public let repvit_m3 = repViT(
  "repvit_m3", 64, blocks: [4, 4, 18, 2], isLegacy: true, parameters: 10_682_832, "dist_in1k")
/// RepViT-M0.9: 5.5 million parameters.
public let repvit_m0_9 = repViT(
  "repvit_m0_9", 48, blocks: [2, 2, 14, 2], parameters: 5_489_328, "dist_450e_in1k", "dist_300e_in1k")
/// RepViT-M1.0: 7.3 million parameters.
public let repvit_m1_0 = repViT(
  "repvit_m1_0", 56, blocks: [2, 2, 14, 2], parameters: 7_302_796, "dist_450e_in1k", "dist_300e_in1k")
/// RepViT-M1.1: 8.8 million parameters.
public let repvit_m1_1 = repViT(
  "repvit_m1_1", 64, blocks: [2, 2, 12, 2], parameters: 8_802_912, "dist_450e_in1k", "dist_300e_in1k")
/// RepViT-M1.5: 14.6 million parameters.
public let repvit_m1_5 = repViT(
  "repvit_m1_5", 64, blocks: [4, 4, 24, 4], parameters: 14_644_432, "dist_450e_in1k", "dist_300e_in1k")
/// RepViT-M2.3: 23.7 million parameters.
public let repvit_m2_3 = repViT(
  "repvit_m2_3", 80, blocks: [6, 6, 34, 2], parameters: 23_688_792, "dist_450e_in1k", "dist_300e_in1k")

extension RepViT {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [
    repvit_m1, repvit_m2, repvit_m3, repvit_m0_9, repvit_m1_0, repvit_m1_1, repvit_m1_5, repvit_m2_3,
  ]
}
