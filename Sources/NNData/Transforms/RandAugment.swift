import NNCore

/// Operations drawn at random, all of one strength, `torchvision.transforms.RandAugment`.
///
/// Cubuk et al., RandAugment: Practical Automated Data Augmentation with a Reduced Search Space, 2019.
public struct RandAugment: Transform, Hashable {
  private let operations: Int
  private let magnitude: Int
  private let bins: Int
  private let interpolation: InterpolationMode
  private let fill: [UInt8]

  /// - Parameters:
  ///   - operations: How many are applied one after the other.
  ///   - magnitude: Strength, one of `0..<magnitudeBins`.
  ///   - magnitudeBins: Steps of strength.
  ///   - interpolation: `nearest`, `bilinear` or `bicubic`.
  ///   - fill: Colour of what comes from outside the image.
  public init(
    operations: Int = 2, magnitude: Int = 9, magnitudeBins: Int = 31,
    interpolation: InterpolationMode = .nearest, fill: [UInt8] = [0]
  ) {
    require(
      operations >= 0 && magnitudeBins >= 2 && (0..<magnitudeBins).contains(magnitude), "RandAugment",
      "expected operations >= 0 and a magnitude in 0..<\(magnitudeBins), got \(operations), \(magnitude)")
    self.operations = operations
    self.magnitude = magnitude
    bins = magnitudeBins
    self.interpolation = interpolation
    self.fill = fill
  }

  public func callAsFunction(_ input: Image, context: SampleContext) -> Image {
    let generator = context.generator
    let magnitudes = AugmentMagnitudes.standard(bins: bins, for: input)
    return (0..<operations).reduce(input) { image, _ in
      let operation = AugmentOperation.choices[generator.randint(0, AugmentOperation.choices.count)]
      var value = magnitudes.value(operation, step: magnitude) ?? 0
      if operation.isSigned, generator.randint(0, 2) == 1 { value = -value }
      return operation.apply(image, magnitude: value, interpolation, fill: fill)
    }
  }
  public var isDeterministic: Bool { false }
  public var description: String {
    "RandAugment(operations: \(operations), magnitude: \(magnitude), magnitudeBins: \(bins), "
      + "\(interpolation), fill: \(fill))"
  }
}

/// One operation of random strength, `torchvision.transforms.TrivialAugmentWide`.
///
/// Müller and Hutter, TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation, 2021.
public struct TrivialAugmentWide: Transform, Hashable {
  private let bins: Int
  private let interpolation: InterpolationMode
  private let fill: [UInt8]

  /// - Parameters:
  ///   - magnitudeBins: Steps of strength.
  ///   - interpolation: `nearest`, `bilinear` or `bicubic`.
  ///   - fill: Colour of what comes from outside the image.
  public init(
    magnitudeBins: Int = 31, interpolation: InterpolationMode = .nearest, fill: [UInt8] = [0]
  ) {
    require(magnitudeBins >= 2, "TrivialAugmentWide", "needs at least 2 steps, got \(magnitudeBins)")
    bins = magnitudeBins
    self.interpolation = interpolation
    self.fill = fill
  }

  public func callAsFunction(_ image: Image, context: SampleContext) -> Image {
    let generator = context.generator
    let magnitudes = AugmentMagnitudes.wide(bins: bins)
    let operation = AugmentOperation.choices[generator.randint(0, AugmentOperation.choices.count)]
    var value = 0.0
    if magnitudes.value(operation, step: 0) != nil {
      value = magnitudes.value(operation, step: generator.randint(0, bins)) ?? 0
    }
    if operation.isSigned, generator.randint(0, 2) == 1 { value = -value }
    return operation.apply(image, magnitude: value, interpolation, fill: fill)
  }
  public var isDeterministic: Bool { false }
  public var description: String {
    "TrivialAugmentWide(magnitudeBins: \(bins), \(interpolation), fill: \(fill))"
  }
}
