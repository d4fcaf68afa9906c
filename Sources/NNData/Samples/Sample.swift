import NNCore

/// One example of supervised learning, or a whole batch of them.
public struct Sample: Sendable {
  /// What the network sees: one image (C, H, W), or a batch (N, C, H, W).
  public var input: Tensor
  /// What it is to answer: a class number as a 0-dimensional int64 tensor, or a batch of them (N).
  public var target: Tensor

  public init(input: Tensor, target: Tensor) {
    self.input = input
    self.target = target
  }

  /// An example with a class number as target.
  public init(input: Tensor, label: Int) {
    self.init(input: input, target: Tensor(label))
  }
}

/// A batch that knows its number of samples: the weight of its metrics in the mean over an epoch.
public protocol SizedBatch {
  /// Number of samples.
  var batchSize: Int { get }
}

extension Sample: DeviceMovable {
  public func to(_ device: Device) -> Sample {
    Sample(input: input.to(device), target: target.to(device))
  }
}

extension Sample: SizedBatch {
  /// Size of the first dimension of the input.
  public var batchSize: Int { input.shape.first ?? 1 }
}
