import NNCore

/// An operation on the colours of an image that is done with some probability.
struct RandomColor: Hashable {
  let p: Double

  init(_ p: Double, _ name: StaticString) { self.p = checkedProbability(p, name) }

  func callAsFunction(_ image: Image, _ context: SampleContext, _ change: (Image) -> Image) -> Image {
    context.generator.happens(p) ? change(image) : image
  }
}

/// Colours turned into their opposites with probability `p`, `torchvision.transforms.v2.RandomInvert`.
public struct RandomInvert: Transform, Hashable {
  private let chance: RandomColor

  public init(p: Double = 0.5) { chance = RandomColor(p, "RandomInvert") }

  public func callAsFunction(_ image: Image, context: SampleContext) -> Image {
    chance(image, context) { $0.inverted() }
  }
  public var isDeterministic: Bool { false }
  public var description: String { "RandomInvert(p: \(chance.p))" }
}

/// Only the upper bits of each value with probability `p`, `torchvision.transforms.v2.RandomPosterize`.
public struct RandomPosterize: Transform, Hashable {
  private let bits: Int
  private let chance: RandomColor

  /// - Parameter bits: how many bits are kept, 0...8.
  public init(bits: Int, p: Double = 0.5) {
    require((0...8).contains(bits), "RandomPosterize", "expected 0...8 bits, got \(bits)")
    self.bits = bits
    chance = RandomColor(p, "RandomPosterize")
  }

  public func callAsFunction(_ image: Image, context: SampleContext) -> Image {
    chance(image, context) { $0.posterized(bits: bits) }
  }
  public var isDeterministic: Bool { false }
  public var description: String { "RandomPosterize(bits: \(bits), p: \(chance.p))" }
}

/// Values of at least a threshold inverted with probability `p`, `torchvision.transforms.v2.RandomSolarize`.
public struct RandomSolarize: Transform, Hashable {
  private let threshold: Double
  private let chance: RandomColor

  /// - Parameter threshold: of values 0...255.
  public init(threshold: Double, p: Double = 0.5) {
    self.threshold = threshold
    chance = RandomColor(p, "RandomSolarize")
  }

  public func callAsFunction(_ image: Image, context: SampleContext) -> Image {
    chance(image, context) { $0.solarized(threshold: threshold) }
  }
  public var isDeterministic: Bool { false }
  public var description: String { "RandomSolarize(threshold: \(threshold), p: \(chance.p))" }
}

/// Each channel stretched to 0...255 with probability `p`, `torchvision.transforms.v2.RandomAutocontrast`.
public struct RandomAutocontrast: Transform, Hashable {
  private let chance: RandomColor

  public init(p: Double = 0.5) { chance = RandomColor(p, "RandomAutocontrast") }

  public func callAsFunction(_ image: Image, context: SampleContext) -> Image {
    chance(image, context) { $0.autocontrasted() }
  }
  public var isDeterministic: Bool { false }
  public var description: String { "RandomAutocontrast(p: \(chance.p))" }
}

/// Values spread as evenly as can be with probability `p`, `torchvision.transforms.v2.RandomEqualize`.
public struct RandomEqualize: Transform, Hashable {
  private let chance: RandomColor

  public init(p: Double = 0.5) { chance = RandomColor(p, "RandomEqualize") }

  public func callAsFunction(_ image: Image, context: SampleContext) -> Image {
    chance(image, context) { $0.equalized() }
  }
  public var isDeterministic: Bool { false }
  public var description: String { "RandomEqualize(p: \(chance.p))" }
}

/// Sharper or smoother with probability `p`, `torchvision.transforms.v2.RandomAdjustSharpness`.
public struct RandomAdjustSharpness: Transform, Hashable {
  private let factor: Double
  private let chance: RandomColor

  /// - Parameter factor: 0 smooths, 1 changes nothing, 2 sharpens.
  public init(factor: Double, p: Double = 0.5) {
    require(
      factor >= 0 && factor.isFinite, "RandomAdjustSharpness",
      "expected a factor of at least 0, got \(factor)")
    self.factor = factor
    chance = RandomColor(p, "RandomAdjustSharpness")
  }

  public func callAsFunction(_ image: Image, context: SampleContext) -> Image {
    chance(image, context) { $0.adjustingSharpness(by: factor) }
  }
  public var isDeterministic: Bool { false }
  public var description: String { "RandomAdjustSharpness(factor: \(factor), p: \(chance.p))" }
}

/// Channels in a random order, `torchvision.transforms.v2.RandomChannelPermutation`. Opacity stays.
public struct RandomChannelPermutation: Transform, Hashable {
  public init() {}

  public func callAsFunction(_ image: Image, context: SampleContext) -> Image {
    image.permutingChannels(context.generator.randperm(min(image.channels, 3)))
  }
  public var isDeterministic: Bool { false }
  public var description: String { "RandomChannelPermutation()" }
}

/// Brightness, contrast, saturation, hue and the order of the channels each changed with probability `p`,
/// `torchvision.transforms.v2.RandomPhotometricDistort`.
///
/// Liu et al., SSD: Single Shot MultiBox Detector, 2015.
public struct RandomPhotometricDistort: Transform, Hashable {
  private let brightness: ClosedRange<Double>
  private let contrast: ClosedRange<Double>
  private let saturation: ClosedRange<Double>
  private let hue: ClosedRange<Double>
  private let p: Double

  /// - Parameters:
  ///   - brightness: factors to draw from, as those of contrast and saturation not negative.
  ///   - hue: turns of the hue, in -0.5...0.5.
  ///   - p: probability of each change.
  public init(
    brightness: ClosedRange<Double> = 0.875...1.125, contrast: ClosedRange<Double> = 0.5...1.5,
    saturation: ClosedRange<Double> = 0.5...1.5, hue: ClosedRange<Double> = -0.05...0.05, p: Double = 0.5
  ) {
    for range in [brightness, contrast, saturation] {
      require(range.lowerBound >= 0, "RandomPhotometricDistort", "factors must not be negative, got \(range)")
    }
    require(
      hue.lowerBound >= -0.5 && hue.upperBound <= 0.5, "RandomPhotometricDistort",
      "turns of the hue must lie in -0.5...0.5, got \(hue)")
    self.brightness = brightness
    self.contrast = contrast
    self.saturation = saturation
    self.hue = hue
    self.p = checkedProbability(p, "RandomPhotometricDistort")
  }

  public func callAsFunction(_ input: Image, context: SampleContext) -> Image {
    let generator = context.generator
    func draw(_ range: ClosedRange<Double>) -> Double? {
      generator.happens(p) ? Double(generator.uniform(range.lowerBound, range.upperBound)) : nil
    }
    let (brightness, contrast) = (draw(brightness), draw(contrast))
    let (saturation, hue) = (draw(saturation), draw(hue))
    let isContrastFirst = generator.happens(0.5)
    let order = generator.happens(p) ? generator.randperm(min(input.channels, 3)) : nil
    var image = brightness.map(input.adjustingBrightness) ?? input
    if isContrastFirst, let contrast { image = image.adjustingContrast(by: contrast) }
    if let saturation { image = image.adjustingSaturation(by: saturation) }
    if let hue { image = image.adjustingHue(by: hue) }
    if !isContrastFirst, let contrast { image = image.adjustingContrast(by: contrast) }
    return order.map(image.permutingChannels) ?? image
  }
  public var isDeterministic: Bool { false }
  public var description: String {
    "RandomPhotometricDistort(brightness: \(brightness), contrast: \(contrast), saturation: \(saturation), "
      + "hue: \(hue), p: \(p))"
  }
}

/// Three channels, `torchvision.transforms.v2.RGB`: gray ones repeated, opacity dropped.
public struct RGB: DeterministicTransform, Hashable {
  public init() {}

  public func callAsFunction(_ image: Image) -> Image { image.rgb() }
  public var description: String { "RGB()" }
}
