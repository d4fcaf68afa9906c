import NNCore

/// Normal noise added to a tensor, `torchvision.transforms.v2.GaussianNoise`: float values of 0...1, or uint8, of any shape.
public struct GaussianNoise: Transform, Hashable {
  private let mean: Double
  private let sigma: Double
  private let clips: Bool

  /// - Parameters:
  ///   - mean: of the noise, as a share of the brightest value.
  ///   - sigma: its standard deviation, likewise; not negative.
  ///   - clips: whether results are kept within 0...1 (0...255 for uint8, which otherwise wrap around).
  public init(mean: Double = 0, sigma: Double = 0.1, clips: Bool = true) {
    require(sigma >= 0, "GaussianNoise", "the deviation must not be negative, got \(sigma)")
    self.mean = mean
    self.sigma = sigma
    self.clips = clips
  }

  public func callAsFunction(_ image: Tensor, context: SampleContext) -> Tensor {
    guard
      fits(
        image.dtype.isFloatingPoint || image.dtype == .uint8, "GaussianNoise",
        "expected float or uint8, got \(image.dtype)")
    else { return image }
    let isFloat = image.dtype.isFloatingPoint
    let noise = Tensor.randn(
      image.shape, generator: context.generator, dtype: isFloat ? image.dtype : .float32)
    if isFloat {
      let result = image + (noise * sigma + mean)
      return clips ? result.clamp(min: 0, max: 1) : result
    }
    let result = image.to(.int32) + (noise * (sigma * 255) + mean * 255).to(.int32)
    return (clips ? result.clamp(min: 0, max: 255) : result).to(.uint8)
  }
  public var isDeterministic: Bool { false }
  public var description: String { "GaussianNoise(mean: \(mean), sigma: \(sigma), clips: \(clips))" }
}

/// The values of an image as a vector, minus a mean, times a matrix, `torchvision.transforms.v2.LinearTransformation`: for
/// whitening. Takes (C, H, W) or batches (…, C, H, W) in float32.
public struct LinearTransformation: DeterministicTransform {
  private let matrix: Tensor
  private let mean: Tensor

  /// - Parameters:
  ///   - matrix: (D, D), where D is C times H times W.
  ///   - mean: (D).
  public init(matrix: Tensor, mean: Tensor) {
    require(
      matrix.rank == 2 && matrix.shape[0] == matrix.shape[1] && mean.shape == [matrix.shape[0]]
        && matrix.dtype == mean.dtype,
      "LinearTransformation",
      "expected a square matrix and a mean of its size, got \(matrix.shape), \(mean.shape)")
    self.matrix = matrix
    self.mean = mean
  }

  public func callAsFunction(_ image: Tensor) -> Tensor {
    guard
      fits(
        image.rank >= 3 && image.shape.suffix(3).reduce(1, *) == mean.count, "LinearTransformation",
        "expected (C, H, W) of \(mean.count) values, got \(image.shape)")
    else { return image }
    return (image.reshape([-1, mean.count]) - mean).matmul(matrix).reshape(image.shape)
  }
  /// The matrix and the mean by a digest, since they are part of the key of a cache.
  public var description: String {
    let numbers = (matrix.array(of: Double.self) + mean.array(of: Double.self)).map(\.bitPattern)
    var digest = Digest.sha256()
    numbers.withUnsafeBytes { digest.update($0) }
    return "LinearTransformation(\(digest.finished()))"
  }
}

/// Another element type, `torchvision.transforms.v2.ToDtype`: with `scales` also the range of values that goes with it, as
/// ``ConvertImageDtype``.
public struct ToDtype: DeterministicTransform, Hashable {
  private let dtype: DType
  private let scales: Bool

  public init(_ dtype: DType, scales: Bool = false) {
    self.dtype = dtype
    self.scales = scales
  }

  public func callAsFunction(_ tensor: Tensor) -> Tensor {
    scales ? ConvertImageDtype(dtype)(tensor) : tensor.to(dtype)
  }
  public var description: String { "ToDtype(\(dtype), scales: \(scales))" }
}
