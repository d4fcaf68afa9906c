import NNCore

/// A data set that makes a whole batch faster in one go than element by element, as `__getitems__` does in
/// PyTorch. A `DataLoader` without a collate function of its own uses it.
public protocol BatchedDataset<Element>: Dataset where Element: Collatable {
  /// The batch of the elements at `indices`: exactly what `Element.collate` makes of them one by one.
  /// `contexts` has one entry per index, to be used as in `element(at:context:)`.
  func batch(at indices: [Int], contexts: [SampleContext]) throws -> Element.Batch
}
