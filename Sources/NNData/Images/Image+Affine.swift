import Foundation
import NNCore

/// A map from places of a new image to places of an old one, in pixels from the upper left corner.
protocol PlaceMap {
  func callAsFunction(_ x: Double, _ y: Double) -> (x: Double, y: Double)
}

/// `(a x + b y + c, d x + e y + f)`.
struct AffineMap: PlaceMap {
  var a, b, c, d, e, f: Double

  func callAsFunction(_ x: Double, _ y: Double) -> (x: Double, y: Double) {
    (a * x + b * y + c, d * x + e * y + f)
  }
}

extension Image {
  /// The image turned counter-clockwise, `torchvision.transforms.functional.rotate`.
  ///
  /// - Parameters:
  ///   - angle: In degrees.
  ///   - interpolation: `nearest`, `bilinear` or `bicubic`.
  ///   - expand: Makes the image large enough to hold all of the turned one; for a turn about the middle.
  ///   - center: What it turns about, in pixels from the upper left corner; the middle if nil.
  ///   - fill: Colour of what lies outside, a value per channel or one for all.
  public func rotated(
    by angle: Double, interpolation: InterpolationMode = .nearest, expand: Bool = false,
    center: (x: Double, y: Double)? = nil, fill: [UInt8] = [0]
  ) -> Image {
    require(angle.isFinite, "rotate", "the angle must be finite, got \(angle)")
    var angle = angle.truncatingRemainder(dividingBy: 360)
    if angle < 0 { angle += 360 }
    if center == nil {
      // Exact whatever the interpolation, as in Pillow.
      if angle == 0 { return self }
      if angle == 180 { return flippedHorizontally().flippedVertically() }
      if angle == 90 || angle == 270, expand || width == height {
        return quarterTurn(clockwise: angle == 270)
      }
    }
    let middle = center ?? (Double(width) / 2, Double(height) / 2)
    let radians = -(angle * Image.degree)
    func rounded(_ x: Double) -> Double { Double(String(format: "%.15f", x)) ?? x }
    var map = AffineMap(
      a: rounded(cos(radians)), b: rounded(sin(radians)), c: 0, d: rounded(-sin(radians)),
      e: rounded(cos(radians)), f: 0)
    (map.c, map.f) = map(-middle.x, -middle.y)
    map.c += middle.x
    map.f += middle.y
    var size = (width: width, height: height)
    if expand {
      let corners = [(0, 0), (width, 0), (width, height), (0, height)].map { map(Double($0), Double($1)) }
      func extent(_ values: [Double]) -> Int {
        Int((values.max() ?? 0).rounded(.up)) - Int((values.min() ?? 0).rounded(.down))
      }
      size = (extent(corners.map(\.x)), extent(corners.map(\.y)))
      (map.c, map.f) = map(-Double(size.width - width) / 2, -Double(size.height - height) / 2)
    }
    return mapped(by: map, width: size.width, height: size.height, interpolation, fill)
  }

  /// The image turned, moved, scaled and sheared about its middle, `torchvision.transforms.functional.affine`.
  ///
  /// - Parameters:
  ///   - angle: In degrees, clockwise.
  ///   - translate: Shift to the right and down in pixels, after the turn.
  ///   - scale: Factor of size, above 0.
  ///   - shear: Along the x and the y axis, in degrees, clockwise.
  ///   - interpolation: `nearest`, `bilinear` or `bicubic`.
  ///   - fill: Colour of what lies outside, a value per channel or one for all.
  ///   - center: The point that stays where it is (before the shift); the middle if nil.
  public func affine(
    angle: Double = 0, translate: (x: Double, y: Double) = (0, 0), scale: Double = 1,
    shear: (x: Double, y: Double) = (0, 0), interpolation: InterpolationMode = .nearest, fill: [UInt8] = [0],
    center: (x: Double, y: Double)? = nil
  ) -> Image {
    require(scale > 0, "affine", "the scale must be positive, got \(scale)")
    let (cx, cy) = center ?? (Double(width) * 0.5, Double(height) * 0.5)
    let (turn, sx, sy) = (angle * Image.degree, shear.x * Image.degree, shear.y * Image.degree)
    let a = cos(turn - sy) / cos(sy)
    let b = -cos(turn - sy) * tan(sx) / cos(sy) - sin(turn)
    let c = sin(turn - sy) / cos(sy)
    let d = -sin(turn - sy) * tan(sx) / cos(sy) + cos(turn)
    // The inverse: turning and shearing have the determinant 1.
    var map = AffineMap(a: d / scale, b: -b / scale, c: 0, d: -c / scale, e: a / scale, f: 0)
    map.c += map.a * (-cx - translate.x) + map.b * (-cy - translate.y)
    map.f += map.d * (-cx - translate.x) + map.e * (-cy - translate.y)
    map.c += cx
    map.f += cy
    return mapped(by: map, width: width, height: height, interpolation, fill)
  }

  /// In radians; Python, too, multiplies with the rounded quotient.
  private static let degree = Double.pi / 180

  private func quarterTurn(clockwise: Bool) -> Image {
    pixels.withUnsafeBufferPointer { source in
      Image(width: height, height: width, channels: channels) { output in
        for y in 0..<width {
          for x in 0..<height {
            let from = (clockwise ? (height - 1 - x) * width + y : x * width + width - 1 - y) * channels
            for channel in 0..<channels {
              output[(y * height + x) * channels + channel] = source[from + channel]
            }
          }
        }
      }
    }
  }

  /// Pillow's `Image.transform` with `AFFINE` and `PERSPECTIVE`.
  func mapped(
    by map: some PlaceMap, width: Int, height: Int, _ mode: InterpolationMode, _ fill: [UInt8]
  ) -> Image {
    var image = Image(width: width, height: height, channels: channels, color: fill)
    switch mode {
    case .nearest:
      image.withMutablePixels { output in
        pixels.withUnsafeBufferPointer { source in
          let target = AffineTarget(source: source, from: self, output: output, width: width, height: height)
          if let map = map as? AffineMap { target.copyNearest(map) } else { target.copyEach(map) }
        }
      }
    case .bilinear, .bicubic:
      let source = channels == 4 ? premultiplied() : self
      if channels == 4 { image = image.premultiplied() }
      image.withMutablePixels { output in
        source.pixels.withUnsafeBufferPointer { pixels in
          let target = AffineTarget(source: pixels, from: self, output: output, width: width, height: height)
          if mode == .bilinear { target.interpolateBilinear(map) } else { target.interpolateBicubic(map) }
        }
      }
      if channels == 4 { image = image.unpremultiplied() }
    case .lanczos, .box, .hamming:
      fail("affine, perspective", "expected nearest, bilinear or bicubic interpolation, got \(mode)")
    }
    return image
  }
}

/// Writes the pixels of one image that come from another one.
private struct AffineTarget {
  let source: UnsafeBufferPointer<UInt8>
  let from: (width: Int, height: Int)
  let channels: Int
  let output: UnsafeMutableBufferPointer<UInt8>
  let width: Int
  let height: Int

  init(
    source: UnsafeBufferPointer<UInt8>, from image: Image, output: UnsafeMutableBufferPointer<UInt8>,
    width: Int, height: Int
  ) {
    self.source = source
    from = (image.width, image.height)
    channels = image.channels
    self.output = output
    self.width = width
    self.height = height
  }

  @inline(__always)
  private func copy(_ column: Int, _ row: Int, _ x: Int, _ y: Int) {
    let (start, target) = ((row * from.width + column) * channels, (y * width + x) * channels)
    for channel in 0..<channels { output[target + channel] = source[start + channel] }
  }

  /// Pillow computes positions in three ways, and they differ in places: step by step in double for a map that
  /// only scales, in 16.16 fixed point for others, and in double where that would overflow.
  func copyNearest(_ map: AffineMap) {
    if map.b == 0 && map.d == 0 {
      let columns = steps(from: map.c + map.a * 0.5, by: map.a, count: width, limit: from.width)
      let rows = steps(from: map.f + map.e * 0.5, by: map.e, count: height, limit: from.height)
      for (y, row) in rows.enumerated() where row >= 0 {
        for (x, column) in columns.enumerated() where column >= 0 { copy(column, row, x, y) }
      }
      return
    }
    let corners = [(0, 0), (width, height), (0, height), (width, 0)].map { map(Double($0), Double($1)) }
    if corners.allSatisfy({ abs($0.x) < 32768 && abs($0.y) < 32768 }) {
      func fixed(_ value: Double) -> Int { Int((value * 65536 + 0.5).rounded(.down)) }
      let (a, b, d, e) = (fixed(map.a), fixed(map.b), fixed(map.d), fixed(map.e))
      var lineX = fixed(map.c + map.a * 0.5 + map.b * 0.5)
      var lineY = fixed(map.f + map.d * 0.5 + map.e * 0.5)
      for y in 0..<height {
        var (px, py) = (lineX, lineY)
        for x in 0..<width {
          let (column, row) = (px >> 16, py >> 16)
          if column >= 0 && column < from.width && row >= 0 && row < from.height { copy(column, row, x, y) }
          px += a
          py += d
        }
        lineX += b
        lineY += e
      }
    } else {
      copyEach(map)
    }
  }

  func copyEach(_ map: some PlaceMap) {
    eachPosition(map) { x, y, px, py in copy(Int(px), Int(py), x, y) }
  }

  private func steps(from start: Double, by step: Double, count: Int, limit: Int) -> [Int] {
    var position = start
    return (0..<count).map { _ in
      defer { position += step }
      return position >= 0 && position < Double(limit) ? Int(position) : -1
    }
  }

  /// Calls `body` for the pixels whose centre lies inside the source.
  @inline(__always)
  private func eachPosition(
    _ map: some PlaceMap, _ body: (_ x: Int, _ y: Int, _ px: Double, _ py: Double) -> Void
  ) {
    for y in 0..<height {
      for x in 0..<width {
        let (px, py) = map(Double(x) + 0.5, Double(y) + 0.5)
        if px >= 0 && px < Double(from.width) && py >= 0 && py < Double(from.height) { body(x, y, px, py) }
      }
    }
  }

  func interpolateBilinear(_ map: some PlaceMap) {
    eachPosition(map) { x, y, px, py in
      let (left, top) = ((px - 0.5).rounded(.down), (py - 0.5).rounded(.down))
      let (dx, dy) = (px - 0.5 - left, py - 0.5 - top)
      let columns = (clip(Int(left), from.width), clip(Int(left) + 1, from.width))
      let rows = (clip(Int(top), from.height) * from.width, clip(Int(top) + 1, from.height) * from.width)
      for channel in 0..<channels {
        func value(_ row: Int, _ column: Int) -> Double {
          Double(source[(row + column) * channels + channel])
        }
        func line(_ row: Int) -> Double {
          let first = value(row, columns.0)
          return first + (value(row, columns.1) - first) * dx
        }
        let upper = line(rows.0)
        output[(y * width + x) * channels + channel] = UInt8(upper + (line(rows.1) - upper) * dy)
      }
    }
  }

  func interpolateBicubic(_ map: some PlaceMap) {
    // Keys' kernel with a = -1.
    func cubic(_ v1: Double, _ v2: Double, _ v3: Double, _ v4: Double, _ d: Double) -> Double {
      let p2 = -v1 + v3
      let p3 = 2 * (v1 - v2) + v3 - v4
      let p4 = -v1 + v2 - v3 + v4
      return v2 + d * (p2 + d * (p3 + d * p4))
    }
    eachPosition(map) { x, y, px, py in
      let (left, top) = ((px - 0.5).rounded(.down), (py - 0.5).rounded(.down))
      let (dx, dy) = (px - 0.5 - left, py - 0.5 - top)
      let (column, row) = (Int(left) - 1, Int(top) - 1)
      for channel in 0..<channels {
        func line(_ step: Int) -> Double {
          let start = clip(row + step, from.height) * from.width
          func value(_ step: Int) -> Double {
            Double(source[(start + clip(column + step, from.width)) * channels + channel])
          }
          return cubic(value(0), value(1), value(2), value(3), dx)
        }
        let value = cubic(line(0), line(1), line(2), line(3), dy)
        output[(y * width + x) * channels + channel] = UInt8(min(max(value, 0), 255))
      }
    }
  }

  private func clip(_ place: Int, _ count: Int) -> Int { min(max(place, 0), count - 1) }
}
