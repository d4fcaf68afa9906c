import NNCore

extension Image {
  /// Images of one size side by side, row by row, as `torchvision.utils.make_grid`.
  ///
  /// - Parameters:
  ///   - images: At least one, all of the same size and number of channels.
  ///   - columns: Images per row.
  ///   - spacing: Pixels around each image, in `color`.
  ///   - scale: Pixels of each image are repeated so many times in both directions.
  public static func grid(
    _ images: [Image], columns: Int = 8, spacing: Int = 2, scale: Int = 1, color: [UInt8] = [0]
  ) -> Image {
    guard let first = images.first else { fail("Image.grid", "needs at least one image") }
    require(
      columns >= 1 && spacing >= 0 && scale >= 1, "Image.grid",
      "columns and scale must be at least 1, spacing at least 0, got \(columns), \(scale), \(spacing)")
    let (height, width) = (first.height * scale, first.width * scale)
    let columns = min(columns, images.count)
    let rows = (images.count + columns - 1) / columns
    var grid = Image(
      width: columns * (width + spacing) + spacing, height: rows * (height + spacing) + spacing,
      channels: first.channels, color: color)
    for (place, image) in images.enumerated() {
      require(
        image.width == first.width && image.height == first.height && image.channels == first.channels,
        "Image.grid", "\(image) does not fit beside \(first)")
      grid.paste(
        image.resized(height: height, width: width, interpolation: .nearest),
        top: spacing + place / columns * (height + spacing),
        left: spacing + place % columns * (width + spacing))
    }
    return grid
  }

  /// Puts another image of as many channels over this one, inside it.
  mutating func paste(_ image: Image, top: Int, left: Int) {
    let (row, stride, corner) = (image.width * channels, width * channels, left * channels)
    withMutablePixels { pixels in
      for y in 0..<image.height {
        let start = (top + y) * stride + corner
        for i in 0..<row { pixels[start + i] = image.pixels[y * row + i] }
      }
    }
  }
}
