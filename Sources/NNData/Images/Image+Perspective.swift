import NNCore

/// `((a x + b y + c) / (g x + h y + 1), (d x + e y + f) / (g x + h y + 1))`.
struct PerspectiveMap: PlaceMap {
  /// a to h.
  var coefficients: [Double]

  /// The map that brings four points to four others, with torchvision's coefficients, which are rounded to float32.
  ///
  /// - Parameters:
  ///   - points: corners in the new image, in pixels.
  ///   - sources: where they are in the old one.
  /// - Returns: nil if three of the points lie on a line.
  init?(taking points: [(x: Double, y: Double)], to sources: [(x: Double, y: Double)]) {
    var rows: [[Double]] = []
    for (point, source) in zip(points, sources) {
      rows.append([point.x, point.y, 1, 0, 0, 0, -source.x * point.x, -source.x * point.y, source.x])
      rows.append([0, 0, 0, point.x, point.y, 1, -source.y * point.x, -source.y * point.y, source.y])
    }
    // Gauss's elimination, with the largest pivot of each column.
    for column in 0..<8 {
      guard let pivot = (column..<8).max(by: { abs(rows[$0][column]) < abs(rows[$1][column]) }),
        abs(rows[pivot][column]) > 1e-12
      else { return nil }
      rows.swapAt(column, pivot)
      for row in 0..<8 where row != column {
        let factor = rows[row][column] / rows[column][column]
        if factor == 0 { continue }
        for place in column..<9 { rows[row][place] -= factor * rows[column][place] }
      }
    }
    coefficients = (0..<8).map { Double(Float(rows[$0][8] / rows[$0][$0])) }
  }

  func callAsFunction(_ x: Double, _ y: Double) -> (x: Double, y: Double) {
    let c = coefficients
    let depth = c[6] * x + c[7] * y + 1
    return ((c[0] * x + c[1] * y + c[2]) / depth, (c[3] * x + c[4] * y + c[5]) / depth)
  }
}

extension Image {
  /// The image seen from another side, `torchvision.transforms.functional.perspective`.
  ///
  /// - Parameters:
  ///   - corners: where the corners of the image come to, in pixels: upper left, upper right, lower right, lower left. No
  ///     three on a line.
  ///   - interpolation: `nearest`, `bilinear` or `bicubic`.
  ///   - fill: colour of what lies outside, a value per channel or one for all.
  public func perspective(
    corners: [(x: Int, y: Int)], interpolation: InterpolationMode = .bilinear, fill: [UInt8] = [0]
  ) -> Image {
    require(corners.count == 4, "perspective", "expected 4 corners, got \(corners.count)")
    let own = [(0, 0), (width - 1, 0), (width - 1, height - 1), (0, height - 1)]
    let map = PerspectiveMap(
      taking: corners.map { (Double($0.x), Double($0.y)) }, to: own.map { (Double($0.0), Double($0.1)) })
    // An image of one row or column has no sides to be seen from.
    guard let map else {
      require(width < 2 || height < 2, "perspective", "three of the corners lie on a line: \(corners)")
      return self
    }
    return mapped(by: map, width: width, height: height, interpolation, fill)
  }

  /// Channels in another order: `permute_channels`. Opacity stays.
  func permutingChannels(_ order: [Int]) -> Image {
    var image = self
    image.withMutablePixels { output in
      for start in stride(from: 0, to: output.count, by: channels) {
        for (channel, source) in order.enumerated() { output[start + channel] = pixels[start + source] }
      }
    }
    return image
  }
}
