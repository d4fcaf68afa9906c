import NNCore

/// The image turned by a random angle, `torchvision.transforms.RandomRotation`.
public struct RandomRotation: Transform {
  private let degrees: ClosedRange<Double>
  private let interpolation: InterpolationMode
  private let expand: Bool
  private let center: (x: Double, y: Double)?
  private let fill: [UInt8]

  /// An angle of `-degrees...degrees`, counter-clockwise.
  public init(
    _ degrees: Double, interpolation: InterpolationMode = .nearest, expand: Bool = false,
    center: (x: Double, y: Double)? = nil, fill: [UInt8] = [0]
  ) {
    require(degrees >= 0, "RandomRotation", "expected a positive angle or a range, got \(degrees)")
    self.init(-degrees...degrees, interpolation: interpolation, expand: expand, center: center, fill: fill)
  }

  /// - Parameter degrees: The angles, counter-clockwise; for the others see ``Image/rotated(by:interpolation:expand:center:fill:)``.
  public init(
    _ degrees: ClosedRange<Double>, interpolation: InterpolationMode = .nearest, expand: Bool = false,
    center: (x: Double, y: Double)? = nil, fill: [UInt8] = [0]
  ) {
    self.degrees = degrees
    self.interpolation = interpolation
    self.expand = expand
    self.center = center
    self.fill = fill
  }

  /// Draws the angle, `RandomRotation.get_params`.
  public func angle(generator: Generator) -> Double {
    Double(generator.uniform(degrees.lowerBound, degrees.upperBound))
  }

  public func callAsFunction(_ image: Image, context: SampleContext) -> Image {
    image.rotated(
      by: angle(generator: context.generator), interpolation: interpolation, expand: expand, center: center,
      fill: fill)
  }
  public var isDeterministic: Bool { false }
  public var description: String {
    "RandomRotation(\(degrees), \(interpolation), expand: \(expand), "
      + "center: \(center.map { "\($0.x), \($0.y)" } ?? "middle"), fill: \(fill))"
  }
}

/// The image turned, moved, scaled and sheared at random, `torchvision.transforms.RandomAffine`.
public struct RandomAffine: Transform {
  private let degrees: ClosedRange<Double>
  private let translate: (x: Double, y: Double)?
  private let scale: ClosedRange<Double>?
  private let shear: (x: ClosedRange<Double>, y: ClosedRange<Double>?)?
  private let interpolation: InterpolationMode
  private let fill: [UInt8]
  private let center: (x: Double, y: Double)?

  /// - Parameters:
  ///   - degrees: Angles, clockwise.
  ///   - translate: Largest shift as a share of width and height.
  ///   - scale: Factors of size.
  ///   - shear: Angles along the x axis in degrees, and along the y axis if it is sheared, too.
  ///   - center: The point that stays where it is; the middle if nil.
  public init(
    _ degrees: ClosedRange<Double>, translate: (x: Double, y: Double)? = nil,
    scale: ClosedRange<Double>? = nil, shear: (x: ClosedRange<Double>, y: ClosedRange<Double>?)? = nil,
    interpolation: InterpolationMode = .nearest, fill: [UInt8] = [0], center: (x: Double, y: Double)? = nil
  ) {
    let shares = translate.map { [$0.x, $0.y] } ?? []
    require(
      shares.allSatisfy { $0 >= 0 && $0 <= 1 }, "RandomAffine",
      "shifts must be shares in 0...1, got \(shares)")
    require((scale?.lowerBound ?? 1) > 0, "RandomAffine", "factors of size must be positive")
    self.degrees = degrees
    self.translate = translate
    self.scale = scale
    self.shear = shear
    self.interpolation = interpolation
    self.fill = fill
    self.center = center
  }

  public func callAsFunction(_ image: Image, context: SampleContext) -> Image {
    let generator = context.generator
    func draw(_ range: ClosedRange<Double>) -> Double {
      Double(generator.uniform(range.lowerBound, range.upperBound))
    }
    let angle = draw(degrees)
    var shift = (x: 0.0, y: 0.0)
    if let translate {
      let (x, y) = (translate.x * Double(image.width), translate.y * Double(image.height))
      shift.x = draw(-x...x).rounded(.toNearestOrEven)
      shift.y = draw(-y...y).rounded(.toNearestOrEven)
    }
    let factor = scale.map(draw) ?? 1
    var slant = (x: 0.0, y: 0.0)
    if let shear {
      slant.x = draw(shear.x)
      slant.y = shear.y.map(draw) ?? 0
    }
    return image.affine(
      angle: angle, translate: shift, scale: factor, shear: slant, interpolation: interpolation, fill: fill,
      center: center)
  }
  public var isDeterministic: Bool { false }
  public var description: String {
    func text<T>(_ value: T?) -> String { value.map { "\($0)" } ?? "none" }
    return "RandomAffine(\(degrees), translate: \(text(translate)), scale: \(text(scale)), "
      + "shear: \(text(shear)), \(interpolation), fill: \(fill), center: \(text(center)))"
  }
}
