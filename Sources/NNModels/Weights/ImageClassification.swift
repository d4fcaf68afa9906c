import NNCore
import NNData

/// What the official ImageNet networks were evaluated with: the shorter side at `resize`, the middle `crop` x `crop`
/// pixels, values in [0, 1], less a mean and divided by a standard deviation per channel. As
/// `torchvision.transforms._presets.ImageClassification`.
///
///     let transform = resnet50.defaultWeights.transforms
///     let image = transform(try Image(contentsOfFile: "dog.jpg"))  // [3, 224, 224]
///
/// Source: https://docs.pytorch.org/vision/stable/models.html#using-the-pre-trained-models
public struct ImageClassification: DeterministicTransform, Hashable {
  public let crop: Int
  public let resize: Int
  public let interpolation: InterpolationMode
  /// Of the red, green and blue channel, in units of [0, 1].
  public let mean: [Float]
  public let std: [Float]

  /// - Parameters:
  ///   - crop: height and width of the result, in pixels.
  ///   - resize: of the shorter side before that.
  public init(
    crop: Int = 224, resize: Int = 256, interpolation: InterpolationMode = .bilinear,
    mean: [Float] = [0.485, 0.456, 0.406], std: [Float] = [0.229, 0.224, 0.225]
  ) {
    self.crop = crop
    self.resize = resize
    self.interpolation = interpolation
    self.mean = mean
    self.std = std
  }

  public func callAsFunction(_ image: Image) -> Tensor {
    stages(image)
  }

  private var stages: some Transform<Image, Tensor> {
    Compose {
      Resize(resize, interpolation: interpolation)
      CenterCrop(crop)
      ToTensor()
      Normalize(mean: mean, std: std)
    }
  }

  public func magnification(height: Int, width: Int) -> Double? {
    Resize(resize).magnification(height: height, width: width)
  }

  public var normalization: Normalize? { Normalize(mean: mean, std: std) }

  public var description: String {
    "ImageClassification(crop: \(crop), resize: \(resize), \(interpolation), mean: \(mean), std: \(std))"
  }
}

extension ImageClassification: TensorStage {
  package func prepared(_ view: ImageView, context: SampleContext) -> PreparedTensor {
    view.prepared(by: stages, context: context)
  }
}
