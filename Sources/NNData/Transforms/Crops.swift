import NNCore

/// The middle of an image, `torchvision.transforms.CenterCrop`; an image that is smaller gets a black border.
public struct CenterCrop: DeterministicTransform, DeterministicImageStage, Hashable {
  private let height: Int
  private let width: Int

  /// A square.
  public init(_ side: Int) { self.init(side, side) }

  public init(_ height: Int, _ width: Int) {
    require(height > 0 && width > 0, "CenterCrop", "sizes must be positive, got \(height), \(width)")
    self.height = height
    self.width = width
  }

  func noted(on view: ImageView) -> ImageView {
    if height > view.height || width > view.width {
      return ImageView(view.rendered().centerCropped(height: height, width: width))
    }
    return view.cropped(
      to: .centered(height: height, width: width, in: (height: view.height, width: view.width)))
  }
  public var description: String { "CenterCrop(\(height), \(width))" }
}

/// The four corners and the middle, `torchvision.transforms.FiveCrop`: upper left, upper right, lower left, lower
/// right, centre.
public struct FiveCrop: DeterministicTransform, Hashable {
  private let height: Int
  private let width: Int

  /// Squares.
  public init(_ side: Int) { self.init(side, side) }

  public init(_ height: Int, _ width: Int) {
    require(height > 0 && width > 0, "FiveCrop", "sizes must be positive, got \(height), \(width)")
    self.height = height
    self.width = width
  }

  public func callAsFunction(_ image: Image) -> [Image] {
    guard
      fits(
        height <= image.height && width <= image.width, "FiveCrop", .tooSmall,
        "crop \(width)x\(height) is larger than the image, \(image.width)x\(image.height)")
    else { return Array(repeating: image, count: 5) }
    let (bottom, right) = (image.height - height, image.width - width)
    let corners = [(0, 0), (0, right), (bottom, 0), (bottom, right)].map { top, left in
      image.cropped(top: top, left: left, height: height, width: width)
    }
    return corners + [image.centerCropped(height: height, width: width)]
  }
  public var description: String { "FiveCrop(\(height), \(width))" }
}

/// The five crops of an image and of its mirror image, `torchvision.transforms.TenCrop`.
public struct TenCrop: DeterministicTransform, Hashable {
  private let crops: FiveCrop
  private let vertical: Bool

  /// Squares. `verticalFlip` mirrors top and bottom instead of left and right.
  public init(_ side: Int, verticalFlip: Bool = false) { self.init(side, side, verticalFlip: verticalFlip) }

  public init(_ height: Int, _ width: Int, verticalFlip: Bool = false) {
    crops = FiveCrop(height, width)
    vertical = verticalFlip
  }

  public func callAsFunction(_ image: Image) -> [Image] {
    crops(image) + crops(vertical ? image.flippedVertically() : image.flippedHorizontally())
  }
  public var description: String { "TenCrop(\(crops), verticalFlip: \(vertical))" }
}

/// A border around the image, `torchvision.transforms.Pad`.
public struct Pad: DeterministicTransform, Hashable {
  private let widths: [Int]
  private let mode: Image.PaddingMode

  /// The same width on all sides.
  public init(_ width: Int, mode: Image.PaddingMode = .constant([0])) {
    self.init(left: width, top: width, right: width, bottom: width, mode: mode)
  }

  public init(left: Int, top: Int, right: Int, bottom: Int, mode: Image.PaddingMode = .constant([0])) {
    widths = [left, top, right, bottom]
    require(widths.allSatisfy { $0 >= 0 }, "Pad", "widths must not be negative, got \(widths)")
    self.mode = mode
  }

  public func callAsFunction(_ image: Image) -> Image {
    image.padded(left: widths[0], top: widths[1], right: widths[2], bottom: widths[3], mode: mode)
  }
  public var description: String { "Pad(\(widths), \(mode))" }
}

/// Brightness only, `torchvision.transforms.Grayscale`.
public struct Grayscale: DeterministicTransform, Hashable {
  private let channels: Int

  /// With 1 output channel, or 3 equal ones.
  public init(channels: Int = 1) {
    require(channels == 1 || channels == 3, "Grayscale", "expected 1 or 3 output channels, got \(channels)")
    self.channels = channels
  }

  public func callAsFunction(_ image: Image) -> Image { image.grayscale(channels: channels) }
  public var description: String { "Grayscale(channels: \(channels))" }
}
