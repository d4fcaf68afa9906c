import NNCore

/// A random size in proportion, `torchvision.transforms.v2.ScaleJitter`.
///
/// Ghiasi et al., Simple Copy-Paste is a Strong Data Augmentation Method for Instance Segmentation, 2020.
public struct ScaleJitter: Transform, ImageStage, Hashable {
  private let target: [Int]
  private let scale: ClosedRange<Double>
  private let interpolation: InterpolationMode

  /// - Parameters:
  ///   - height: with `width` the size that a scale of 1 stands for: the largest image of its proportions inside it. As in
  ///     torchvision, the image's width is compared with `height` and its height with `width`.
  ///   - scale: factors to draw from, positive.
  public init(
    _ height: Int, _ width: Int, scale: ClosedRange<Double> = 0.1...2,
    interpolation: InterpolationMode = .bilinear
  ) {
    require(height > 0 && width > 0, "ScaleJitter", "sizes must be positive, got \(height), \(width)")
    require(scale.lowerBound > 0, "ScaleJitter", "factors of size must be positive, got \(scale)")
    target = [height, width]
    self.scale = scale
    self.interpolation = interpolation
  }

  func noted(on view: ImageView, context: SampleContext) -> ImageView {
    let (low, high) = (scale.lowerBound, scale.upperBound)
    let factor = Float(low) + context.generator.rand() * Float(high - low)
    let fit = min(Double(target[1]) / Double(view.height), Double(target[0]) / Double(view.width))
    let ratio = factor * Float(fit)
    // torchvision refuses an image of no size.
    return view.resized(
      height: max(1, Int(Float(view.height) * ratio)), width: max(1, Int(Float(view.width) * ratio)),
      interpolation)
  }
  public var isDeterministic: Bool { false }
  public var description: String { "ScaleJitter(\(target), scale: \(scale), \(interpolation))" }
}

/// The shorter side becomes one of several lengths, the longer one follows in proportion,
/// `torchvision.transforms.v2.RandomShortestSize`.
public struct RandomShortestSize: Transform, ImageStage, Hashable {
  private let sizes: [Int]
  private let maxSize: Int?
  private let interpolation: InterpolationMode

  /// - Parameters:
  ///   - sizes: lengths to choose from, positive.
  ///   - maxSize: greatest length of the longer side.
  public init(_ sizes: [Int], maxSize: Int? = nil, interpolation: InterpolationMode = .bilinear) {
    require(
      !sizes.isEmpty && sizes.allSatisfy { $0 > 0 } && (maxSize ?? 1) > 0, "RandomShortestSize",
      "sizes must be positive, got \(sizes), \(maxSize ?? 0)")
    self.sizes = sizes
    self.maxSize = maxSize
    self.interpolation = interpolation
  }

  func noted(on view: ImageView, context: SampleContext) -> ImageView {
    let side = sizes[context.generator.randint(0, sizes.count)]
    var ratio = Double(side) / Double(min(view.height, view.width))
    if let maxSize { ratio = min(ratio, Double(maxSize) / Double(max(view.height, view.width))) }
    return view.resized(
      height: max(1, Int(Double(view.height) * ratio)), width: max(1, Int(Double(view.width) * ratio)),
      interpolation)
  }
  public var isDeterministic: Bool { false }
  public var description: String {
    "RandomShortestSize(\(sizes), maxSize: \(maxSize.map(String.init) ?? "none"), \(interpolation))"
  }
}

/// The shorter side becomes a random length, the longer one follows in proportion,
/// `torchvision.transforms.v2.RandomResize`.
public struct RandomResize: Transform, ImageStage, Hashable {
  private let sizes: Range<Int>
  private let interpolation: InterpolationMode

  /// - Parameter sizes: lengths to draw from, positive.
  public init(_ sizes: Range<Int>, interpolation: InterpolationMode = .bilinear) {
    require(!sizes.isEmpty && sizes.lowerBound > 0, "RandomResize", "sizes must be positive, got \(sizes)")
    self.sizes = sizes
    self.interpolation = interpolation
  }

  func noted(on view: ImageView, context: SampleContext) -> ImageView {
    let side = context.generator.randint(sizes.lowerBound, sizes.upperBound)
    return Resize(side, interpolation: interpolation).noted(on: view)
  }
  public var isDeterministic: Bool { false }
  public var description: String { "RandomResize(\(sizes), \(interpolation))" }
}

/// The image at a random place of a larger one with probability `p`, `torchvision.transforms.v2.RandomZoomOut`.
///
/// Liu et al., SSD: Single Shot MultiBox Detector, 2015.
public struct RandomZoomOut: Transform, Hashable {
  private let fill: [UInt8]
  private let sides: ClosedRange<Double>
  private let p: Double

  /// - Parameters:
  ///   - fill: colour around the image, a value per channel or one for all.
  ///   - sides: factors of the sides to draw from, at least 1.
  ///   - p: probability that anything is done.
  public init(fill: [UInt8] = [0], sides: ClosedRange<Double> = 1...4, p: Double = 0.5) {
    require(sides.lowerBound >= 1, "RandomZoomOut", "expected factors of at least 1, got \(sides)")
    self.fill = fill
    self.sides = sides
    self.p = checkedProbability(p, "RandomZoomOut")
  }

  public func callAsFunction(_ image: Image, context: SampleContext) -> Image {
    let generator = context.generator
    guard generator.happens(p) else { return image }
    let factor = Float(sides.lowerBound) + generator.rand() * Float(sides.upperBound - sides.lowerBound)
    let (width, height) = (Int(Float(image.width) * factor), Int(Float(image.height) * factor))
    let left = Int(Float(width - image.width) * generator.rand())
    let top = Int(Float(height - image.height) * generator.rand())
    return image.padded(
      left: left, top: top, right: width - left - image.width, bottom: height - top - image.height,
      mode: .constant(fill))
  }
  public var isDeterministic: Bool { false }
  public var description: String { "RandomZoomOut(fill: \(fill), sides: \(sides), p: \(p))" }
}
