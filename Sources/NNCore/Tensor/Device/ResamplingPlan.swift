import Foundation

/// A linear map along one dimension: each output element is a weighted sum of a few input elements.
package struct ResamplingPlan: Sendable, Hashable {
  package let inputSize: Int
  /// Where the taps of output i begin; one entry more than there are outputs.
  package private(set) var starts: [Int] = [0]
  package private(set) var places: [Int64] = []
  package private(set) var weights: [Double] = []

  package var outputSize: Int { starts.count - 1 }

  init(inputSize: Int) { self.inputSize = inputSize }

  mutating func append(_ taps: [(place: Int, weight: Double)]) {
    for tap in taps where tap.weight != 0 {
      places.append(Int64(tap.place))
      weights.append(tap.weight)
    }
    starts.append(places.count)
  }

  /// The map of the gradient.
  package var transposed: ResamplingPlan {
    var columns: [[(place: Int, weight: Double)]] = Array(repeating: [], count: inputSize)
    for output in 0..<outputSize {
      for tap in starts[output]..<starts[output + 1] {
        columns[Int(places[tap])].append((output, weights[tap]))
      }
    }
    var result = ResamplingPlan(inputSize: outputSize)
    for column in columns { result.append(column) }
    return result
  }
}

extension ResamplingPlan {
  /// The plan of PyTorch's `interpolate` along one dimension.
  ///
  /// - Parameters:
  ///   - scale: the scale factor to compute positions with; nil takes the quotient of the sizes.
  ///   - inFloat32: computes the weights of `bicubic` in float32, as PyTorch does for such tensors.
  init(
    mode: Tensor.InterpolationMode, from inputSize: Int, to outputSize: Int, scale: Double?,
    alignCorners: Bool,
    antialias: Bool, inFloat32: Bool
  ) {
    self.init(inputSize: inputSize)
    let last = inputSize - 1
    let ratio: Double
    if alignCorners {
      ratio = outputSize > 1 ? Double(last) / Double(outputSize - 1) : 0
    } else {
      ratio = scale.map { 1 / $0 } ?? Double(inputSize) / Double(outputSize)
    }
    for output in 0..<outputSize {
      switch mode {
      case .nearest:
        // In float32, as PyTorch computes the place for every type.
        append([(min(Int((Float(output) * Float(ratio)).rounded(.down)), last), 1)])
      case .nearestExact:
        append([(min(Int(((Float(output) + 0.5) * Float(ratio)).rounded(.down)), last), 1)])
      case .area:
        let start = output * inputSize / outputSize
        let end = ((output + 1) * inputSize + outputSize - 1) / outputSize
        append((start..<end).map { ($0, 1 / Double(end - start)) })
      case .linear, .bilinear, .bicubic:
        if antialias {
          append(Self.antialiased(mode, output, ratio, inputSize))
          continue
        }
        let position = alignCorners ? ratio * Double(output) : ratio * (Double(output) + 0.5) - 0.5
        if mode != .bicubic {
          append(Self.linear(position, last))
        } else if inFloat32 {
          append(Self.cubic(Float(position), last))
        } else {
          append(Self.cubic(position, last))
        }
      }
    }
  }

  private static func linear(_ position: Double, _ last: Int) -> [(place: Int, weight: Double)] {
    let position = max(position, 0)
    let place = min(Int(position), last)
    let fraction = min(max(position - Double(place), 0), 1)
    return [(place, 1 - fraction), (min(place + 1, last), fraction)]
  }

  private static func cubic<Real: BinaryFloatingPoint>(
    _ position: Real, _ last: Int
  ) -> [(place: Int, weight: Double)] {
    let place = Int(position.rounded(.down))
    let fraction = position - Real(place)
    return (-1...2).map { shift in
      (min(max(place + shift, 0), last), Double(cubicWeight(abs(fraction - Real(shift)), -0.75)))
    }
  }

  /// Keys' cubic convolution kernel at a distance below 2.
  private static func cubicWeight<Real: BinaryFloatingPoint>(_ d: Real, _ a: Real) -> Real {
    if d < 1 { return ((a + 2) * d - (a + 3)) * d * d + 1 }
    if d < 2 { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a }
    return 0
  }

  /// Pillow's way: the filter is stretched over all elements that an output element covers.
  private static func antialiased(
    _ mode: Tensor.InterpolationMode, _ output: Int, _ ratio: Double, _ inputSize: Int
  ) -> [(place: Int, weight: Double)] {
    let stretch = max(ratio, 1)
    let support = (mode == .bicubic ? 2 : 1) * stretch
    let center = ratio * (Double(output) + 0.5)
    let start = max(Int(center - support + 0.5), 0)
    let end = min(Int(center + support + 0.5), inputSize)
    let weights = (start..<max(start, end)).map { place -> Double in
      let distance = abs((Double(place) - center + 0.5) / stretch)
      return mode == .bicubic ? cubicWeight(distance, -0.5) : max(0, 1 - distance)
    }
    let total = weights.reduce(0, +)
    return weights.enumerated().map { (start + $0.offset, total == 0 ? 0 : $0.element / total) }
  }
}

extension Tensor {
  /// How `interpolate` finds values between the given ones.
  public enum InterpolationMode: String, Sendable, CaseIterable {
    /// The nearest element, as PyTorch's `nearest` (and OpenCV's) rounds: down.
    case nearest
    /// The nearest element, as Pillow and scikit-image round: to the centre.
    case nearestExact = "nearest-exact"
    /// Linear along one dimension.
    case linear
    /// Linear along two dimensions.
    case bilinear
    /// Cubic convolution along two dimensions (a = -0.75, with antialiasing -0.5).
    case bicubic
    /// The mean over the area of each output element, as adaptive average pooling.
    case area
  }
}
