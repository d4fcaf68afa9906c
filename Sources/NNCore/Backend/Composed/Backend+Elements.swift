// Element by element, composed. See `Backend` for what each gives.

extension Backend {
  package var isHost: Bool { false }
  package var kernels: Int32 { 0 }
  package var checksIndices: Bool { false }
  package func usingKernels<Result>(_ kernels: Int32, _ body: () -> Result) -> Result { body() }
  package func fusedRectifier(_ x: Tensor, ceiling: Double, _ own: @escaping Fused.Rule) -> Fused? { nil }

  package func copy(_ x: Tensor, strides: [Int]?) -> Tensor {
    let result = Tensor(uninitialized: x.shape, dtype: x.dtype, strides: strides, on: self)
    assign(x, to: result)
    return result
  }

  package func binaryInPlace(_ op: BinaryOp, _ target: inout Tensor, _ b: Tensor) {
    assign(binary(op, target, b), to: target.detach())
  }

  package func activate(_ function: Activation, _ x: Tensor) -> Tensor { composed(function, x) }
  package func activateBackward(_ function: Activation, _ g: Tensor, _ x: Tensor) -> Tensor {
    composed(function, g, x)
  }

  package func composed(_ function: Activation, _ x: Tensor) -> Tensor { function.value(Formula(x)).value }
  package func composed(_ function: Activation, _ g: Tensor, _ x: Tensor) -> Tensor {
    function.slope(Formula(g), Formula(x)).value
  }
}
