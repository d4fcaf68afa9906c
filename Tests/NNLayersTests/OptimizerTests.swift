import Foundation
import NNCore
import NNLayers
import TestSupport
import Testing

/// The golden trajectories of `Fixtures/optim`, and resuming from a state dict.
struct OptimizerTests {
  static let cases = FixtureGroup("optim", in: fixtureFolder).cases
  static let trajectories = cases.filter { !$0.operation.hasPrefix("clip") }
  static let clippings = cases.filter { $0.operation.hasPrefix("clip") }

  @Test func fixturesAreThere() {
    #expect(!Self.trajectories.isEmpty && !Self.clippings.isEmpty)
  }

  @Test(arguments: trajectories, [DType.float32, .float64])
  func followsPyTorch(_ fixture: FixtureCase, _ dtype: DType) throws {
    let differences = try catchingMistakes {
      let run = try Trajectory(fixture, dtype)
      return try (0..<run.steps).flatMap { step in
        try run.optimizerStep(step)
        return try run.differences(after: step + 1)
      }
    }
    #expect(differences.first == nil, "\(fixture)")
  }

  @Test(arguments: trajectories)
  func resumesWithTheSameBits(_ fixture: FixtureCase) throws {
    let differences = try catchingMistakes {
      let straight = try Trajectory(fixture, .float32)
      for step in 0..<straight.steps { try straight.optimizerStep(step) }
      let middle = straight.steps / 2
      let first = try Trajectory(fixture, .float32)
      for step in 0..<middle { try first.optimizerStep(step) }
      let state = first.optimizer.stateDict()
      let second = try Trajectory(fixture, .float32)
      for (fresh, trained) in zip(second.parameters, first.parameters) { fresh.value = trained.value }
      // Other options at first: those of the state dict must win.
      second.optimizer.learningRates = second.optimizer.learningRates.map { $0 * 2 }
      try second.optimizer.loadStateDict(state)
      if second.optimizer.learningRates != first.optimizer.learningRates { return ["other learning rates"] }
      for step in middle..<second.steps { try second.optimizerStep(step) }
      return zip(straight.parameters, second.parameters).enumerated().compactMap { place, pair in
        pair.0.value.isEqual(to: pair.1.value) ? nil : "parameter \(place) differs"
      }
    }
    #expect(differences == [], "\(fixture)")
  }

  @Test(arguments: clippings)
  func clipsAsPyTorch(_ fixture: FixtureCase) throws {
    #expect(try catchingMistakes { try clippingDifferences(fixture) } == [], "\(fixture)")
  }

  private func clippingDifferences(_ fixture: FixtureCase) throws -> [String] {
    let count = (0...).first { !fixture.hasStored("in.grad\($0)") } ?? 0
    let parameters = try (0..<count).map { place in
      let gradient = try fixture.stored("in.grad\(place)")
      let parameter = Parameter(Tensor.zeros(gradient.shape))
      parameter.grad = gradient
      return parameter
    }
    let without = Parameter(Tensor.zeros(2))
    var found: [String] = []
    let norm = try fixture.withArguments { a -> Double? in
      a.ignore("foreach")
      switch fixture.operation {
      case "clip_grad_norm_":
        // The golden norms are finite.
        a.ignore("error_if_nonfinite")
        return try clipGradNorm(
          parameters + [without], maxNorm: a.double("max_norm"), normType: a.double("norm_type", 2))
      case "clip_grad_value_":
        try clipGradValue(parameters + [without], clipValue: a.double("clip_value"))
        return nil
      default: throw FixtureError("operation not supported: \(fixture.operation)")
      }
    }
    if let norm {
      let want = try fixture.stored("total_norm").item()
      if !(abs(norm - want) <= 1e-6 * want) { found.append("norm \(norm), expected \(want)") }
    }
    for (place, parameter) in parameters.enumerated() {
      found += try fixture.differences("out.grad\(place)", parameter.grad ?? Tensor(0.0), .float32)
    }
    return without.grad == nil ? found : found + ["a parameter without gradient has one"]
  }

  @Test func normSpreadsNaNAndInfinity() {
    let parameter = Parameter(Tensor.zeros(3))
    parameter.grad = Tensor([1, Float.nan, 2])
    #expect(gradNorm([parameter]).isNaN)
    #expect(gradNorm([parameter], normType: .infinity).isNaN)
    parameter.grad = Tensor([1, -Float.infinity, 2])
    #expect(gradNorm([parameter]) == .infinity)
  }

  @Test func largeParametersAreTheSameForAnyThreadCount() {
    func run(threads: Int) -> (Tensor, Double) {
      let before = ThreadPool.shared.threadCount
      ThreadPool.shared.threadCount = threads
      defer { ThreadPool.shared.threadCount = before }
      let parameter = Parameter(FormulaNumbers.uniform("p", [300, 333]))
      let optimizer = AdamW([parameter], learningRate: 0.1)
      for step in 0..<3 {
        parameter.grad = FormulaNumbers.uniform("g\(step)", [300, 333])
        optimizer.step()
      }
      return (parameter.value, gradNorm([parameter]))
    }
    let (one, three) = (run(threads: 1), run(threads: 3))
    #expect(one.0.isEqual(to: three.0))
    #expect(one.1 == three.1)
  }

  @Test func stepsInPlaceAndKeepsOtherHolders() {
    let parameter = Parameter(Tensor.ones(4))
    let held = parameter.value.detach()
    let optimizer = SGD([parameter], learningRate: 1)
    parameter.grad = Tensor.ones(4)
    optimizer.step()
    #expect(held.array(of: Float.self) == [1, 1, 1, 1])
    #expect(parameter.value.array(of: Float.self) == [0, 0, 0, 0])
    #expect(parameter.value.isLeaf && parameter.value.requiresGrad)
    let place = parameter.value.hostPointer
    optimizer.step()
    #expect(parameter.value.hostPointer == place)
    #expect(parameter.grad != nil)
    optimizer.zeroGrad()
    #expect(parameter.grad == nil)
  }

  @Test func frozenParametersHaveNoState() {
    let (a, b) = (Parameter(Tensor.ones(2)), Parameter(Tensor.ones(2), requiresGrad: false))
    let optimizer = Adam([a, b])
    (a.value * b.value).sum().backward()
    optimizer.step()
    #expect(optimizer.stateDict().keys.contains("state.0.exp_avg"))
    #expect(!optimizer.stateDict().keys.contains { $0.hasPrefix("state.1") })
  }

  @Test func groupsKeepTheirOwnOptions() {
    let (a, b) = (Parameter(Tensor.ones(2)), Parameter(Tensor.ones(2)))
    let optimizer = AdamW(
      [ParameterGroup([a]) { $0.weightDecay = 0.5 }, ParameterGroup([b]) { $0.learningRate = 0.3 }],
      learningRate: 0.1
    ) { $0.betas.0 = 0.8 }
    #expect(optimizer.learningRates == [0.1, 0.3])
    #expect(optimizer.momenta == [0.8, 0.8])
    #expect(optimizer.groups.map(\.options.weightDecay) == [0.5, 1e-2])
    #expect(Adam([a]).groups.map(\.options.weightDecay) == [0])
    #expect(Adadelta([a]).momenta == nil && Adadelta([a]).learningRates == [1])
  }

  @Test(arguments: [
    (problem(SGDOptions.self) { $0.momentum = .nan }, "momentum must not be negative, got nan"),
    (problem(SGDOptions.self) { $0.nesterov = true }, "nesterov needs a momentum and no dampening"),
    (problem(AdamOptions.self) { $0.learningRate = -1 }, "learningRate must not be negative, got -1.0"),
    (problem(NAdamOptions.self) { $0.betas.1 = 1 }, "betas must lie in 0..<1, got (0.9, 1.0)"),
    (problem(RAdamOptions.self) { $0.epsilon = -1 }, "epsilon must not be negative, got -1.0"),
    (problem(AdamaxOptions.self) { $0.weightDecay = -1 }, "weightDecay must not be negative, got -1.0"),
    (problem(RMSpropOptions.self) { $0.alpha = -1 }, "no option may be negative"),
    (problem(AdagradOptions.self) { $0.learningRateDecay = -1 }, "no option may be negative"),
    (problem(AdadeltaOptions.self) { $0.rho = 2 }, "rho must lie in 0...1, got 2.0"),
  ])
  func optionsOutOfRangeAreRefused(_ found: String?, _ expected: String) {
    #expect(found == expected)
  }

  @Test func refusesForeignState() throws {
    let optimizer = SGD([Parameter(Tensor.ones(2))], learningRate: 0.5) { $0.momentum = 0.9 }
    let parameter = Parameter(Tensor.ones(3))
    let other = SGD([parameter], learningRate: 0.1) { $0.momentum = 0.9 }
    parameter.grad = Tensor.ones(3)
    other.step()
    #expect(throws: StateError.self) { try optimizer.loadStateDict(other.stateDict()) }
    #expect(throws: StateError.self) { try optimizer.loadStateDict(Adam([parameter]).stateDict()) }
    #expect(throws: StateError.self) { try optimizer.loadStateDict([:]) }
    var broken = optimizer.stateDict()
    broken["state.7.step"] = Tensor(1)
    #expect(throws: StateError.self) { try optimizer.loadStateDict(broken) }
    #expect(optimizer.learningRates == [0.5])
  }
}

/// What is wrong with the default options after a change.
private func problem<Options: OptimizerOptions>(
  _ type: Options.Type, _ change: (inout Options) -> Void
) -> String? {
  var options = Options()
  change(&options)
  return options.problem
}

/// One golden trajectory being followed.
private final class Trajectory {
  let fixture: FixtureCase
  let dtype: DType
  let steps: Int
  let parameters: [Parameter]
  let optimizer: any Optimizer
  private let missing: [[Int]]

  init(_ fixture: FixtureCase, _ dtype: DType) throws {
    self.fixture = fixture
    self.dtype = dtype
    let none = fixture.entry["none_grads"]?.elements ?? []
    missing = none.compactMap(\.ints)
    let count = (0...).first { !fixture.hasStored("param\($0)") } ?? 0
    let courses = try (0..<count).map { try fixture.stored("param\($0)") }
    let steps = fixture.entry["steps"]?.int ?? 0
    guard steps > 0, count > 0, missing.count == none.count,
      courses.allSatisfy({ $0.rank > 0 && $0.shape[0] == steps + 1 })
    else { throw FixtureError("the case has no course of parameters") }
    self.steps = steps
    parameters = courses.map { Parameter($0.select(0, index: 0).to(dtype)) }
    optimizer = try makeOptimizer(fixture, parameters)
  }

  func optimizerStep(_ step: Int) throws {
    for (place, parameter) in parameters.enumerated() {
      let gradient = try fixture.stored("grads\(place)").select(0, index: step).to(dtype)
      parameter.grad = missing.contains([step, place]) ? nil : gradient
    }
    optimizer.step()
  }

  func differences(after step: Int) throws -> [String] {
    try parameters.enumerated().flatMap { place, parameter in
      tensorDifferences(
        parameter.value.detach(), try fixture.stored("param\(place)").select(0, index: step).to(dtype),
        name: "parameter \(place) after step \(step)", relativeTolerance: dtype == .float64 ? 2e-7 : 1e-5,
        absoluteTolerance: dtype == .float64 ? 1e-9 : fixture.absoluteTolerance)
    }
  }
}

/// The optimizer of a case, its groups included.
private func makeOptimizer(_ fixture: FixtureCase, _ parameters: [Parameter]) throws -> any Optimizer {
  if let problem = fixture.problem { throw FixtureError(problem) }
  func groups<Options: OptimizerOptions>(_ type: Options.Type) throws -> [ParameterGroup<Options>] {
    let given = fixture.entry["groups"]?.elements ?? [.object([:])]
    return try given.map { entry in
      let places = entry["params"]?.ints ?? Array(parameters.indices)
      guard parameters.indices.contains(places.min() ?? 0), parameters.indices.contains(places.max() ?? 0)
      else {
        throw FixtureError("a group of parameters \(places), there are \(parameters.count)")
      }
      var options = entry.entries ?? [:]
      options["params"] = nil
      let changes =
        try fixture.kwargs.map { try change(Options.self, $0.key, $0.value) }
        + options.map { try change(Options.self, $0.key, $0.value) }
      return ParameterGroup(places.map { parameters[$0] }) { options in
        for change in changes { change(&options) }
      }
    }
  }
  switch fixture.operation {
  case "SGD": return SGD(try groups(SGDOptions.self))
  case "Adam" where fixture.kwargs["decoupled_weight_decay"]?.bool == true:
    return AdamW(try groups(AdamOptions.self)) { $0.weightDecay = 0 }
  case "Adam": return Adam(try groups(AdamOptions.self))
  case "AdamW": return AdamW(try groups(AdamOptions.self))
  case "RMSprop": return RMSprop(try groups(RMSpropOptions.self))
  case "Adagrad": return Adagrad(try groups(AdagradOptions.self))
  case "Adadelta": return Adadelta(try groups(AdadeltaOptions.self))
  case "NAdam": return NAdam(try groups(NAdamOptions.self))
  case "RAdam": return RAdam(try groups(RAdamOptions.self))
  case "Adamax": return Adamax(try groups(AdamaxOptions.self))
  default: throw FixtureError("operation not supported: \(fixture.operation)")
  }
}

/// How an option of PyTorch's name is set.
private func change<Options: OptimizerOptions>(
  _ type: Options.Type, _ name: String, _ value: JSONValue
) throws -> (inout Options) -> Void {
  // These choose between implementations, not between results.
  if ["foreach", "fused", "capturable", "differentiable"].contains(name) || value.isNull { return { _ in } }
  // Which of Adam and AdamW it is.
  if name == "decoupled_weight_decay", Options.self == AdamOptions.self { return { _ in } }
  if name == "betas", let betas = value.doubles, betas.count == 2 {
    let changes = try betas.indices.map { try change(type, "betas.\($0)", .number(betas[$0])) }
    return { options in for change in changes { change(&options) } }
  }
  for field in Options.fields {
    switch field {
    case .number(name, let path):
      if let number = value.double { return { $0[keyPath: path] = number } }
    case .flag(name, let path):
      if let flag = value.bool { return { $0[keyPath: path] = flag } }
    default: continue
    }
    throw FixtureError("argument \(name): \(value) has the wrong form")
  }
  throw FixtureError("argument not supported: \(name)")
}

let fixtureFolder = Bundle.module.bundleURL.appendingPathComponent("Fixtures")
