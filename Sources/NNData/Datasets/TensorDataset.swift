import NNCore

/// Examples that lie in two tensors along their first dimension, `torch.utils.data.TensorDataset`.
public struct TensorDataset: BatchedDataset, RepeatableDataset {
  /// Inputs (N, …).
  public let input: Tensor
  /// Targets (N, …) or (N).
  public let target: Tensor

  public init(_ input: Tensor, _ target: Tensor) {
    require(
      input.rank >= 1 && target.rank >= 1 && input.shape[0] == target.shape[0], "TensorDataset",
      "first dimensions of \(input.shape) and \(target.shape) differ")
    self.input = input.detach()
    self.target = target.detach()
  }

  public var count: Int { input.shape[0] }
  public subscript(index: Int) -> Sample {
    Sample(input: input.select(0, index: index), target: target.select(0, index: index))
  }

  public func targets(at indices: [Int]) -> Tensor { target.indexSelect(0, index: Tensor(indices)) }

  public func batch(at indices: [Int], contexts: [SampleContext]) -> Sample {
    let places = Tensor(indices)
    return Sample(
      input: input.indexSelect(0, index: places), target: target.indexSelect(0, index: places))
  }
}
