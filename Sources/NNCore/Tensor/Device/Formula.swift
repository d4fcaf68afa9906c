// How composed operations are written: arithmetic on a device, nothing recorded, all operands of one element type.

/// A tensor in a formula.
package struct Formula {
  package let value: Tensor

  package init(_ value: Tensor) { self.value = value.detach() }

  private var backend: any Backend { value.backend }

  package func number(_ number: Double) -> Formula { Formula(backend.fill([], number, dtype: value.dtype)) }
  package func apply(_ op: UnaryOp) -> Formula { Formula(backend.unary(op, value)) }
  package func apply(_ op: BinaryOp, _ other: Formula) -> Formula {
    Formula(backend.binary(op, value, other.value))
  }
  package func compare(_ op: CompareOp, _ other: Double) -> Formula {
    Formula(backend.compare(op, value, number(other).value))
  }
  /// This condition's choice.
  package func choose(_ a: Formula, _ b: Formula) -> Formula {
    Formula(backend.select(value, a.value, b.value))
  }
  package func cast(_ dtype: DType) -> Formula { Formula(backend.cast(value, to: dtype)) }
  package func sum(_ axes: [Int]) -> Formula { Formula(backend.reduce(.sum, value, axes: axes)) }
  package func max(_ axis: Int) -> Formula { Formula(backend.reduce(.max, value, axes: [axis])) }

  package var abs: Formula { apply(.abs) }
  package var exp: Formula { apply(.exp) }
  package var square: Formula { apply(.square) }
  package var tanh: Formula { apply(.tanh) }
  package var sigmoid: Formula { apply(.sigmoid) }
  /// log(1 + exp(x)) without overflow.
  package var softplus: Formula { apply(.softplus) }
  /// (1 + erf(x / √2)) / 2, the distribution function of the standard normal distribution.
  package var normalShare: Formula { ((self * 0.5.squareRoot()).apply(.erf) + 1) / 2 }

  /// Within bounds; NaN stays.
  package func clamped(_ low: Double, _ high: Double) -> Formula {
    apply(.maximum, number(low)).apply(.minimum, number(high))
  }

  package static func + (a: Formula, b: Formula) -> Formula { a.apply(.add, b) }
  package static func - (a: Formula, b: Formula) -> Formula { a.apply(.sub, b) }
  package static func * (a: Formula, b: Formula) -> Formula { a.apply(.mul, b) }
  package static func / (a: Formula, b: Formula) -> Formula { a.apply(.div, b) }
  package static func + (a: Formula, b: Double) -> Formula { a + a.number(b) }
  package static func * (a: Formula, b: Double) -> Formula { a * a.number(b) }
  package static func / (a: Formula, b: Double) -> Formula { a / a.number(b) }
  package static func - (a: Double, b: Formula) -> Formula { b.number(a) - b }
  package static prefix func - (a: Formula) -> Formula { a.apply(.neg) }
}

extension Tensor {
  /// Row-major without gaps, nothing recorded; itself if it is.
  package var rowMajor: Tensor { isContiguous ? detach() : backend.copy(self, strides: nil) }

  /// Part number `index` of an axis, which is dropped; a view, nothing recorded.
  package func part(_ index: Int, of axis: Int) -> Tensor {
    var (shape, strides) = (shape, strides)
    shape.remove(at: axis)
    let step = strides.remove(at: axis)
    return view(shape: shape, strides: strides, offset: offset + index * step)
  }

  /// The same elements under another shape, nothing recorded; a copy where the memory order asks for it.
  package func shaped(_ shape: [Int]) -> Tensor {
    rowMajor.view(shape: shape, strides: Tensor.contiguousStrides(shape))
  }

  /// With the axes in another order, a view.
  package func ordered(_ axes: [Int]) -> Tensor {
    view(shape: axes.map { shape[$0] }, strides: axes.map { strides[$0] })
  }

  /// One element repeated along new or single dimensions, a view.
  package func spread(to shape: [Int]) -> Tensor { view(shape: shape, strides: broadcastStrides(to: shape)) }

  /// Values of the host on the device of another tensor.
  package init<T: TensorElement>(_ values: [T], shape: [Int], like other: Tensor) {
    self.init(uninitialized: shape, dtype: T.dtype, on: other.storage.backend)
    values.withUnsafeBytes { other.backend.upload($0, to: storage.address) }
  }
}
