import Foundation
import NNCore
import NNLayers
import TestSupport
import Testing

/// The golden trajectories of `Fixtures/optim`, and resuming from a state dict.
struct OptimizerTests {
  static let group = loadFixtures("optim")
  static let trajectories = group.cases.filter { !$0.operation.hasPrefix("clip") }
  static let clippings = group.cases.filter { $0.operation.hasPrefix("clip") }

  @Test func allCasesAreThere() {
    #expect(Self.group.cases.count == 44)
  }

  @Test(arguments: trajectories, [DType.float32, .float64])
  func followsPyTorch(_ fixture: FixtureCase, _ dtype: DType) throws {
    let run = Trajectory(fixture, dtype)
    for step in 0..<run.steps {
      run.optimizerStep(step)
      #expect(run.differences(after: step + 1) == [])
    }
  }

  @Test(arguments: trajectories.filter { !$0.id.contains("none_grads") })
  func resumesWithTheSameBits(_ fixture: FixtureCase) throws {
    let straight = Trajectory(fixture, .float32)
    for step in 0..<straight.steps { straight.optimizerStep(step) }
    let first = Trajectory(fixture, .float32)
    for step in 0..<5 { first.optimizerStep(step) }
    let state = first.optimizer.stateDict()
    let second = Trajectory(fixture, .float32)
    for (fresh, trained) in zip(second.parameters, first.parameters) { fresh.value = trained.value }
    // Other options at first: those of the state dict must win.
    second.optimizer.learningRates = second.optimizer.learningRates.map { $0 * 2 }
    try second.optimizer.loadStateDict(state)
    #expect(second.optimizer.learningRates == first.optimizer.learningRates)
    for step in 5..<second.steps { second.optimizerStep(step) }
    for (a, b) in zip(straight.parameters, second.parameters) { #expect(a.value.isEqual(to: b.value)) }
  }

  @Test(arguments: clippings)
  func clipsAsPyTorch(_ fixture: FixtureCase) {
    let parameters = (0..<3).map { place in
      let gradient = fixture.stored("in.grad\(place)")
      let parameter = Parameter(Tensor.zeros(gradient.shape))
      parameter.grad = gradient
      return parameter
    }
    let without = Parameter(Tensor.zeros(2))
    if fixture.operation == "clip_grad_norm_" {
      let norm = clipGradNorm(
        parameters + [without], maxNorm: fixture.kwargs["max_norm"]?.double ?? 1,
        normType: fixture.kwargs["norm_type"]?.double ?? 2)
      let want = fixture.stored("total_norm").item()
      #expect(abs(norm - want) <= 1e-6 * want)
    } else {
      clipGradValue(parameters + [without], clipValue: fixture.kwargs["clip_value"]?.double ?? 1)
    }
    for (place, parameter) in parameters.enumerated() {
      #expect(fixture.differences("out.grad\(place)", parameter.grad ?? Tensor(0.0), .float32) == [])
    }
    #expect(without.grad == nil)
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
    let place = parameter.value.rawPointer
    optimizer.step()
    #expect(parameter.value.rawPointer == place)
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

  @Test func refusesForeignState() throws {
    let optimizer = SGD([Parameter(Tensor.ones(2))], learningRate: 0.5, momentum: 0.9)
    let parameter = Parameter(Tensor.ones(3))
    let other = SGD([parameter], learningRate: 0.1, momentum: 0.9)
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

/// One golden trajectory being followed.
private final class Trajectory {
  let fixture: FixtureCase
  let dtype: DType
  let steps: Int
  let parameters: [Parameter]
  let optimizer: any Optimizer
  private let missing: [[Int]]

  init(_ fixture: FixtureCase, _ dtype: DType) {
    self.fixture = fixture
    self.dtype = dtype
    steps = fixture.entry["steps"]?.int ?? 0
    missing = fixture.entry["none_grads"]?.elements.map(\.ints) ?? []
    parameters = (0..<3).map { place in
      let start = fixture.stored("param\(place)").select(0, index: 0)
      return Parameter(start.to(dtype))
    }
    optimizer = makeOptimizer(fixture, parameters)
  }

  func optimizerStep(_ step: Int) {
    for (place, parameter) in parameters.enumerated() {
      let gradient = fixture.stored("grads\(place)").select(0, index: step).to(dtype)
      parameter.grad = missing.contains([step, place]) ? nil : gradient
    }
    optimizer.step()
  }

  func differences(after step: Int) -> [String] {
    parameters.enumerated().flatMap { place, parameter in
      tensorDifferences(
        parameter.value.detach(), fixture.stored("param\(place)").select(0, index: step).to(dtype),
        name: "parameter \(place) after step \(step)", relativeTolerance: dtype == .float64 ? 2e-7 : 1e-5,
        absoluteTolerance: dtype == .float64 ? 1e-9 : fixture.absoluteTolerance)
    }
  }
}

/// The optimizer of a case, its groups included.
private func makeOptimizer(_ fixture: FixtureCase, _ parameters: [Parameter]) -> any Optimizer {
  func groups<Options: OptimizerOptions>(_ type: Options.Type) -> [ParameterGroup<Options>] {
    let entries: [JSONValue]
    if let given = fixture.entry["groups"], !given.isNull {
      entries = given.elements
    } else {
      entries = [.object([:])]
    }
    return entries.map { entry in
      let members = entry["params"]?.ints.map { parameters[$0] } ?? parameters
      return ParameterGroup(members) { options in
        for (name, value) in fixture.kwargs { set(&options, name, value) }
        for (name, value) in entry.entries where name != "params" { set(&options, name, value) }
      }
    }
  }
  switch fixture.operation {
  case "SGD": return SGD(groups(SGDOptions.self))
  case "Adam": return Adam(groups(AdamOptions.self))
  case "AdamW": return AdamW(groups(AdamOptions.self))
  case "RMSprop": return RMSprop(groups(RMSpropOptions.self))
  case "Adagrad": return Adagrad(groups(AdagradOptions.self))
  case "Adadelta": return Adadelta(groups(AdadeltaOptions.self))
  case "NAdam": return NAdam(groups(NAdamOptions.self))
  case "RAdam": return RAdam(groups(RAdamOptions.self))
  case "Adamax": return Adamax(groups(AdamaxOptions.self))
  default: preconditionFailure("unknown optimizer \(fixture.operation)")
  }
}

/// Sets an option by PyTorch's name.
private func set<Options: OptimizerOptions>(_ options: inout Options, _ name: String, _ value: JSONValue) {
  if name == "betas" {
    for (place, beta) in value.doubles.enumerated() { set(&options, "betas.\(place)", .number(beta)) }
    return
  }
  for field in Options.fields {
    switch field {
    case .number(name, let path):
      options[keyPath: path] = value.double
      return
    case .flag(name, let path):
      options[keyPath: path] = value.bool
      return
    default: continue
    }
  }
  preconditionFailure("\(Options.self) has no option \(name)")
}

/// The golden cases of a group copied into this target.
func loadFixtures(_ group: String) -> FixtureGroup {
  let folder = fixtureFolder.appendingPathComponent(group)
  do {
    return try FixtureGroup(directory: folder)
  } catch {
    preconditionFailure("fixtures of group \(group) in \(folder.path): \(error)")
  }
}

let fixtureFolder = Bundle.module.bundleURL.appendingPathComponent("Fixtures")
