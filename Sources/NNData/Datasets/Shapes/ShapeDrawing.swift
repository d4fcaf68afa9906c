/// Draws one image of a shape. Colours, position, size, rotation, texture, clutter and noise are random.
///
/// As in `ShapeOutline`, only arithmetic that is the same everywhere.
struct ShapeDrawing {
  /// Width and height in pixels.
  static let size = 32
  private var random: ShapeRandom
  private let pixels: UnsafeMutableBufferPointer<UInt8>
  private var canvas = [Float](repeating: 0, count: size * size * 3)

  /// The image is a function of class and seed alone.
  static func draw(_ outline: ShapeOutline, seed: UInt64, into pixels: UnsafeMutableBufferPointer<UInt8>) {
    var drawing = ShapeDrawing(random: ShapeRandom(seed: seed), pixels: pixels)
    let background = drawing.color()
    drawing.fillBackground(background)
    drawing.addClutter()
    drawing.addShape(outline, differingFrom: background)
    drawing.finish()
  }

  private init(random: ShapeRandom, pixels: UnsafeMutableBufferPointer<UInt8>) {
    self.random = random
    self.pixels = pixels
  }

  private mutating func color() -> SIMD4<Float> {
    SIMD4(random.value(20, 235), random.value(20, 235), random.value(20, 235), 0)
  }

  /// Two colours that run into each other, with soft clouds over them.
  private mutating func fillBackground(_ first: SIMD4<Float>) {
    let size = ShapeDrawing.size
    let second = first + (color() - first) * random.value(0, 0.5)
    let (dx, dy) = random.direction()
    let strength = random.value(0, 35)
    // Clouds: random values at 6 x 6 points, bilinear in between.
    let clouds = (0..<36).map { _ in
      SIMD4(random.value(-1, 1), random.value(-1, 1), random.value(-1, 1), 0) * strength
    }
    let step = 5 / Float(size - 1)
    for y in 0..<size {
      let v = Float(y) * step
      let row = min(Int(v), 4)
      let fy = v - Float(row)
      for x in 0..<size {
        let u = Float(x) * step
        let column = min(Int(u), 4)
        let fx = u - Float(column)
        let along = 0.5 + ((Float(x) - 15.5) * dx + (Float(y) - 15.5) * dy) / 44
        let top = clouds[row * 6 + column] * (1 - fx) + clouds[row * 6 + column + 1] * fx
        let bottom = clouds[row * 6 + column + 6] * (1 - fx) + clouds[row * 6 + column + 7] * fx
        let value = first + (second - first) * along + top * (1 - fy) + bottom * fy
        for channel in 0..<3 { canvas[(y * size + x) * 3 + channel] = value[channel] }
      }
    }
  }

  /// Thin lines and specks that belong to no shape.
  private mutating func addClutter() {
    for _ in 0..<random.integer(0, 4) {
      let (x, y) = (random.value(0, 32), random.value(0, 32))
      let (dx, dy) = random.direction()
      let half = random.value(0.3, 6)
      let line = ShapeOutline().stroke(
        [-dx * half, -dy * half, dx * half, dy * half], random.value(0.4, 0.9))
      paint(line, x: x, y: y, xx: 1, xy: 0, yx: 0, yy: 1, sharpness: 1, reach: half + 2, Texture(color()))
    }
  }

  private mutating func addShape(_ outline: ShapeOutline, differingFrom background: SIMD4<Float>) {
    // Far enough from the background to be seen.
    var main = color()
    while distance(main, background) < 110 { main = color() }
    var texture = Texture(main)
    texture.kind = random.integer(0, 4)
    texture.other = main + (color() - main) * random.value(0.15, 0.4)
    if distance(texture.other, background) < 80 { texture.other = main }
    (texture.dx, texture.dy) = random.direction()
    texture.period = random.value(2.5, 6)
    texture.phase = random.value(0, 6)

    let radius = random.value(8, 13)
    let stretch = random.value(0.85, 1.18)
    let shear = random.value(-0.15, 0.15)
    // Up to 40 degrees to either side.
    let slope = random.value(-0.84, 0.84)
    let c = 1 / (1 + slope * slope).squareRoot()
    let s = slope * c
    let mirror: Float = random.unit() < 0.5 ? 1 : -1
    let room = min(5, 17 - radius)
    let (x, y) = (16 + random.value(-room, room), 16 + random.value(-room, room))
    // From pixels to the shape's own coordinates: rotate, shear and stretch.
    let (a, b) = (stretch / radius, 1 / (stretch * radius))
    paint(
      outline, x: x, y: y, xx: (c + shear * -s) * a * mirror, xy: (s + shear * c) * a * mirror, yx: -s * b,
      yy: c * b,
      sharpness: radius, reach: radius * 1.5, texture)
  }

  private func distance(_ a: SIMD4<Float>, _ b: SIMD4<Float>) -> Float {
    let d = a - b
    return (d.x * d.x + d.y * d.y + d.z * d.z).squareRoot()
  }

  private struct Texture {
    /// 0 plain, 1 stripes, 2 checks, 3 a gradient, 4 plain again: shapes without pattern are the more frequent.
    var kind = 0
    var color: SIMD4<Float>
    var other: SIMD4<Float>
    var dx: Float = 1
    var dy: Float = 0
    var period: Float = 4
    var phase: Float = 0

    init(_ color: SIMD4<Float>) {
      self.color = color
      other = color
    }

    func value(_ x: Float, _ y: Float) -> SIMD4<Float> {
      func half(_ position: Float) -> Bool {
        let turns = (position + phase) / period
        return turns - turns.rounded(.down) < 0.5
      }
      switch kind {
      case 1: return half(x * dx + y * dy) ? color : other
      case 2: return half(x * dx + y * dy) != half(y * dx - x * dy) ? color : other
      case 3:
        let along = max(0, min(1, 0.5 + ((x - 16) * dx + (y - 16) * dy) / 24))
        return color + (other - color) * along
      default: return color
      }
    }
  }

  /// Paints what lies inside the outline; the edge is one pixel wide. The outline's coordinates are
  /// (xx, xy; yx, yy) * (pixel - (x, y)), and `sharpness` pixels are one of its units.
  private mutating func paint(
    _ outline: ShapeOutline, x: Float, y: Float, xx: Float, xy: Float, yx: Float, yy: Float, sharpness: Float,
    reach: Float, _ texture: Texture
  ) {
    let size = ShapeDrawing.size
    let columns = max(0, Int(x - reach))..<min(size, Int(x + reach) + 1)
    let rows = max(0, Int(y - reach))..<min(size, Int(y + reach) + 1)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: size) { buffer in
      let distances = UnsafeMutableBufferPointer(rebasing: buffer[columns])
      for row in rows {
        let (px, py) = (Float(columns.lowerBound) + 0.5 - x, Float(row) + 0.5 - y)
        outline.distances(
          x: xx * px + xy * py, y: yx * px + yy * py, stepX: xx, stepY: yx, into: distances)
        for column in columns {
          let cover = max(0, min(1, 0.5 - buffer[column] * sharpness))
          if cover == 0 { continue }
          let value = texture.value(Float(column), Float(row))
          let start = (row * size + column) * 3
          for channel in 0..<3 {
            canvas[start + channel] += (value[channel] - canvas[start + channel]) * cover
          }
        }
      }
    }
  }

  /// Brightness, contrast and noise of a camera.
  private mutating func finish() {
    let contrast = random.value(0.7, 1.1)
    let brightness = random.value(-20, 20) + 128 * (1 - contrast)
    let noise = random.value(2, 12)
    for i in 0..<pixels.count {
      // The sum of four uniform numbers is close to normal; its deviation is 1/sqrt(3).
      let bits = random.next()
      var sum: Float = -2
      for k in 0..<4 { sum += Float(bits >> (16 * UInt64(k)) & 0xffff) / 65536 }
      let value = canvas[i] * contrast + brightness + sum * 1.732 * noise
      pixels[i] = UInt8(max(0, min(255, value.rounded())))
    }
  }
}

/// splitmix64.
struct ShapeRandom {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Uniform in [0, 1).
  mutating func unit() -> Float { Float(next() >> 40) / 16_777_216 }
  mutating func value(_ low: Float, _ high: Float) -> Float { low + (high - low) * unit() }
  /// Uniform in low...high.
  mutating func integer(_ low: Int, _ high: Int) -> Int { low + Int(next() % UInt64(high - low + 1)) }

  /// A vector of length 1, without sines.
  mutating func direction() -> (Float, Float) {
    while true {
      let (x, y) = (value(-1, 1), value(-1, 1))
      let square = x * x + y * y
      if square > 0.01 && square <= 1 {
        let length = square.squareRoot()
        return (x / length, y / length)
      }
    }
  }
}
