/// One operation with its settings: what it is called, how it is computed, and what its gradient is. `Tensor.apply` does
/// with it what is the same for all.
package protocol Primitive: Sendable {
  var name: StaticString { get }
  /// The settings by name, for traces, exported files and digests; asked for only while somebody watches.
  var attributes: [String: TraceAttribute] { get }
  /// What the gradient reads.
  var keeps: Kept { get }
  /// The result, not recorded.
  func evaluate(_ operands: [Tensor]) -> Tensor
  /// The operation fused with lazy ones that its operands are the results of, if the device can do so.
  func fused(_ operands: [Tensor]) -> Fused?
  /// The gradients of the operands from that of the result; nil where there is none. `context` has what is kept.
  func gradients(_ g: Tensor, _ context: VJPContext) -> [Tensor?]
}

extension Primitive {
  package var attributes: [String: TraceAttribute] { [:] }
  package var keeps: Kept { [] }
  package func fused(_ operands: [Tensor]) -> Fused? { nil }
  package func gradients(_ g: Tensor, _ context: VJPContext) -> [Tensor?] { [] }
}

/// Operands and result that a gradient reads, in this order.
package struct Kept: OptionSet, Sendable {
  package let rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }

  package static let first = Kept(rawValue: 1)
  package static let second = Kept(rawValue: 2)
  package static let operands: Kept = [.first, .second]
  package static let result = Kept(rawValue: 4)

  fileprivate func chosen(of operands: [Tensor]) -> [Tensor] {
    if isSuperset(of: .operands) || operands.count == 1 && contains(.first) { return operands }
    if contains(.first) { return [operands[0]] }
    return contains(.second) ? [operands[1]] : []
  }
}

extension Tensor {
  /// Carries out an operation: whoever watches may answer, a device may fuse it, and what is computed is recorded.
  package static func apply(_ primitive: some Primitive, _ operands: [Tensor]) -> Tensor {
    if isTracing,
      let result = traced(
        primitive.name, operands, primitive.attributes, body: { apply(primitive, $0) })
    {
      return result
    }
    let operands = onOneDevice(operands, primitive.name)
    if let fused = primitive.fused(operands) { return recorded(primitive, fused, operands) }
    let result = primitive.evaluate(operands)
    if !isTracing && !shouldRecord(operands) { return result }
    return result.recorded(
      primitive.name, inputs: operands, saving: primitive.keeps.chosen(of: operands),
      savingOutput: primitive.keeps.contains(.result)
    ) { primitive.gradients($0, $1) }
  }

  /// An operation of one operand that was fused with the one before it.
  private static func recorded(_ primitive: some Primitive, _ fused: Fused, _ operands: [Tensor]) -> Tensor {
    let gradient = fused.gradient
    return fused.output.recorded(
      primitive.name, inputs: operands, saving: fused.saved, savingOutput: fused.savesOutput
    ) { g, context in [gradient(g, context)] }
  }

  /// The operands of an operation on one device: a number of the CPU follows the others, as in PyTorch; other tensors on
  /// different devices are a mistake.
  static func onOneDevice(_ operands: [Tensor], _ name: StaticString) -> [Tensor] {
    if operands.allSatisfy({ $0.storage.isHost }) { return operands }
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
