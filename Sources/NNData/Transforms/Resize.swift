import NNCore

/// Brings images to a size, `torchvision.transforms.Resize`; the pixels are PIL's, bit for bit.
public struct Resize: DeterministicTransform, DeterministicImageStage, Hashable {
  private enum Size: Hashable {
    case exact(height: Int, width: Int)
    case shorterSide(Int, longerAtMost: Int?)
  }

  private let size: Size
  private let interpolation: InterpolationMode

  /// Every image gets this height and width, whatever its proportions.
  public init(_ height: Int, _ width: Int, interpolation: InterpolationMode = .bilinear) {
    require(height > 0 && width > 0, "Resize", "sizes must be positive, got \(height), \(width)")
    size = .exact(height: height, width: width)
    self.interpolation = interpolation
  }

  /// The shorter side becomes `side`, the longer one follows in proportion (rounded down), but is at most `maxSize`.
  public init(_ side: Int, maxSize: Int? = nil, interpolation: InterpolationMode = .bilinear) {
    require(side > 0, "Resize", "size must be positive, got \(side)")
    if let maxSize {
      require(
        maxSize > side, "Resize", "maxSize (\(maxSize)) must be greater than the shorter side (\(side))")
    }
    size = .shorterSide(side, longerAtMost: maxSize)
    self.interpolation = interpolation
  }

  func noted(on view: ImageView) -> ImageView {
    let size = outputSize(height: view.height, width: view.width)
    return view.resized(height: size.height, width: size.width, interpolation)
  }

  public func magnification(height: Int, width: Int) -> Double? {
    let size = outputSize(height: height, width: width)
    return max(Double(size.height) / Double(height), Double(size.width) / Double(width))
  }

  /// What an image of the given size becomes.
  func outputSize(height: Int, width: Int) -> (height: Int, width: Int) {
    switch size {
    case .exact(let height, let width):
      return (height, width)
    case .shorterSide(var short, let limit):
      let ratio = (long: max(height, width), short: min(height, width))
      var long = Int(Double(short * ratio.long) / Double(ratio.short))
      if let limit, long > limit {
        short = Int(Double(limit * short) / Double(long))
        long = limit
      }
      return width <= height ? (long, max(short, 1)) : (max(short, 1), long)
    }
  }

  public var description: String {
    switch size {
    case .exact(let height, let width): "Resize(\(height), \(width), \(interpolation))"
    case .shorterSide(let side, let limit):
      "Resize(\(side)\(limit.map { ", maxSize: \($0)" } ?? ""), \(interpolation))"
    }
  }
}
