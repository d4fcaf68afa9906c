import NNCore

/// An image mixed with versions of itself that chains of random operations make, `torchvision.transforms.v2.AugMix`.
///
/// Hendrycks et al., AugMix: A Simple Data Processing Method to Improve Robustness and Uncertainty, 2019. The draws and the
/// mixing are torchvision's, the operations those on PIL's images, where torchvision turns an image into a tensor first;
/// that rounds some pixels otherwise.
public struct AugMix: Transform, Hashable {
  private let severity: Int
  private let width: Int
  private let depth: Int?
  private let alpha: Double
  private let allOperations: Bool
  private let interpolation: InterpolationMode
  private let fill: [UInt8]

  /// - Parameters:
  ///   - severity: strength, 1...10.
  ///   - width: number of chains.
  ///   - depth: operations of a chain; nil draws 1 to 3.
  ///   - alpha: parameter of the Dirichlet distributions, positive.
  ///   - allOperations: whether brightness, colour, contrast and sharpness are among the operations.
  ///   - interpolation: `nearest`, `bilinear` or `bicubic`.
  ///   - fill: colour of what comes from outside the image.
  public init(
    severity: Int = 3, width: Int = 3, depth: Int? = nil, alpha: Double = 1, allOperations: Bool = true,
    interpolation: InterpolationMode = .bilinear, fill: [UInt8] = [0]
  ) {
    require((1...10).contains(severity), "AugMix", "expected a severity in 1...10, got \(severity)")
    require(
      width >= 1 && (depth ?? 1) >= 1 && alpha > 0, "AugMix",
      "expected positive numbers, got width \(width), depth \(depth ?? 0), alpha \(alpha)")
    self.severity = severity
    self.width = width
    self.depth = depth
    self.alpha = alpha
    self.allOperations = allOperations
    self.interpolation = interpolation
    self.fill = fill
  }

  private static let someOperations: [AugmentOperation] = [
    .shearX, .shearY, .translateX, .translateY, .rotate, .posterize, .solarize, .autoContrast, .equalize,
  ]
  private static let colorOperations: [AugmentOperation] = [.brightness, .color, .contrast, .sharpness]

  public func callAsFunction(_ image: Image, context: SampleContext) -> Image {
    let generator = context.generator
    let operations = Self.someOperations + (allOperations ? Self.colorOperations : [])
    let strengths = AugmentMagnitudes(
      bins: 10, translate: (Double(image.width) / 3, Double(image.height) / 3))
    let own = generator.dirichlet([Float(alpha), Float(alpha)])
    let shares = generator.dirichlet(Array(repeating: Float(alpha), count: width)).map { $0 * own[1] }
    var mixed = image.pixels.map { Float($0) * own[0] }
    for share in shares {
      var version = image
      for _ in 0..<(depth ?? generator.randint(1, 4)) {
        let operation = operations[generator.randint(0, operations.count)]
        var value = 0.0
        if strengths.value(operation, step: 0) != nil {
          let step = generator.randint(0, severity)
          switch operation {
          // Four bits are kept at most, where the other policies begin with eight.
          case .posterize: value = (strengths.value(operation, step: step) ?? 0) - 4
          // Rounded as a share, and not as a value.
          case .solarize: value = 255 * strengths.line(1, 0, step)
          default: value = strengths.value(operation, step: step) ?? 0
          }
          if operation.isSigned, generator.rand() <= 0.5 { value = -value }
        }
        version = operation.apply(version, magnitude: value, interpolation, fill: fill)
      }
      for place in mixed.indices { mixed[place] += share * Float(version.pixels[place]) }
    }
    return Image(width: image.width, height: image.height, channels: image.channels) { pixels in
      for place in mixed.indices { pixels[place] = UInt8(min(max(mixed[place], 0), 255)) }
    }
  }
  public var isDeterministic: Bool { false }
  public var description: String {
    "AugMix(severity: \(severity), width: \(width), depth: \(depth.map(String.init) ?? "random"), alpha: \(alpha), "
      + "allOperations: \(allOperations), \(interpolation), fill: \(fill))"
  }
}
