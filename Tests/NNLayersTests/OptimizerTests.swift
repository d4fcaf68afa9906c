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
    let differences = try catchingMistakes { try OptimizerTrajectory.differences(fixture, dtype) }
    #expect(differences.first == nil, "\(fixture)")
  }

  @Test(arguments: trajectories)
  func resumesWithTheSameBits(_ fixture: FixtureCase) throws {
    let differences = try catchingMistakes {
      let straight = try OptimizerTrajectory(fixture, .float32)
      for step in 0..<straight.steps { try straight.optimizerStep(step) }
      let middle = straight.steps / 2
      let first = try OptimizerTrajectory(fixture, .float32)
      for step in 0..<middle { try first.optimizerStep(step) }
      let state = first.optimizer.stateDict()
      let second = try OptimizerTrajectory(fixture, .float32)
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
    #expect(try catchingMistakes { try OptimizerTrajectory.clippingDifferences(fixture) } == [], "\(fixture)")
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
    (problem(LionOptions.self) { $0.betas.0 = 1 }, "betas must lie in 0..<1, got (1.0, 0.99)"),
    (problem(LAMBOptions.self) { $0.epsilon = -1 }, "epsilon must not be negative, got -1.0"),
    (problem(AdafactorOptions.self) { $0.clip = 0.5 }, "clip must be at least 1, got 0.5"),
    (problem(AdafactorOptions.self) { $0.beta2Decay = 1 }, "beta2Decay must be at most 0, got 1.0"),
    (problem(MuonOptions.self) { $0.iterations = 0 }, "iterations must lie in 1..<100, got 0"),
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

let fixtureFolder = Bundle.module.bundleURL.appendingPathComponent("Fixtures")
