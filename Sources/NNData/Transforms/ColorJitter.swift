import NNCore

/// Brightness, contrast, saturation and hue changed at random and in random order,
/// `torchvision.transforms.ColorJitter`.
public struct ColorJitter: Transform, Hashable {
  private let brightness: ClosedRange<Double>?
  private let contrast: ClosedRange<Double>?
  private let saturation: ClosedRange<Double>?
  private let hue: ClosedRange<Double>?

  /// Factors of `max(0, 1 - x)...1 + x`, and a turn of the hue by `-hue...hue`; 0 leaves a property alone.
  ///
  /// - Parameter hue: At most 0.5, half a turn.
  public init(brightness: Double = 0, contrast: Double = 0, saturation: Double = 0, hue: Double = 0) {
    func factors(_ x: Double) -> ClosedRange<Double>? {
      require(x >= 0, "ColorJitter", "expected values of at least 0, got \(x)")
      return x == 0 ? nil : max(0, 1 - x)...1 + x
    }
    require(hue >= 0, "ColorJitter", "expected values of at least 0, got \(hue)")
    self.init(
      brightness: factors(brightness), contrast: factors(contrast), saturation: factors(saturation),
      hue: hue == 0 ? nil : -hue...hue)
  }

  /// Factors and turns from the given ranges; nil leaves a property alone.
  public init(
    brightness: ClosedRange<Double>?, contrast: ClosedRange<Double>? = nil,
    saturation: ClosedRange<Double>? = nil, hue: ClosedRange<Double>? = nil
  ) {
    for range in [brightness, contrast, saturation].compactMap(\.self) {
      require(range.lowerBound >= 0, "ColorJitter", "factors must not be negative, got \(range)")
    }
    if let hue {
      require(
        hue.lowerBound >= -0.5 && hue.upperBound <= 0.5, "ColorJitter",
        "turns of the hue must lie in -0.5...0.5, got \(hue)")
    }
    self.brightness = brightness
    self.contrast = contrast
    self.saturation = saturation
    self.hue = hue
  }

  /// What is done to one image.
  public struct Parameters: Sendable, Equatable {
    /// Order of the four: 0 brightness, 1 contrast, 2 saturation, 3 hue.
    public var order: [Int]
    public var brightness: Double?
    public var contrast: Double?
    public var saturation: Double?
    public var hue: Double?
  }

  /// Draws what is done to one image, `ColorJitter.get_params`.
  public func parameters(generator: Generator) -> Parameters {
    func draw(_ range: ClosedRange<Double>?) -> Double? {
      range.map { Double(generator.uniform($0.lowerBound, $0.upperBound)) }
    }
    return Parameters(
      order: generator.randperm(4), brightness: draw(brightness), contrast: draw(contrast),
      saturation: draw(saturation), hue: draw(hue))
  }

  public func callAsFunction(_ input: Image, context: SampleContext) -> Image {
    let parameters = parameters(generator: context.generator)
    return parameters.order.reduce(input) { image, step in
      switch step {
      case 0: parameters.brightness.map(image.adjustingBrightness) ?? image
      case 1: parameters.contrast.map(image.adjustingContrast) ?? image
      case 2: parameters.saturation.map(image.adjustingSaturation) ?? image
      default: parameters.hue.map(image.adjustingHue) ?? image
      }
    }
  }
  public var isDeterministic: Bool { false }
  public var description: String {
    func text(_ range: ClosedRange<Double>?) -> String { range?.description ?? "none" }
    return "ColorJitter(brightness: \(text(brightness)), contrast: \(text(contrast)), "
      + "saturation: \(text(saturation)), hue: \(text(hue)))"
  }
}
