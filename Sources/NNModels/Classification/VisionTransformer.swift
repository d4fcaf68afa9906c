// swift-format-ignore-file: AlwaysUseLowerCamelCase (the names of the networks are torchvision's)
import NNCore
import NNLayers

/// Vision transformer (Dosovitskiy et al., "An image is worth 16x16 words", 2021): patches of the image as a sequence
/// of tokens, with one more token whose result is classified. Takes images of one size only.
///
/// Starts as in torchvision: truncated normal weights of variance 1 / fan-in for the patches, normal positions of
/// standard deviation 0.02, Xavier's uniform weights within the encoder, and a head of zeros.
///
/// Source: https://docs.pytorch.org/vision/stable/models/vision_transformer.html
public final class VisionTransformer: Module, ImageClassifier {
  /// [1, 1, width].
  @Key("class_token") public private(set) var classToken: Parameter
  /// From patches to tokens.
  @Key("conv_proj") public private(set) var patchProjection: Conv2d
  public let encoder: TransformerEncoder
  /// The head, named `head`.
  public let heads: Sequential
  /// Height and width of the images.
  public let imageSize: Int
  public let patchSize: Int

  /// - Parameters:
  ///   - imageSize: height and width of the images, a multiple of `patchSize`.
  ///   - patchSize: height and width of a patch.
  ///   - layers: number of blocks of the encoder.
  ///   - attentionHeads: of each block.
  ///   - width: features of a token.
  ///   - hidden: features between the two linear layers of a block.
  public init(
    imageSize: Int = 224, patchSize: Int, layers: Int, attentionHeads: Int, width: Int, hidden: Int,
    classes: Int = 1000, dropout: Double = 0, attentionDropout: Double = 0
  ) {
    require(
      imageSize > 0 && patchSize > 0 && imageSize % patchSize == 0, "VisionTransformer",
      "images of \(imageSize) do not divide into patches of \(patchSize)")
    self.imageSize = imageSize
    self.patchSize = patchSize
    let side = imageSize / patchSize
    let projection = Conv2d(3, width, kernelSize: Size2(patchSize), stride: Size2(patchSize))
    encoder = TransformerEncoder(
      length: side * side + 1, layers: layers, heads: attentionHeads, width: width, hidden: hidden,
      dropout: dropout, attentionDropout: attentionDropout)
    heads = Sequential(["head": Linear(width, classes)])
    super.init()
    classToken = Parameter(Init.zeros([1, 1, width]))
    patchProjection = projection
    let fanIn = 3 * patchSize * patchSize
    projection.weight.value = Init.truncNormal(projection.weight.shape, std: (1 / Double(fanIn)).squareRoot())
    projection.bias?.value = Init.zeros([width])
    for parameter in heads.parameters() { parameter.value = Init.zeros(parameter.shape) }
  }

  public var stages: [Stage] {
    [
      Stage("conv_proj", patchProjection), Stage("tokens") { [self] in tokens($0) },
      Stage("encoder", encoder),
      Stage("class_token") { $0.select(1, index: 0) },
      Stage("heads", heads),
    ]
  }

  /// The size of the only images that the network takes, under the name of torchvision's argument.
  public var ownConfiguration: [String: String] { ["image_size": "\(imageSize)"] }

  /// From patches [N, width, rows, columns] to tokens [N, 1 + rows · columns, width], the class token first.
  private func tokens(_ x: Tensor) -> Tensor {
    let side = imageSize / patchSize
    guard
      fits(
        x.rank == 4 && x.shape[2] == side && x.shape[3] == side, "VisionTransformer",
        "needs images of \(imageSize)x\(imageSize), that is \(side)x\(side) patches; got patches \(x.shape)")
    else { return Tensor.zeros([x.shape.first ?? 1, 1 + side * side, classToken.shape[2]], dtype: x.dtype) }
    return cat(
      [classToken.value.expand(x.shape[0], 1, x.shape[1]), x.flatten(from: 2).transpose(1, 2)], axis: 1)
  }

  public func replaceHead(classes: Int) { heads.replaceLastLinear(classes: classes) }
}

/// Learned positions added to tokens [N, length, width], then blocks, then layer normalisation.
public final class TransformerEncoder: Module, Layer {
  /// [1, length, width].
  @Key("pos_embedding") public private(set) var positions: Parameter
  public let dropout: Dropout
  /// The blocks, named `encoder_layer_0`, ….
  public let layers: Sequential
  public let ln: LayerNorm

  init(
    length: Int, layers count: Int, heads: Int, width: Int, hidden: Int, dropout p: Double,
    attentionDropout: Double
  ) {
    let start = Parameter(Init.normal([1, length, width], std: 0.02))
    dropout = Dropout(p)
    layers = Sequential()
    for index in 0..<count {
      layers.append(
        TransformerBlock(
          heads: heads, width: width, hidden: hidden, dropout: p, attentionDropout: attentionDropout),
        named: "encoder_layer_\(index)")
    }
    ln = LayerNorm(width, epsilon: 1e-6)
    super.init()
    positions = start
  }

  public func forward(_ x: Tensor) -> Tensor { ln(layers(dropout(x + positions.value))) }
}

/// Layer normalisation and attention, then layer normalisation and two linear layers, each added to its input.
public final class TransformerBlock: Module, Layer {
  @Key("ln_1") public private(set) var attentionNorm: LayerNorm
  @Key("self_attention") public private(set) var attention: MultiheadAttention
  public let dropout: Dropout
  @Key("ln_2") public private(set) var mlpNorm: LayerNorm
  public let mlp: MLPBlock

  init(heads: Int, width: Int, hidden: Int, dropout p: Double, attentionDropout: Double) {
    let first = MultiheadAttention(width, heads: heads, dropout: attentionDropout, batchFirst: true)
    dropout = Dropout(p)
    mlp = MLPBlock(width, hidden: hidden, dropout: p)
    super.init()
    attention = first
    attentionNorm = LayerNorm(width, epsilon: 1e-6)
    mlpNorm = LayerNorm(width, epsilon: 1e-6)
  }

  public func forward(_ x: Tensor) -> Tensor {
    let normed = attentionNorm(x)
    let y = dropout(attention(normed, normed, normed)) + x
    return y + mlp(mlpNorm(y))
  }
}

/// Heights and widths of images that divide into patches.
func sizes(patch: Int) -> [Int] { Array(stride(from: patch, through: largestImageSize, by: patch)) }
private let largestImageSize = 2048

/// ViT-B/16: 86.6 million parameters with images of 224x224.
public let vit_b_16 = Architecture(
  "vit_b_16",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "vit_b_16-c867db91.pth", parameters: 86_567_656, accuracy: [81.072, 95.318],
      imageSize: 224),
    // Not for commercial use (CC BY-NC 4.0), see https://github.com/facebookresearch/SWAG/blob/main/LICENSE.
    PretrainedWeights(
      .imagenet1kSwagE2EV1, "vit_b_16_swag-9ac1b537.pth", parameters: 86_859_496,
      accuracy: [85.304, 97.65], imageSize: 384, license: .nonCommercial,
      transforms: ImageClassification(crop: 384, resize: 384, interpolation: .bicubic)),
    // Not for commercial use (CC BY-NC 4.0), see https://github.com/facebookresearch/SWAG/blob/main/LICENSE.
    PretrainedWeights(
      .imagenet1kSwagLinearV1, "vit_b_16_lc_swag-4e70ced5.pth", parameters: 86_567_656,
      accuracy: [81.886, 96.18], imageSize: 224, license: .nonCommercial,
      transforms: ImageClassification(resize: 224, interpolation: .bicubic)),
  ],
  imageSizes: sizes(patch: 16)
) { classes, size in
  VisionTransformer(
    imageSize: size, patchSize: 16, layers: 12, attentionHeads: 12, width: 768, hidden: 3072, classes: classes
  )
}

/// ViT-B/32: 88.2 million parameters with images of 224x224.
public let vit_b_32 = Architecture(
  "vit_b_32",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "vit_b_32-d86f8d99.pth", parameters: 88_224_232, accuracy: [75.912, 92.466],
      imageSize: 224)
  ],
  imageSizes: sizes(patch: 32)
) { classes, size in
  VisionTransformer(
    imageSize: size, patchSize: 32, layers: 12, attentionHeads: 12, width: 768, hidden: 3072, classes: classes
  )
}

/// ViT-L/16: 304.3 million parameters with images of 224x224.
public let vit_l_16 = Architecture(
  "vit_l_16",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "vit_l_16-852ce7e3.pth", parameters: 304_326_632, accuracy: [79.662, 94.638],
      imageSize: 224,
      transforms: ImageClassification(resize: 242)),
    // Not for commercial use (CC BY-NC 4.0), see https://github.com/facebookresearch/SWAG/blob/main/LICENSE.
    PretrainedWeights(
      .imagenet1kSwagE2EV1, "vit_l_16_swag-4f3808c9.pth", parameters: 305_174_504,
      accuracy: [88.064, 98.512],
      imageSize: 512, license: .nonCommercial,
      transforms: ImageClassification(crop: 512, resize: 512, interpolation: .bicubic)),
    // Not for commercial use (CC BY-NC 4.0), see https://github.com/facebookresearch/SWAG/blob/main/LICENSE.
    PretrainedWeights(
      .imagenet1kSwagLinearV1, "vit_l_16_lc_swag-4d563306.pth", parameters: 304_326_632,
      accuracy: [85.146, 97.422],
      imageSize: 224, license: .nonCommercial,
      transforms: ImageClassification(resize: 224, interpolation: .bicubic)),
  ],
  imageSizes: sizes(patch: 16)
) { classes, size in
  VisionTransformer(
    imageSize: size, patchSize: 16, layers: 24, attentionHeads: 16, width: 1024, hidden: 4096,
    classes: classes
  )
}

/// ViT-L/32: 306.5 million parameters with images of 224x224.
public let vit_l_32 = Architecture(
  "vit_l_32",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "vit_l_32-c7638314.pth", parameters: 306_535_400, accuracy: [76.972, 93.07],
      imageSize: 224)
  ],
  imageSizes: sizes(patch: 32)
) { classes, size in
  VisionTransformer(
    imageSize: size, patchSize: 32, layers: 24, attentionHeads: 16, width: 1024, hidden: 4096,
    classes: classes
  )
}

/// ViT-H/14: 632.0 million parameters with images of 224x224.
public let vit_h_14 = Architecture(
  "vit_h_14",
  weights: [
    // Not for commercial use (CC BY-NC 4.0), see https://github.com/facebookresearch/SWAG/blob/main/LICENSE.
    PretrainedWeights(
      .imagenet1kSwagE2EV1, "vit_h_14_swag-80465313.pth", parameters: 633_470_440,
      accuracy: [88.552, 98.694],
      imageSize: 518, license: .nonCommercial,
      transforms: ImageClassification(crop: 518, resize: 518, interpolation: .bicubic)),
    // Not for commercial use (CC BY-NC 4.0), see https://github.com/facebookresearch/SWAG/blob/main/LICENSE.
    PretrainedWeights(
      .imagenet1kSwagLinearV1, "vit_h_14_lc_swag-c1eb923e.pth", parameters: 632_045_800,
      accuracy: [85.708, 97.73],
      imageSize: 224, license: .nonCommercial,
      transforms: ImageClassification(resize: 224, interpolation: .bicubic)),
  ],
  imageSizes: sizes(patch: 14), usualSize: 224
) { classes, size in
  VisionTransformer(
    imageSize: size, patchSize: 14, layers: 32, attentionHeads: 16, width: 1280, hidden: 5120,
    classes: classes
  )
}

extension Architecture where Network == VisionTransformer {
  /// A new network for images of another size than usual.
  ///
  /// - Parameter imageSize: height and width of the images, a multiple of the patches'.
  public func callAsFunction(classes: Int = 1000, imageSize: Int) -> VisionTransformer {
    makeNetwork(classes: classes, imageSize: imageSize)
  }
}

extension VisionTransformer {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [vit_b_16, vit_b_32, vit_l_16, vit_l_32, vit_h_14]
}
