/// A height and a width, as the window arguments of convolutions and pooling take them. Written as one number for
/// both or as two: `stride: 2`, `stride: [2, 1]`.
public struct Size2: Sendable, Hashable, CustomStringConvertible {
  public var height: Int
  public var width: Int

  public init(_ height: Int, _ width: Int) {
    self.height = height
    self.width = width
  }

  /// The same number for both.
  public init(_ both: Int) { self.init(both, both) }

  public var description: String { "(\(height), \(width))" }
}

extension Size2: ExpressibleByIntegerLiteral {
  public init(integerLiteral value: Int) { self.init(value) }
}

extension Size2: ExpressibleByArrayLiteral {
  public init(arrayLiteral elements: Int...) {
    require(elements.count == 2, "Size2", "expected [height, width], got \(elements)")
    self.init(elements[0], elements[1])
  }
}

/// A size along each dimension that a window moves in: `Int` for sequences, ``Size2`` for images.
public protocol SpatialSize: Sendable, Hashable, ExpressibleByIntegerLiteral where IntegerLiteralType == Int {
  /// The sizes in the order of a tensor's last dimensions.
  var extents: [Int] { get }
}

extension Int: SpatialSize {
  public var extents: [Int] { [self] }
}

extension Size2: SpatialSize {
  public var extents: [Int] { [height, width] }
}

/// Zeros around the input of a convolution: a number for all sides (`1`), for images also one for the height and
/// one for the width (`[1, 2]`), PyTorch's `"same"` and `"valid"`, or TensorFlow's "same".
public enum Padding<Size: Sendable & Hashable>: Sendable, Hashable {
  /// So many zeros at either end of each dimension.
  case symmetric(Size)
  /// As many as keep the size of the input at stride 1; an odd one goes to the end (the bottom, the right).
  case same
  /// As many as make the output size / stride large, rounded up, so that it depends on the size of the input how many
  /// they are; an odd one goes to the end. TensorFlow's "same" and ONNX's `SAME_UPPER`; at stride 1 it is `same`.
  case sameUpper
  /// None.
  case valid
}

extension Padding {
  /// Zeros before and behind one dimension of the input.
  ///
  /// - Parameters:
  ///   - dimension: which of the sizes is meant.
  ///   - size: of the input; kernel, stride and dilation are those along the dimension.
  package func ends(
    _ dimension: (Size) -> Int, size: Int, kernel: Int, stride: Int, dilation: Int
  ) -> (before: Int, behind: Int) {
    let reach = dilation * (kernel - 1)
    let total: Int
    switch self {
    case .valid: return (0, 0)
    case .symmetric(let padding): return (dimension(padding), dimension(padding))
    case .same: total = reach
    case .sameUpper: total = Swift.max(((size + stride - 1) / stride - 1) * stride + reach + 1 - size, 0)
    }
    return (total / 2, total - total / 2)
  }
}

/// Padding of sequences.
public typealias Padding1 = Padding<Int>
/// Padding of images.
public typealias Padding2 = Padding<Size2>

extension Padding: ExpressibleByIntegerLiteral
where Size: ExpressibleByIntegerLiteral, Size.IntegerLiteralType == Int {
  public init(integerLiteral value: Int) { self = .symmetric(Size(integerLiteral: value)) }
}

extension Padding: ExpressibleByArrayLiteral where Size == Size2 {
  public init(arrayLiteral elements: Int...) {
    require(elements.count == 2, "Padding", "expected [height, width], got \(elements)")
    self = .symmetric(Size2(elements[0], elements[1]))
  }
}

extension Padding: ExpressibleByUnicodeScalarLiteral, ExpressibleByExtendedGraphemeClusterLiteral,
  ExpressibleByStringLiteral
where Size: ExpressibleByIntegerLiteral, Size.IntegerLiteralType == Int {
  public init(stringLiteral value: String) {
    switch value {
    case "same": self = .same
    case "valid": self = .valid
    default: fail("Padding", "expected \"same\" or \"valid\", got \"\(value)\"")
    }
  }
}
