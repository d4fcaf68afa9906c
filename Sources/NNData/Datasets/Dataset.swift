import NNCore

/// Elements that can be asked for by index, `torch.utils.data.Dataset`.
///
/// A data set of one's own needs only `count` and the subscript:
///
///     struct Squares: Dataset {
///       var count: Int { 100 }
///       subscript(index: Int) -> Sample { Sample(input: Tensor(Float(index)), target: Tensor(Float(index * index))) }
///     }
///
/// Several threads ask for elements at the same time, so a data set is `Sendable`. What an element is may not
/// depend on the order in which elements are asked for.
public protocol Dataset<Element>: Sendable {
  associatedtype Element: Sendable

  /// Number of elements.
  var count: Int { get }

  /// The element at `index`, in `0..<count`. Throws what reading it throws (a missing or damaged file).
  subscript(index: Int) -> Element { get throws }

  /// The element at `index` as it is in one epoch of one training run: random transforms draw from
  /// `context.generator`. A data set without random transforms need not write this method; one that wraps
  /// another hands the context on.
  func element(at index: Int, context: SampleContext) throws -> Element
}

extension Dataset {
  public func element(at index: Int, context: SampleContext) throws -> Element { try self[index] }

  /// `0..<count`.
  public var indices: Range<Int> { 0..<count }
}

/// A data set whose elements are those of others, as they are.
package protocol CompositeDataset: Dataset {
  var parts: [any Dataset] { get }
}
