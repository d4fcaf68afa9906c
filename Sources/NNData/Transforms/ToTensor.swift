import CNNKernels
import NNCore

/// From pixels 0...255 to a float32 tensor (C, H, W) in [0, 1], `torchvision.transforms.ToTensor`: the quotient
/// by 255, correctly rounded.
public struct ToTensor: DeterministicTransform, Hashable {
  public init() {}

  public func callAsFunction(_ image: Image) -> Tensor {
    var tensor = Tensor(uninitialized: [image.channels, image.height, image.width], dtype: .float32)
    tensor.withMutableElements(of: Float.self) { elements in
      nn_unit_planes_f32(
        Int64(image.width * image.height), Int32(image.channels), image.pixels, elements.baseAddress)
    }
    return tensor
  }
  public var description: String { "ToTensor()" }
}

extension ToTensor: TensorStage {
  package func prepared(_ view: ImageView, context: SampleContext) -> PreparedTensor { .image(view, nil) }
}

/// `(x - mean) / std` channel by channel, `torchvision.transforms.Normalize`, on (C, H, W) or (N, C, H, W) in
/// float32; each of the two steps is rounded to float32. No gradient is recorded.
public struct Normalize: DeterministicTransform, Hashable {
  /// What the official ImageNet networks were trained with.
  public static let imageNet = Normalize(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])

  /// Of each channel, in units of the tensor.
  public let mean: [Float]
  /// Standard deviation of each channel, in units of the tensor.
  public let std: [Float]
  let maps: PixelMaps

  /// One mean and one standard deviation per channel, in units of the tensor.
  public init(mean: [Float], std: [Float]) {
    require(
      mean.count == std.count && !mean.isEmpty, "Normalize", "\(mean.count) means for \(std.count) deviations"
    )
    require(std.allSatisfy { $0 > 0 }, "Normalize", "standard deviations must be positive, got \(std)")
    self.mean = mean
    self.std = std
    maps = PixelMaps(channels: mean.count, mean: mean, std: std)
  }

  public static func == (a: Normalize, b: Normalize) -> Bool { a.mean == b.mean && a.std == b.std }
  public func hash(into hasher: inout Hasher) {
    hasher.combine(mean)
    hasher.combine(std)
  }

  func checked(channels: Int) -> Normalize {
    if fits(
      channels == mean.count, "Normalize", .channels,
      "expected \(mean.count) channels, got an image with \(channels)")
    {
      return self
    }
    return Normalize(
      mean: Array(repeating: 0, count: channels), std: Array(repeating: 1, count: channels))
  }

  public func callAsFunction(_ input: Tensor) -> Tensor {
    guard
      fits(
        input.dtype == .float32 && (input.rank == 3 || input.rank == 4)
          && input.shape[input.rank - 3] == mean.count, "Normalize", .channels,
        "expected float32 with \(mean.count) channels, (C, H, W) or (N, C, H, W), got \(input.dtype) \(input.shape)"
      )
    else { return input }
    var result = Tensor(uninitialized: input.shape, dtype: .float32)
    let plane = input.shape.suffix(2).reduce(1, *)
    input.withElements(of: Float.self) { source in
      result.withMutableElements(of: Float.self) { target in
        guard plane > 0, let from = source.baseAddress, let to = target.baseAddress else { return }
        for start in 0..<source.count / plane {
          let channel = start % mean.count
          nn_normalize_f32(
            Int64(plane), mean[channel], std[channel], from + start * plane, to + start * plane)
        }
      }
    }
    return result
  }
  public var normalization: Normalize? { self }
  public var description: String { "Normalize(mean: \(mean), std: \(std))" }
}
