import Foundation
import NNCore

/// Chosen elements of another data set, `torch.utils.data.Subset`.
public struct Subset<Base: Dataset>: Dataset {
  public let dataset: Base
  /// Which elements of `dataset`, in which order.
  public let indices: [Int]

  public init(_ dataset: Base, indices: some Sequence<Int>) {
    self.dataset = dataset
    self.indices = Array(indices)
    let size = dataset.count
    require(
      self.indices.allSatisfy { $0 >= 0 && $0 < size }, "Subset",
      "indices \(self.indices.min() ?? 0)...\(self.indices.max() ?? 0) are outside 0..<\(size)")
  }

  public var count: Int { indices.count }
  public subscript(index: Int) -> Base.Element { get throws { try dataset[indices[index]] } }

  public func element(at index: Int, context: SampleContext) throws -> Base.Element {
    try dataset.element(at: indices[index], context: context)
  }
}

extension Subset: CompositeDataset {
  package var parts: [any Dataset] { [dataset] }
}

extension Subset: BatchedDataset where Base: BatchedDataset {
  public func batch(at indices: [Int], contexts: [SampleContext]) throws -> Base.Element.Batch {
    try dataset.batch(at: indices.map { self.indices[$0] }, contexts: contexts)
  }
}

extension Dataset {
  /// The first elements, or all if there are fewer.
  public func prefix(_ count: Int) -> Subset<Self> { Subset(self, indices: 0..<Swift.min(count, self.count)) }
}

/// Cuts a data set into parts of the given lengths at random, `torch.utils.data.random_split`: one
/// permutation, cut in order. With the same seed the parts are PyTorch's.
public func randomSplit<Base: Dataset>(
  _ dataset: Base, lengths: [Int], generator: Generator = .default
) -> [Subset<Base>] {
  require(
    lengths.allSatisfy { $0 >= 0 } && lengths.reduce(0, +) == dataset.count, "randomSplit",
    "lengths \(lengths) do not sum to the \(dataset.count) elements of the data set")
  let order = generator.randperm(dataset.count)
  var start = 0
  return lengths.map { length in
    defer { start += length }
    return Subset(dataset, indices: order[start..<start + length])
  }
}

/// Cuts a data set into parts at random by fractions that sum to 1. Each part has floor(count · fraction)
/// elements; those that remain go one by one to the parts from the first on.
public func randomSplit<Base: Dataset>(
  _ dataset: Base, fractions: [Double], generator: Generator = .default
) -> [Subset<Base>] {
  require(
    fractions.allSatisfy { $0 >= 0 && $0 <= 1 } && abs(fractions.reduce(0, +) - 1) < 1e-9, "randomSplit",
    "fractions \(fractions) do not sum to 1")
  var lengths = fractions.map { Int((Double(dataset.count) * $0).rounded(.down)) }
  let remainder = dataset.count - lengths.reduce(0, +)
  for place in 0..<remainder { lengths[place % lengths.count] += 1 }
  return randomSplit(dataset, lengths: lengths, generator: generator)
}
