import NNCore

/// How the images were normalised that a network's weights were trained on: what the network expects to be given.
public struct InputNormalization: Sendable, Hashable, CustomStringConvertible {
  /// Mean of each channel, taken off each value.
  public let mean: [Float]
  /// Standard deviation of each channel, by which values are divided then.
  public let std: [Float]

  public init(mean: [Float], std: [Float]) {
    require(
      mean.count == std.count && !mean.isEmpty, "InputNormalization",
      "\(mean.count) means for \(std.count) deviations")
    require(
      std.allSatisfy { $0 > 0 }, "InputNormalization", "standard deviations must be positive, got \(std)")
    self.mean = mean
    self.std = std
  }

  /// Whether the other one gives about the same values: no mean or deviation further away than 0.01, as figures of the
  /// same data set that were rounded otherwise.
  public func isClose(to other: InputNormalization) -> Bool {
    mean.count == other.mean.count
      && zip(mean + std, other.mean + other.std).allSatisfy { abs($0 - $1) <= 0.01 }
  }

  public var description: String { "mean: \(mean), std: \(std)" }
}
