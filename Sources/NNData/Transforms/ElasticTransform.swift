import NNCore

/// Every pixel moved a little, neighbours alike, as if seen through water: `torchvision.transforms.v2.ElasticTransform`.
///
/// Simard, Steinkraus and Platt, Best Practices for Convolutional Neural Networks Applied to Visual Document Analysis, 2003.
public struct ElasticTransform: Transform, Hashable {
  private let alpha: [Double]
  private let sigma: [Double]
  private let isBilinear: Bool
  private let fill: [UInt8]

  /// - Parameters:
  ///   - alpha: how far pixels move.
  ///   - sigma: how alike neighbours move, in pixels; images must be larger than 4 of these along each side.
  ///   - interpolation: `nearest` or `bilinear`.
  ///   - fill: colour of what comes from outside the image.
  public init(
    alpha: Double = 50, sigma: Double = 5, interpolation: InterpolationMode = .bilinear, fill: [UInt8] = [0]
  ) {
    require(
      alpha.isFinite && sigma >= 0 && sigma.isFinite, "ElasticTransform",
      "expected numbers, the smoothness not negative, got \(alpha), \(sigma)")
    require(
      interpolation == .nearest || interpolation == .bilinear, "ElasticTransform",
      "expected nearest or bilinear interpolation, got \(interpolation)")
    self.alpha = [alpha, alpha]
    self.sigma = [sigma, sigma]
    isBilinear = interpolation == .bilinear
    self.fill = fill
  }

  public func callAsFunction(_ image: Image, context: SampleContext) -> Image {
    let (height, width) = (image.height, image.width)
    // The kernel has 4 standard deviations on each side, and is mirrored at the edges.
    let reach = Int(8 * sigma[0] + 1) / 2
    guard
      fits(
        min(height, width) > reach, "ElasticTransform", .tooSmall,
        "image \(width)x\(height) is not larger than \(reach) pixels along each side, 4 times the smoothness")
    else { return image }
    func shifts(_ axis: Int) -> [Float] {
      var noise = Tensor.rand([1, 1, height, width], generator: context.generator) * 2 - 1
      if sigma[axis] > 0 {
        let size = Int(8 * sigma[axis] + 1) | 1
        noise = noise.gaussianBlurred(kernelSize: (size, size), sigma: (sigma[1], sigma[0]))
      }
      // The first axis is divided by the height, as in torchvision, though it moves pixels along the width.
      return (noise * alpha[axis] / Double(axis == 0 ? height : width)).array(of: Float.self)
    }
    let (dx, dy) = (shifts(0), shifts(1))
    func line(_ count: Int) -> [Float] {
      let end = Double(count - 1) / Double(count)
      return Tensor.linspace(-end, end, count: count).array(of: Float.self)
    }
    let (columns, rows) = (line(width), line(height))
    return Image(width: width, height: height, channels: image.channels) { output in
      image.pixels.withUnsafeBufferPointer { source in
        let sampler = GridSampler(source: source, height: height, width: width, channels: image.channels)
        for y in 0..<height {
          for x in 0..<width {
            let place = y * width + x
            let position = (
              x: (columns[x] + dx[place] + 1) * (Float(width) / 2) - 0.5,
              y: (rows[y] + dy[place] + 1) * (Float(height) / 2) - 0.5
            )
            for channel in 0..<image.channels {
              let color = Float(fill[fill.count == 1 ? 0 : channel])
              let value =
                isBilinear
                ? sampler.bilinear(position, channel, fill: color)
                : sampler.nearest(position, channel, fill: color)
              output[place * image.channels + channel] = UInt8(
                min(max(value.rounded(.toNearestOrEven), 0), 255))
            }
          }
        }
      }
    }
  }
  public var isDeterministic: Bool { false }
  public var description: String {
    "ElasticTransform(alpha: \(alpha[0]), sigma: \(sigma[0]), \(isBilinear ? "bilinear" : "nearest"), fill: \(fill))"
  }
}

/// Values of an image between its pixels, in float32 as `torch.nn.functional.grid_sample`.
private struct GridSampler {
  let source: UnsafeBufferPointer<UInt8>
  let height: Int
  let width: Int
  let channels: Int

  private func value(_ x: Int, _ y: Int, _ channel: Int) -> Float? {
    guard x >= 0, x < width, y >= 0, y < height else { return nil }
    return Float(source[(y * width + x) * channels + channel])
  }

  func nearest(_ position: (x: Float, y: Float), _ channel: Int, fill: Float) -> Float {
    let (x, y) = (position.x.rounded(.toNearestOrEven), position.y.rounded(.toNearestOrEven))
    guard abs(x) < 1e9, abs(y) < 1e9 else { return fill }
    return value(Int(x), Int(y), channel) ?? fill
  }

  func bilinear(_ position: (x: Float, y: Float), _ channel: Int, fill: Float) -> Float {
    let (left, top) = (position.x.rounded(.down), position.y.rounded(.down))
    guard abs(left) < 1e9, abs(top) < 1e9 else { return fill }
    let (east, south) = (position.x - left, position.y - top)
    let (west, north) = (1 - east, 1 - south)
    let (x, y) = (Int(left), Int(top))
    var (sum, share): (Float, Float) = (0, 0)
    for (dx, dy, weight) in [
      (0, 0, west * north), (1, 0, east * north), (0, 1, west * south), (1, 1, east * south),
    ] {
      if let value = value(x + dx, y + dy, channel) {
        sum += value * weight
        share += weight
      }
    }
    // What lies outside counts as 0 first, and the share of the inside is applied again: as torchvision does it.
    return (sum - fill) * share + fill
  }
}
