import NNCore

/// A data set whose elements go through a function when they are asked for; made by `map`.
public struct MappedDataset<Base: Dataset, Element: Sendable>: Dataset {
  public let dataset: Base
  private let transform: @Sendable (Base.Element, SampleContext) throws -> Element

  init(_ dataset: Base, _ transform: @escaping @Sendable (Base.Element, SampleContext) throws -> Element) {
    self.dataset = dataset
    self.transform = transform
  }

  public var count: Int { dataset.count }
  public subscript(index: Int) -> Element {
    get throws { try transform(dataset[index], SampleContext(index: index)) }
  }
  public func element(at index: Int, context: SampleContext) throws -> Element {
    try transform(dataset.element(at: index, context: context), context)
  }
}

extension Dataset {
  /// The same elements, each sent through `transform` whenever it is asked for.
  public func map<Output: Sendable>(
    _ transform: @escaping @Sendable (Element) throws -> Output
  ) -> MappedDataset<Self, Output> {
    MappedDataset(self) { element, _ in try transform(element) }
  }

  /// `map` with a function that draws random numbers: they must come from the context.
  public func map<Output: Sendable>(
    _ transform: @escaping @Sendable (Element, SampleContext) throws -> Output
  ) -> MappedDataset<Self, Output> {
    MappedDataset(self, transform)
  }
}

extension Dataset where Element == Sample {
  /// The same examples with their inputs sent through a transform, for instance to augment only the training
  /// part of a random split.
  public func mapInput<T: Transform>(_ transform: T) -> MappedDataset<Self, Sample>
  where T.Input == Tensor, T.Output == Tensor {
    MappedDataset(self) { sample, context in
      Sample(input: transform(sample.input, context: context), target: sample.target)
    }
  }
}
