/// One operation with its settings: what it is called, how it is computed, and what its gradient is. `Tensor.apply` does
/// with it what is the same for all.
///
/// It conforms to one of the protocols below, by its number of operands.
package protocol Primitive: Sendable {
  var name: StaticString { get }
  /// The settings by name, for traces, exported files and digests; asked for only while somebody watches.
  var attributes: [String: TraceAttribute] { get }
  /// How many of the operands have rows (the samples of a batch), all if nil; those behind them are parameters.
  var operandsWithRows: Int? { get }
  /// Why row i of the result is not a function of row i of the operands; nil if it is. Then the operation is the same for
  /// any number of rows.
  func obstacle(_ operands: [Tensor]) -> String?
  /// In which types it computes inside of `withAutocast`.
  var autocast: AutocastRule { get }
}

/// The gradients of the operands from that of the result; nil where there is none. The context has what was saved. It captures
/// settings only, no tensors.
package typealias Gradients = @Sendable (_ g: Tensor, _ context: VJPContext) -> [Tensor?]

extension Primitive {
  package var attributes: [String: TraceAttribute] { [:] }
  package var operandsWithRows: Int? { nil }
  package func obstacle(_ operands: [Tensor]) -> String? { nil }
  package var autocast: AutocastRule { .asOperands }

  fileprivate func operandsWithRows(of operands: [Tensor]) -> Int { operandsWithRows ?? operands.count }
}

/// An operation whose gradient is known before it is computed.
package protocol PlainPrimitive: Primitive {
  /// What the gradient reads.
  var keeps: Kept { get }
  var gradients: Gradients { get }
}

extension PlainPrimitive {
  package var keeps: Kept { [] }
  package var gradients: Gradients { { _, _ in [] } }
}

/// An operation of one operand.
package protocol UnaryPrimitive: PlainPrimitive {
  /// The result, not recorded.
  func evaluate(_ x: Tensor) -> Tensor
  /// The operation fused with a lazy one that x is the result of, if the device can do so.
  func fused(_ x: Tensor) -> Fused?
}

extension UnaryPrimitive {
  package func fused(_ x: Tensor) -> Fused? { nil }
}

/// An operation of two operands.
package protocol BinaryPrimitive: PlainPrimitive {
  /// The result, not recorded.
  func evaluate(_ a: Tensor, _ b: Tensor) -> Tensor
}

/// An operation of any number of operands, or one that finds out while it is computed what its gradient reads.
package protocol VariadicPrimitive: Primitive {
  func evaluate(_ operands: [Tensor]) -> Evaluation
}

/// A result, not recorded, with what its gradient is made of.
package struct Evaluation {
  let result: Tensor
  /// What the gradient reads, in this order.
  let saved: [Tensor]
  /// Whether it reads the result too, behind the others.
  let savesResult: Bool
  let gradients: Gradients

  init(
    _ result: Tensor, saving saved: [Tensor] = [], savingResult: Bool = false, gradients: @escaping Gradients
  ) {
    (self.result, self.saved, savesResult, self.gradients) = (result, saved, savingResult, gradients)
  }
}

/// An operation that gives more than the result that is recorded, such as the statistics of a batch. Nobody who watches can
/// answer for it.
package protocol ExtendedPrimitive: Primitive {
  associatedtype Extra
  func evaluate(_ operands: [Tensor]) -> (Evaluation, Extra)
}

/// An operation that is made of others, which are recorded, and that whoever watches sees as one.
package protocol CompositePrimitive: Primitive {
  func evaluate(_ operands: [Tensor]) -> Tensor
}

/// Operands and result that a gradient reads, in this order.
package struct Kept: OptionSet, Sendable {
  package let rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }

  package static let first = Kept(rawValue: 1)
  package static let second = Kept(rawValue: 2)
  package static let operands: Kept = [.first, .second]
  package static let result = Kept(rawValue: 4)
}

// MARK: - In one order

// Whoever watches may answer; the operands must be on one device, which may fuse the operation; what is computed is
// recorded. Lists are made only where somebody asks for them: a small operation costs less than they do.

extension Tensor {
  package static func apply(_ primitive: some UnaryPrimitive, _ given: Tensor) -> Tensor {
    let x = isAutocasting ? given.autocast(primitive.autocast) : given
    if isTracing, let result = announced(primitive, [x], { apply(primitive, $0[0]) }) { return result }
    if let fused = primitive.fused(x) { return recorded(primitive, fused, x) }
    let result = primitive.evaluate(x)
    if !isTracing && (x.node == nil || !isGradientEnabled) { return result }
    return result.recorded(
      primitive.name, inputs: [x], saving: primitive.keeps.contains(.first) ? [x] : [],
      savingOutput: primitive.keeps.contains(.result), vjp: primitive.gradients)
  }

  package static func apply(_ primitive: some BinaryPrimitive, _ first: Tensor, _ second: Tensor) -> Tensor {
    let (a, b) =
      isAutocasting
      ? (first.autocast(primitive.autocast), second.autocast(primitive.autocast)) : (first, second)
    if isTracing, let result = announced(primitive, [a, b], { apply(primitive, $0[0], $0[1]) }) {
      return result
    }
    if a.storage.isHost && b.storage.isHost { return recorded(primitive, a, b, primitive.evaluate(a, b)) }
    let operands = onOneDevice([a, b], primitive.name)
    return recorded(primitive, operands[0], operands[1], primitive.evaluate(operands[0], operands[1]))
  }

  package static func apply(_ primitive: some VariadicPrimitive, _ given: [Tensor]) -> Tensor {
    let operands = autocast(primitive, given)
    if isTracing, let result = announced(primitive, operands, { apply(primitive, $0) }) { return result }
    return applyUnwatched(primitive, operands)
  }

  /// `apply` of an operation that nobody is told of before it is carried out: one that only gradients consist of, a part
  /// of a composed one, or one that picks rows by numbers.
  static func applyUnwatched(_ primitive: some VariadicPrimitive, _ given: [Tensor]) -> Tensor {
    let operands = onOneDevice(autocast(primitive, given), primitive.name)
    return recorded(primitive, operands, primitive.evaluate(operands))
  }

  package static func apply<P: ExtendedPrimitive>(_ primitive: P, _ given: [Tensor]) -> (Tensor, P.Extra) {
    let operands = autocast(primitive, given)
    if isTracing, let reason = primitive.obstacle(operands) {
      traceEnds(primitive.name, Array(operands[..<primitive.operandsWithRows(of: operands)]), because: reason)
    }
    let placed = onOneDevice(operands, primitive.name)
    let (evaluation, extra) = primitive.evaluate(placed)
    return (recorded(primitive, placed, evaluation), extra)
  }

  package static func apply(_ primitive: some CompositePrimitive, _ given: Tensor...) -> Tensor {
    let operands = autocast(primitive, given)
    if isTracing, let result = announced(primitive, operands, { primitive.evaluate($0) }) { return result }
    return primitive.evaluate(onOneDevice(operands, primitive.name))
  }

  @inline(__always)
  private static func autocast(_ primitive: some Primitive, _ operands: [Tensor]) -> [Tensor] {
    isAutocasting ? converted(operands, primitive) : operands
  }

  @inline(never)
  private static func converted(_ operands: [Tensor], _ primitive: some Primitive) -> [Tensor] {
    let (rule, rows) = (primitive.autocast, primitive.operandsWithRows(of: operands))
    if rule == .asOperands { return operands }
    return operands.enumerated().map { $1.autocast(rule, isParameter: $0 >= rows) }
  }

  @inline(never)
  private static func announced(
    _ primitive: some Primitive, _ operands: [Tensor], _ body: @escaping @Sendable ([Tensor]) -> Tensor
  ) -> Tensor? {
    let rows = primitive.operandsWithRows(of: operands)
    return traced(
      primitive.name, Array(operands[..<rows]), parameters: Array(operands[rows...]), primitive.attributes,
      obstacle: primitive.obstacle(operands), body: body)
  }

  @inline(__always)
  private static func recorded(
    _ primitive: some BinaryPrimitive, _ a: Tensor, _ b: Tensor, _ result: Tensor
  ) -> Tensor {
    if !isTracing && (a.node == nil && b.node == nil || !isGradientEnabled) { return result }
    return result.recorded(
      primitive.name, inputs: [a, b], saving: primitive.keeps.chosen(of: a, b),
      savingOutput: primitive.keeps.contains(.result), vjp: primitive.gradients)
  }

  @inline(__always)
  private static func recorded(
    _ primitive: some Primitive, _ operands: [Tensor], _ evaluation: Evaluation
  ) -> Tensor {
    evaluation.result.recorded(
      primitive.name, inputs: operands, saving: evaluation.saved, savingOutput: evaluation.savesResult,
      vjp: evaluation.gradients)
  }

  /// An operation that was fused with the one before it.
  private static func recorded(_ primitive: some UnaryPrimitive, _ fused: Fused, _ x: Tensor) -> Tensor {
    let gradient = fused.gradient
    return fused.output.recorded(
      primitive.name, inputs: [x], saving: fused.saved, savingOutput: fused.savesOutput
    ) { g, context in [gradient(g, context)] }
  }

  /// The operands of an operation on one device: a number of the CPU follows the others, as in PyTorch; other tensors on
  /// different devices are a mistake.
  static func onOneDevice(_ operands: [Tensor], _ name: StaticString) -> [Tensor] {
    guard let device = operands.first(where: { !$0.storage.isHost })?.device else { return operands }
    return operands.map { operand in
      if operand.device == device { return operand }
      require(
        operand.rank == 0 && operand.storage.isHost, name,
        "operands of shapes \(operands.map(\.shape)) are on \(operands.map(\.device)); move them to one with to(_:)"
      )
      return operand.to(device)
    }
  }
}

extension Kept {
  fileprivate func chosen(of a: Tensor, _ b: Tensor) -> [Tensor] {
    if isSuperset(of: .operands) { return [a, b] }
    return contains(.first) ? [a] : contains(.second) ? [b] : []
  }
}
