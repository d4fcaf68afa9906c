import Foundation
import NNCore

/// A piece of the image at a random place, `torchvision.transforms.RandomCrop`.
public struct RandomCrop: Transform, ImageStage, Hashable {
  private let height: Int
  private let width: Int
  private let padding: Pad?
  private let padIfNeeded: Bool
  private let mode: Image.PaddingMode

  /// A square.
  public init(
    _ side: Int, padding: Int = 0, padIfNeeded: Bool = false, mode: Image.PaddingMode = .constant([0])
  ) {
    self.init(side, side, padding: padding, padIfNeeded: padIfNeeded, mode: mode)
  }

  /// - Parameters:
  ///   - padding: Pixels put around the image before a piece is cut out.
  ///   - padIfNeeded: Makes an image that is too small larger on both sides; otherwise it stops the program.
  ///   - mode: What is put around.
  public init(
    _ height: Int, _ width: Int, padding: Int = 0, padIfNeeded: Bool = false,
    mode: Image.PaddingMode = .constant([0])
  ) {
    require(height > 0 && width > 0, "RandomCrop", "sizes must be positive, got \(height), \(width)")
    self.height = height
    self.width = width
    self.padding = padding == 0 ? nil : Pad(padding, mode: mode)
    self.padIfNeeded = padIfNeeded
    self.mode = mode
  }

  /// Draws the place, `RandomCrop.get_params`: top and left, nothing for an image of just this size.
  public func box(in size: (height: Int, width: Int), generator: Generator) -> CropBox {
    guard
      fits(
        height <= size.height && width <= size.width, "RandomCrop", .tooSmall,
        "crop \(width)x\(height) is larger than the image, \(size.width)x\(size.height)")
    else { return CropBox(top: 0, left: 0, height: size.height, width: size.width) }
    if (height, width) == size { return CropBox(top: 0, left: 0, height: height, width: width) }
    let top = generator.randint(0, size.height - height + 1)
    let left = generator.randint(0, size.width - width + 1)
    return CropBox(top: top, left: left, height: height, width: width)
  }

  func noted(on view: ImageView, context: SampleContext) -> ImageView {
    var view = view
    if let padding { view = ImageView(padding(view.rendered())) }
    if padIfNeeded {
      let (x, y) = (max(0, width - view.width), max(0, height - view.height))
      if x > 0 { view = ImageView(view.rendered().padded(left: x, top: 0, right: x, bottom: 0, mode: mode)) }
      if y > 0 { view = ImageView(view.rendered().padded(left: 0, top: y, right: 0, bottom: y, mode: mode)) }
    }
    return view.cropped(to: box(in: (view.height, view.width), generator: context.generator))
  }
  public var isDeterministic: Bool { false }
  public var description: String {
    "RandomCrop(\(height), \(width), padding: \(padding.map(\.description) ?? "none"), "
      + "padIfNeeded: \(padIfNeeded), \(mode))"
  }
}

/// A piece of random area and proportions, brought to one size, `torchvision.transforms.RandomResizedCrop`: the
/// augmentation of Szegedy et al., Going Deeper with Convolutions, 2014.
public struct RandomResizedCrop: Transform, ImageStage, Hashable {
  private let height: Int
  private let width: Int
  private let shape: RandomBox
  private let interpolation: InterpolationMode

  /// A square.
  public init(
    _ side: Int, scale: ClosedRange<Double> = 0.08...1, ratio: ClosedRange<Double> = 3 / 4...4 / 3,
    interpolation: InterpolationMode = .bilinear
  ) {
    self.init(side, side, scale: scale, ratio: ratio, interpolation: interpolation)
  }

  /// - Parameters:
  ///   - scale: Share of the image's area.
  ///   - ratio: Width divided by height, uniform in its logarithm.
  public init(
    _ height: Int, _ width: Int, scale: ClosedRange<Double> = 0.08...1,
    ratio: ClosedRange<Double> = 3 / 4...4 / 3, interpolation: InterpolationMode = .bilinear
  ) {
    require(height > 0 && width > 0, "RandomResizedCrop", "sizes must be positive, got \(height), \(width)")
    self.height = height
    self.width = width
    shape = RandomBox(scale: scale, ratio: ratio)
    self.interpolation = interpolation
  }

  /// Draws the piece, `RandomResizedCrop.get_params`: up to ten attempts, then the largest middle piece of
  /// allowed proportions.
  public func box(in size: (height: Int, width: Int), generator: Generator) -> CropBox {
    for _ in 0..<10 {
      let (w, h) = shape.draw(area: size.height * size.width, generator)
      if 0 < w && w <= size.width && 0 < h && h <= size.height {
        let top = generator.randint(0, size.height - h + 1)
        let left = generator.randint(0, size.width - w + 1)
        return CropBox(top: top, left: left, height: h, width: w)
      }
    }
    let (ratio, inRatio) = (shape.ratio, Double(size.width) / Double(size.height))
    var (h, w) = size
    if inRatio < ratio.lowerBound {
      h = min(size.height, RandomBox.rounded(Double(w) / ratio.lowerBound))
    } else if inRatio > ratio.upperBound {
      w = min(size.width, RandomBox.rounded(Double(h) * ratio.upperBound))
    }
    return CropBox(top: (size.height - h) / 2, left: (size.width - w) / 2, height: h, width: w)
  }

  func noted(on view: ImageView, context: SampleContext) -> ImageView {
    view.cropped(to: box(in: (view.height, view.width), generator: context.generator))
      .resized(height: height, width: width, interpolation)
  }
  public var isDeterministic: Bool { false }
  /// That of the smallest piece that can be drawn.
  public func magnification(height: Int, width: Int) -> Double? {
    let least = shape.smallest(area: height * width)
    let piece = (height: min(least.second, height), width: min(least.first, width))
    return max(
      Double(self.height) / Double(max(piece.height, 1)), Double(self.width) / Double(max(piece.width, 1)))
  }
  public var description: String { "RandomResizedCrop(\(height), \(width), \(shape), \(interpolation))" }
}

/// Sizes of random area and proportions.
struct RandomBox: Hashable, CustomStringConvertible {
  let scale: ClosedRange<Double>
  let ratio: ClosedRange<Double>

  init(scale: ClosedRange<Double>, ratio: ClosedRange<Double>) {
    require(
      scale.lowerBound >= 0 && ratio.lowerBound > 0, "RandomBox",
      "scale and ratio must be positive, got \(scale) and \(ratio)")
    self.scale = scale
    self.ratio = ratio
  }

  /// Sides with `first · second` about a share of the area and `first / second` one of the proportions.
  func draw(area: Int, _ generator: Generator) -> (first: Int, second: Int) {
    let target = Double(area) * Double(generator.uniform(scale.lowerBound, scale.upperBound))
    let bounds = (log(Float(ratio.lowerBound)), log(Float(ratio.upperBound)))
    let proportion = Double(exp(generator.uniform(Double(bounds.0), Double(bounds.1))))
    return (
      RandomBox.rounded((target * proportion).squareRoot()),
      RandomBox.rounded((target / proportion).squareRoot())
    )
  }

  /// The least that either side can be.
  func smallest(area: Int) -> (first: Int, second: Int) {
    let least = Double(area) * scale.lowerBound
    return (
      RandomBox.rounded((least * ratio.lowerBound).squareRoot()),
      RandomBox.rounded((least / ratio.upperBound).squareRoot())
    )
  }

  /// Python's `round`: halves to the even number.
  static func rounded(_ value: Double) -> Int { Int(value.rounded(.toNearestOrEven)) }

  var description: String { "scale: \(scale), ratio: \(ratio)" }
}
