import NNCore

/// A random rectangle of a tensor overwritten, `torchvision.transforms.RandomErasing`.
///
/// Zhong et al., Random Erasing Data Augmentation, 2017. On float32 (C, H, W); no gradient is recorded.
public struct RandomErasing: Transform, Hashable {
  /// What is written.
  public enum Fill: Sendable, Hashable {
    /// One value per channel, or one for all.
    case constant([Float])
    /// Standard normal numbers.
    case random
  }

  private let p: Double
  private let shape: RandomBox
  private let value: Fill

  /// - Parameters:
  ///   - p: Probability that anything is overwritten.
  ///   - scale: Share of the image's area.
  ///   - ratio: Height divided by width, uniform in its logarithm.
  ///   - value: What is written.
  public init(
    p: Double = 0.5, scale: ClosedRange<Double> = 0.02...0.33, ratio: ClosedRange<Double> = 0.3...3.3,
    value: Fill = .constant([0])
  ) {
    require(scale.upperBound <= 1, "RandomErasing", "shares of the area must lie in 0...1, got \(scale)")
    self.p = checkedProbability(p, "RandomErasing")
    shape = RandomBox(scale: scale, ratio: ratio)
    self.value = value
  }

  /// Draws the rectangle and, for random values, what is written (C, h, w), `RandomErasing.get_params`; nil if
  /// ten rectangles did not fit.
  public func parameters(for shape: [Int], generator: Generator) -> (box: CropBox, noise: Tensor?)? {
    require(shape.count == 3, "RandomErasing", "expected a shape (C, H, W), got \(shape)")
    let (height, width) = (shape[1], shape[2])
    for _ in 0..<10 {
      let (h, w) = self.shape.draw(area: height * width, generator)
      guard h < height && w < width else { continue }
      let noise = value == .random ? Tensor.randn([shape[0], h, w], generator: generator) : nil
      let top = generator.randint(0, height - h + 1)
      let left = generator.randint(0, width - w + 1)
      return (CropBox(top: top, left: left, height: h, width: w), noise)
    }
    return nil
  }

  public func callAsFunction(_ input: Tensor, context: SampleContext) -> Tensor {
    guard
      fits(
        input.dtype == .float32 && input.rank == 3, "RandomErasing",
        "expected float32 (C, H, W), got \(input.dtype) \(input.shape)")
    else { return input }
    guard context.generator.happens(p),
      let (box, noise) = parameters(for: input.shape, generator: context.generator)
    else { return input }
    let (channels, height, width) = (input.shape[0], input.shape[1], input.shape[2])
    var values = input.array(of: Float.self)
    let random = noise?.array(of: Float.self)
    for channel in 0..<channels {
      for y in 0..<box.height {
        let start = (channel * height + box.top + y) * width + box.left
        for x in 0..<box.width {
          if let random {
            values[start + x] = random[(channel * box.height + y) * box.width + x]
          } else if case .constant(let colors) = value {
            require(
              colors.count == 1 || colors.count == channels, "RandomErasing",
              "\(colors.count) values for \(channels) channels")
            values[start + x] = colors[colors.count == 1 ? 0 : channel]
          }
        }
      }
    }
    return Tensor(values, shape: input.shape)
  }
  public var isDeterministic: Bool { false }
  public var description: String { "RandomErasing(p: \(p), \(shape), value: \(value))" }
}
