/// An activation function with its parameters: what it is called, and what it computes. A device may have a kernel of that
/// name, which takes the parameters in their order; the formulas are for those that have none.
package struct Activation: Sendable {
  package let name: StaticString
  package let parameters: [(name: String, value: Double)]
  /// The function.
  let value: @Sendable (_ x: Formula) -> Formula
  /// The gradient of x from that of the value, g. What happens exactly at a kink follows PyTorch.
  let slope: @Sendable (_ g: Formula, _ x: Formula) -> Formula

  init(
    _ name: StaticString, _ parameters: [(name: String, value: Double)] = [],
    value: @escaping @Sendable (_ x: Formula) -> Formula,
    slope: @escaping @Sendable (_ g: Formula, _ x: Formula) -> Formula
  ) {
    self.name = name
    self.parameters = parameters
    self.value = value
    self.slope = slope
  }

  /// max(x, 0)
  package static let relu = Activation("relu") { x in
    x.apply(.relu)
  } slope: { g, x in
    x.compare(.gt, 0).choose(g, x.number(0))
  }
}
