import NNCore

/// The image seen from a random side with probability `p`, `torchvision.transforms.v2.RandomPerspective`.
public struct RandomPerspective: Transform, Hashable {
  private let distortion: Double
  private let p: Double
  private let interpolation: InterpolationMode
  private let fill: [UInt8]

  /// - Parameters:
  ///   - distortion: how far corners move at most, as a share of half the side, 0...1.
  ///   - p: probability that anything is done.
  ///   - interpolation: `nearest`, `bilinear` or `bicubic`.
  ///   - fill: colour of what comes from outside the image.
  public init(
    distortion: Double = 0.5, p: Double = 0.5, interpolation: InterpolationMode = .bilinear,
    fill: [UInt8] = [0]
  ) {
    require(
      (0...1).contains(distortion), "RandomPerspective", "expected a distortion in 0...1, got \(distortion)")
    self.distortion = distortion
    self.p = checkedProbability(p, "RandomPerspective")
    self.interpolation = interpolation
    self.fill = fill
  }

  /// Draws where the corners of an image come to: upper left, upper right, lower right, lower left.
  public func corners(in size: (height: Int, width: Int), generator: Generator) -> [(x: Int, y: Int)] {
    let rows = Int(distortion * Double(size.height / 2)) + 1
    let columns = Int(distortion * Double(size.width / 2)) + 1
    func draw(_ isRight: Bool, _ isLower: Bool) -> (x: Int, y: Int) {
      let x = isRight ? generator.randint(size.width - columns, size.width) : generator.randint(0, columns)
      let y = isLower ? generator.randint(size.height - rows, size.height) : generator.randint(0, rows)
      return (x, y)
    }
    return [draw(false, false), draw(true, false), draw(true, true), draw(false, true)]
  }

  public func callAsFunction(_ image: Image, context: SampleContext) -> Image {
    guard context.generator.happens(p) else { return image }
    return image.perspective(
      corners: corners(in: (image.height, image.width), generator: context.generator),
      interpolation: interpolation,
      fill: fill)
  }
  public var isDeterministic: Bool { false }
  public var description: String {
    "RandomPerspective(distortion: \(distortion), p: \(p), \(interpolation), fill: \(fill))"
  }
}
