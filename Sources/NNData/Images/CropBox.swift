import NNCore

/// A rectangle of an image, in pixels from the upper left corner.
public struct CropBox: Sendable, Hashable {
  public var top: Int
  public var left: Int
  public var height: Int
  public var width: Int

  /// The middle of an image at least as large, `round((H - h) / 2)` with halves to the even number.
  static func centered(height: Int, width: Int, in size: (height: Int, width: Int)) -> CropBox {
    func half(_ difference: Int) -> Int { Int((Double(difference) / 2).rounded(.toNearestOrEven)) }
    return CropBox(
      top: half(size.height - height), left: half(size.width - width), height: height, width: width)
  }
}

extension Image {
  func cropped(to box: CropBox) -> Image {
    cropped(top: box.top, left: box.left, height: box.height, width: box.width)
  }
}
