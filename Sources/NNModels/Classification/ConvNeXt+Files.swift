import NNCore
import NNLayers

// What files of other libraries call the tensors of ConvNeXt and ConvNeXt V2.

extension ConvNeXt: MapsKeys {
  public var keyMaps: [KeyMap] {
    [ConvNeXtNames.timm, .transformers, .transformersDINOv3, .authors].map { $0.map(from: .torchvision) }
  }
}

extension ConvNeXtV2: MapsKeys {
  public var keyMaps: [KeyMap] { [ConvNeXtNames.transformers, .authors].map { $0.map(from: .timm) } }
}

/// What a library calls the parts of the two networks.
private struct ConvNeXtNames: Sendable {
  let library: String
  let stem: [String]
  /// What the tensors of a stage, which are counted from 0, are in.
  let downsampling: @Sendable (_ stage: Int) -> String
  let block: @Sendable (_ stage: Int) -> String
  /// Of a block: convolution, normalisation, both linear layers, the factors, and global response normalisation.
  let parts: [String]
  let head: [String]

  static let torchvision = ConvNeXtNames(
    library: "torchvision", stem: ["features.0.0.*", "features.0.1.*"],
    downsampling: { "features.\(2 * $0).*" }, block: { "features.\(2 * $0 + 1).*." },
    parts: ["block.0.*", "block.2.*", "block.3.*", "block.5.*", "layer_scale", "grn.weight", "grn.bias"],
    head: ["classifier.0.*", "classifier.2.*"])

  static let timm = ConvNeXtNames(
    library: "timm", stem: ["stem.0.*", "stem.1.*"],
    downsampling: { "stages.\($0).downsample.*" }, block: { "stages.\($0).blocks.*." },
    parts: ["conv_dw.*", "norm.*", "mlp.fc1.*", "mlp.fc2.*", "gamma", "mlp.grn.weight", "mlp.grn.bias"],
    head: ["head.norm.*", "head.fc.*"])

  /// `ConvNextForImageClassification`, `ConvNextV2ForImageClassification` and the models in them.
  static let transformers = ConvNeXtNames(
    library: "transformers",
    stem: ["embeddings.patch_embeddings.*", "embeddings.layernorm.*"],
    downsampling: { "encoder.stages.\($0).downsampling_layer.*" },
    block: { "encoder.stages.\($0).layers.*." },
    parts: [
      "dwconv.*", "layernorm.*", "pwconv1.*", "pwconv2.*", "layer_scale_parameter", "grn.weight", "grn.bias",
    ],
    head: ["layernorm.*", "classifier.*"])

  /// `DINOv3ConvNextModel`.
  static let transformersDINOv3 = ConvNeXtNames(
    library: "transformers", stem: ["stages.0.downsample_layers.0.*", "stages.0.downsample_layers.1.*"],
    downsampling: { "stages.\($0).downsample_layers.*" }, block: { "stages.\($0).layers.*." },
    parts: [
      "depthwise_conv.*", "layer_norm.*", "pointwise_conv1.*", "pointwise_conv2.*", "gamma", "grn.weight",
      "grn.bias",
    ],
    head: ["layer_norm.*", "classifier.*"])

  /// The files of Facebook Research.
  static let authors = ConvNeXtNames(
    library: "the authors", stem: ["downsample_layers.0.0.*", "downsample_layers.0.1.*"],
    downsampling: { "downsample_layers.\($0).*" }, block: { "stages.\($0).*." },
    parts: ["dwconv.*", "norm.*", "pwconv1.*", "pwconv2.*", "gamma", "grn.gamma", "grn.beta"],
    head: ["norm.*", "head.*"])

  /// Patterns of all tensors of a network of four stages.
  private var patterns: [String] {
    stem + (1..<4).map(downsampling) + (0..<4).flatMap { stage in parts.map { block(stage) + $0 } } + head
  }

  /// How this library calls what another one calls otherwise.
  func map(from own: ConvNeXtNames) -> KeyMap { KeyMap(library, own: own.patterns, others: patterns) }
}
