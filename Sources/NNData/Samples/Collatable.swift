import NNCore

/// Elements that a `DataLoader` knows how to put together to a batch, `torch.utils.data.default_collate`.
///
/// Samples, tensors and numbers are collatable. An element type of one's own becomes so with one function:
///
///     struct Pair: Collatable {
///       var left: Tensor, right: Tensor
///       static func collate(_ pairs: [Pair]) throws -> Pair {
///         Pair(left: try Tensor.collate(pairs.map(\.left)), right: try Tensor.collate(pairs.map(\.right)))
///       }
///     }
///
/// For a batch that is made in another way in one place only, pass `collate:` to the loader.
public protocol Collatable: Sendable {
  /// What a batch is: often the type itself, with one more dimension in its tensors.
  associatedtype Batch: Sendable

  /// Puts elements together. Throws if they do not fit.
  static func collate(_ elements: [Self]) throws -> Batch

  /// Puts `count` elements together that `element` makes one after the other, so that each may be let go
  /// before the next. This is what the loader calls; it need not be written, as it can be made from the
  /// other.
  static func collate(count: Int, element: (Int) throws -> Self) throws -> Batch
}

extension Collatable {
  public static func collate(count: Int, element: (Int) throws -> Self) throws -> Batch {
    try collate((0..<count).map(element))
  }
}

/// Elements that make no batch.
public enum CollateError: Error, Equatable, CustomStringConvertible {
  /// Tensors of different shapes or element types.
  case different(position: Int, expected: String, found: String)
  /// No elements at all.
  case empty

  public var description: String {
    switch self {
    case .different(let position, let expected, let found):
      "batch: expected \(expected) as in its first element, found \(found) in element \(position)"
    case .empty: "batch: expected at least one element, found none"
    }
  }
}

extension Tensor: Collatable {
  /// Tensors of one shape and type along a new first dimension. No gradient is recorded.
  public static func collate(_ elements: [Tensor]) throws -> Tensor {
    try collate(count: elements.count) { elements[$0] }
  }

  public static func collate(count: Int, element: (Int) throws -> Tensor) throws -> Tensor {
    var stack = TensorStack(count: count)
    for position in 0..<count { try stack.append(element(position)) }
    return try stack.finished()
  }
}

extension Sample: Collatable {
  /// Inputs and targets, each along a new first dimension.
  public static func collate(_ elements: [Sample]) throws -> Sample {
    try collate(count: elements.count) { elements[$0] }
  }

  public static func collate(count: Int, element: (Int) throws -> Sample) throws -> Sample {
    var (inputs, targets) = (TensorStack(count: count), TensorStack(count: count))
    for position in 0..<count {
      let sample = try element(position)
      try inputs.append(sample.input)
      try targets.append(sample.target)
    }
    return Sample(input: try inputs.finished(), target: try targets.finished())
  }
}

extension Int: Collatable {
  /// An int64 vector.
  public static func collate(_ elements: [Int]) -> Tensor { Tensor(elements) }
}
extension Float: Collatable {
  /// A float32 vector.
  public static func collate(_ elements: [Float]) -> Tensor { Tensor(elements) }
}
extension Double: Collatable {
  /// A float64 vector, as PyTorch makes from Python's numbers.
  public static func collate(_ elements: [Double]) -> Tensor { Tensor(elements) }
}
