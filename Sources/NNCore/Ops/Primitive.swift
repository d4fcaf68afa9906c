/// One operation with its settings: what it is called, how it is computed, and what its gradient is. `Tensor.apply` does
/// with it what is the same for all.
///
/// It conforms to one of the three protocols below, by its number of operands.
package protocol Primitive: Sendable {
  var name: StaticString { get }
  /// The settings by name, for traces, exported files and digests; asked for only while somebody watches.
  var attributes: [String: TraceAttribute] { get }
  /// What the gradient reads.
  var keeps: Kept { get }
  /// The gradients of the operands from that of the result; nil where there is none. The context has what is kept.
  var gradients: Gradients { get }
}

package typealias Gradients = @Sendable (_ g: Tensor, _ context: VJPContext) -> [Tensor?]

extension Primitive {
  package var attributes: [String: TraceAttribute] { [:] }
  package var keeps: Kept { [] }
  package var gradients: Gradients { { _, _ in [] } }
}

/// An operation of one operand.
package protocol UnaryPrimitive: Primitive {
  /// The result, not recorded.
  func evaluate(_ x: Tensor) -> Tensor
  /// The operation fused with a lazy one that x is the result of, if the device can do so.
  func fused(_ x: Tensor) -> Fused?
}

extension UnaryPrimitive {
  package func fused(_ x: Tensor) -> Fused? { nil }
}

/// An operation of two operands.
package protocol BinaryPrimitive: Primitive {
  /// The result, not recorded.
  func evaluate(_ a: Tensor, _ b: Tensor) -> Tensor
}

/// An operation of any number of operands.
package protocol VariadicPrimitive: Primitive {
  /// The result, not recorded.
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
  package static func apply(_ primitive: some UnaryPrimitive, _ x: Tensor) -> Tensor {
    if isTracing, let result = announced(primitive, [x], { apply(primitive, $0[0]) }) { return result }
    if let fused = primitive.fused(x) { return recorded(primitive, fused, x) }
    let result = primitive.evaluate(x)
    if !isTracing && (x.node == nil || !isGradientEnabled) { return result }
    return result.recorded(
      primitive.name, inputs: [x], saving: primitive.keeps.contains(.first) ? [x] : [],
      savingOutput: primitive.keeps.contains(.result), vjp: primitive.gradients)
  }

  package static func apply(_ primitive: some BinaryPrimitive, _ a: Tensor, _ b: Tensor) -> Tensor {
    if isTracing, let result = announced(primitive, [a, b], { apply(primitive, $0[0], $0[1]) }) {
      return result
    }
    if a.storage.isHost && b.storage.isHost { return recorded(primitive, a, b, primitive.evaluate(a, b)) }
    let operands = onOneDevice([a, b], primitive.name)
    return recorded(primitive, operands[0], operands[1], primitive.evaluate(operands[0], operands[1]))
  }

  package static func apply(_ primitive: some VariadicPrimitive, _ operands: [Tensor]) -> Tensor {
    if isTracing, let result = announced(primitive, operands, { apply(primitive, $0) }) { return result }
    let operands = onOneDevice(operands, primitive.name)
    return primitive.evaluate(operands).recorded(
      primitive.name, inputs: operands, saving: primitive.keeps.chosen(of: operands),
      savingOutput: primitive.keeps.contains(.result), vjp: primitive.gradients)
  }

  @inline(never)
  private static func announced(
    _ primitive: some Primitive, _ operands: [Tensor], _ body: @escaping @Sendable ([Tensor]) -> Tensor
  ) -> Tensor? {
    traced(primitive.name, operands, primitive.attributes, body: body)
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

  fileprivate func chosen(of operands: [Tensor]) -> [Tensor] {
    if isSuperset(of: .operands) { return operands }
    return contains(.first) ? [operands[0]] : contains(.second) ? [operands[1]] : []
  }
}
