/// A flat shape put together from simple parts, as a signed distance: negative inside. Shapes fill about the unit
/// circle; y points up.
///
/// Only +, -, *, / and square roots are used, which IEEE 754 rounds the same way everywhere.
struct ShapeOutline: Sendable {
  private enum Form {
    /// Centre x, y and half axes a, b.
    case ellipse
    /// Ends ax, ay, bx, by and radius.
    case stroke
    /// Corners x, y, one after the other.
    case polygon
    /// Petals and mean radius, depth of the waves.
    case flower
  }
  private enum Role { case add, cut, keep }
  private struct Part {
    var form: Form
    var role: Role
    var numbers: Range<Int>
  }

  private var parts: [Part] = []
  private var numbers: [Float] = []
  private var role = Role.add

  private func appending(_ form: Form, _ values: [Float]) -> ShapeOutline {
    var result = self
    result.parts.append(
      Part(form: form, role: role, numbers: numbers.count..<numbers.count + values.count))
    result.numbers += values
    result.role = .add
    return result
  }

  /// What is taken away is the part that follows.
  var minus: ShapeOutline {
    var result = self
    result.role = .cut
    return result
  }
  /// What is outside the part that follows is taken away.
  var and: ShapeOutline {
    var result = self
    result.role = .keep
    return result
  }

  func ellipse(_ x: Float, _ y: Float, _ a: Float, _ b: Float) -> ShapeOutline {
    appending(.ellipse, [x, y, a, b])
  }
  func disk(_ x: Float, _ y: Float, _ radius: Float) -> ShapeOutline { ellipse(x, y, radius, radius) }
  func rectangle(_ left: Float, _ bottom: Float, _ right: Float, _ top: Float) -> ShapeOutline {
    polygon([left, bottom, right, bottom, right, top, left, top])
  }
  func polygon(_ corners: [Float]) -> ShapeOutline { appending(.polygon, corners) }
  /// A line with round ends through the points.
  func stroke(_ points: [Float], _ radius: Float) -> ShapeOutline {
    var result = self
    for i in stride(from: 0, to: points.count - 2, by: 2) {
      result = result.appending(.stroke, Array(points[i..<i + 4]) + [radius])
    }
    return result
  }
  func flower(_ petals: Int, _ radius: Float, _ depth: Float) -> ShapeOutline {
    appending(.flower, [Float(petals), radius, depth])
  }

  /// Distances of many points from the outline, the first point and the step from one to the next given.
  func distances(
    x: Float, y: Float, stepX: Float, stepY: Float, into result: UnsafeMutableBufferPointer<Float>
  ) {
    numbers.withUnsafeBufferPointer { numbers in
      for (index, part) in parts.enumerated() {
        let values = UnsafeBufferPointer(rebasing: numbers[part.numbers])
        for i in 0..<result.count {
          let (px, py) = (x + Float(i) * stepX, y + Float(i) * stepY)
          let d: Float
          switch part.form {
          case .ellipse: d = ShapeOutline.ellipse(px, py, values)
          case .stroke: d = ShapeOutline.stroke(px, py, values)
          case .polygon: d = ShapeOutline.polygon(px, py, values)
          case .flower: d = ShapeOutline.flower(px, py, values)
          }
          switch part.role {
          case .add: result[i] = index == 0 ? d : min(result[i], d)
          case .cut: result[i] = max(result[i], -d)
          case .keep: result[i] = max(result[i], d)
          }
        }
      }
    }
  }

  /// Exact for a circle; for an ellipse close enough near its edge.
  private static func ellipse(_ x: Float, _ y: Float, _ v: UnsafeBufferPointer<Float>) -> Float {
    let (u, w) = ((x - v[0]) / v[2], (y - v[1]) / v[3])
    return ((u * u + w * w).squareRoot() - 1) * min(v[2], v[3])
  }

  private static func stroke(_ x: Float, _ y: Float, _ v: UnsafeBufferPointer<Float>) -> Float {
    squaredDistance(x, y, v[0], v[1], v[2], v[3]).squareRoot() - v[4]
  }

  private static func squaredDistance(
    _ x: Float, _ y: Float, _ ax: Float, _ ay: Float, _ bx: Float, _ by: Float
  ) -> Float {
    let (ex, ey, px, py) = (bx - ax, by - ay, x - ax, y - ay)
    let along = max(0, min(1, (px * ex + py * ey) / (ex * ex + ey * ey)))
    let (dx, dy) = (px - along * ex, py - along * ey)
    return dx * dx + dy * dy
  }

  private static func polygon(_ x: Float, _ y: Float, _ v: UnsafeBufferPointer<Float>) -> Float {
    var nearest = Float.infinity
    var inside = false
    var (ax, ay) = (v[v.count - 2], v[v.count - 1])
    for i in stride(from: 0, to: v.count, by: 2) {
      let (bx, by) = (v[i], v[i + 1])
      nearest = min(nearest, squaredDistance(x, y, ax, ay, bx, by))
      if (ay > y) != (by > y), x < (bx - ax) * (y - ay) / (by - ay) + ax { inside.toggle() }
      (ax, ay) = (bx, by)
    }
    return inside ? -nearest.squareRoot() : nearest.squareRoot()
  }

  /// r = radius + depth * cos(petals * angle); the cosine is the real part of a power of a unit number.
  private static func flower(_ x: Float, _ y: Float, _ v: UnsafeBufferPointer<Float>) -> Float {
    let r = (x * x + y * y).squareRoot()
    if r < 1e-6 { return -v[1] }
    let (c, s) = (x / r, y / r)
    var (re, im): (Float, Float) = (1, 0)
    for _ in 0..<Int(v[0]) { (re, im) = (re * c - im * s, re * s + im * c) }
    // The edge is steep where the petals meet, so the distance is less than the difference of radii.
    return (r - v[1] - v[2] * re) * 0.6
  }
}
