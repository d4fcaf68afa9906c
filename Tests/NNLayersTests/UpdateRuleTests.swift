import NNCore
import TestSupport
import Testing

/// What a device that has no kernels for optimizers does, beside the kernels of the CPU and of a card.
struct UpdateRuleTests {
  struct Case: CustomTestStringConvertible {
    let testDescription: String
    let state: Int
    /// The rule of a step, counted from 0.
    let method: @Sendable (Int) -> UpdateRule.Method

    init(_ name: String, state: Int, _ method: @escaping @Sendable (Int) -> UpdateRule.Method) {
      testDescription = name
      self.state = state
      self.method = method
    }
  }

  static let betas = (0.8, 0.95)
  static let cases = [
    Case("sgd", state: 0) { _ in
      .sgd(rate: 0.1, momentum: 0, share: 1, nesterov: false, isFirst: false)
    },
    Case("sgd with a damped buffer", state: 1) {
      .sgd(rate: 0.1, momentum: 0.9, share: 0.6, nesterov: false, isFirst: $0 == 0)
    },
    Case("sgd with Nesterov's momentum", state: 1) {
      .sgd(rate: 0.1, momentum: 0.9, share: 1, nesterov: true, isFirst: $0 == 0)
    },
    Case("adam", state: 2) { _ in .adam(rate: 0.1, betas: betas, scale: 1.5, epsilon: 1e-3) },
    Case("adam with the greatest mean", state: 3) { _ in
      .adam(rate: 0.1, betas: betas, scale: 1.5, epsilon: 1e-3)
    },
    Case("nadam", state: 2) { _ in
      .nadam(rate: 0.1, gradientRate: 0.2, betas: betas, scale: 1.5, epsilon: 1e-3)
    },
    Case("radam", state: 2) { .radam(rate: 0.1, betas: betas, adaptive: 0.4 * Double($0), epsilon: 1e-3) },
    Case("adamax", state: 2) { _ in .adamax(rate: 0.1, betas: betas, epsilon: 1e-3) },
    Case("rmsprop", state: 1) { _ in
      .rmsprop(rate: 0.1, alpha: 0.9, epsilon: 1e-3, momentum: 0, centered: false)
    },
    Case("rmsprop, centered", state: 2) { _ in
      .rmsprop(rate: 0.1, alpha: 0.9, epsilon: 1e-3, momentum: 0, centered: true)
    },
    Case("rmsprop with momentum", state: 2) { _ in
      .rmsprop(rate: 0.1, alpha: 0.9, epsilon: 1e-3, momentum: 0.9, centered: false)
    },
    Case("rmsprop, centered, with momentum", state: 3) { _ in
      .rmsprop(rate: 0.1, alpha: 0.9, epsilon: 1e-3, momentum: 0.9, centered: true)
    },
    Case("adagrad", state: 1) { _ in .adagrad(rate: 0.1, epsilon: 1e-3) },
    Case("adadelta", state: 2) { _ in .adadelta(rate: 1, rho: 0.9, epsilon: 1e-3) },
  ]

  /// Several parameters, one of more than a piece of the kernels' loop, and one whose gradient lies in another order.
  static let shapes = [[5], [190, 230], [2, 3, 4, 5], [0, 3], []]

  @Test(arguments: cases, [DType.float32, .float64])
  func expressionsAndKernelsAgree(_ rule: Case, _ dtype: DType) {
    let kernels = course(rule, dtype) { $0[0].parameter.backend.step($0) }
    let expressions = course(rule, dtype) { for step in $0 { step.applyComposed() } }
    let card = course(rule, dtype, on: EmulatedCUDA.device) { $0[0].parameter.backend.step($0) }
    let tolerance = dtype == .float64 ? 1e-13 : 2e-6
    for (device, found) in [("cpu", kernels), ("card", card)] {
      for (place, pair) in zip(found, expressions).enumerated() {
        let found = tensorDifferences(
          pair.0, pair.1, name: "\(device): tensor \(place)", relativeTolerance: tolerance,
          absoluteTolerance: tolerance)
        #expect(found == [])
      }
    }
    #expect(kernels[0].isEqual(to: FormulaNumbers.uniform("p0", [5]).to(dtype)) == false)
  }

  /// Parameters and states after three steps of which one climbs, one decays and one shrinks.
  private func course(
    _ rule: Case, _ dtype: DType, on device: Device = .cpu, _ step: ([ParameterStep]) -> Void
  ) -> [Tensor] {
    var parameters = Self.shapes.enumerated().map { FormulaNumbers.uniform("p\($0)", $1).to(dtype).to(device) }
    var states = Self.shapes.map { shape in
      (0..<rule.state).map { _ in Tensor.zeros(shape, dtype: dtype).to(device) }
    }
    for number in 0..<3 {
      let rule = UpdateRule(
        rule.method(number), maximize: number == 0, weightDecay: number == 1 ? 0.1 : 0,
        shrinkage: number == 2 ? 0.9 : 1)
      for place in parameters.indices {
        parameters[place].makeUnique()
        for name in states[place].indices { states[place][name].makeUnique() }
      }
      step(
        Self.shapes.enumerated().map { place, shape in
          let gradient = FormulaNumbers.uniform("g\(number).\(place)", shape.reversed()).to(dtype).to(device)
          return ParameterStep(
            rule, parameter: parameters[place],
            gradient: gradient.permute(Array(shape.indices.reversed())), state: states[place])
        })
    }
    return (parameters + states.flatMap { $0 }).map { $0.to(.cpu) }
  }

  @Test(arguments: [1, 2, 3, Double.infinity], [DType.float32, .float64])
  func normsAgree(_ power: Double, _ dtype: DType) {
    let tensors = Self.shapes.enumerated().map {
      FormulaNumbers.uniform("x\($0)", $1.reversed()).to(dtype).permute(Array($1.indices.reversed()))
    }
    let backend = tensors[0].backend
    let (kernels, expression) = (
      backend.powerSum(tensors, power), backend.composedPowerSum(tensors, power)
    )
    #expect(kernels > 0 && abs(kernels - expression) <= 1e-12 * kernels)
    #expect(backend.powerSum([], power) == 0 && backend.composedPowerSum([], power) == 0)
    for broken in [Double.nan, -Double.infinity] {
      let more = tensors + [Tensor([1, broken, 2]).to(dtype), Tensor.ones(3, dtype: dtype)]
      let (kernels, expression) = (backend.powerSum(more, power), backend.composedPowerSum(more, power))
      #expect(
        broken.isNaN ? kernels.isNaN && expression.isNaN : kernels == .infinity && expression == .infinity)
    }
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity, 1e30], [DType.float32, .float64])
  func checksOfFinitenessAgree(_ value: Double, _ dtype: DType) {
    var x = Tensor.ones(300, 400, dtype: dtype)
    x[299, 7] = Tensor(value).to(dtype)
    let backend = x.backend
    #expect(backend.isAllFinite(x) == value.isFinite && backend.composedIsAllFinite(x) == value.isFinite)
    #expect(backend.isAllFinite(Tensor([1, 2])) && backend.composedIsAllFinite(Tensor([1, 2])))
  }
}
