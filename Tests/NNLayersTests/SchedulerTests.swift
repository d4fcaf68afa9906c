import Foundation
import NNCore
import NNLayers
import TestSupport
import Testing

/// The golden learning-rate schedules of `Fixtures/optim/schedulers.json`.
struct SchedulerTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let entry: JSONValue
    var testDescription: String { entry["id"]?.string ?? "?" }
  }

  static let cases: [Case] = {
    let url = fixtureFolder.appendingPathComponent("optim/schedulers.json")
    guard let json = try? JSONValue(contentsOf: url) else { return [] }
    return (json["cases"]?.elements ?? []).map(Case.init)
  }()

  @Test func allCasesAreThere() { #expect(Self.cases.count == 29) }

  @Test(arguments: cases)
  func followsPyTorch(_ fixture: Case) {
    let run = Run(fixture.entry)
    for step in run.expected.indices {
      run.check(step)
      if step + 1 < run.expected.count { run.advance(step) }
    }
  }

  @Test(arguments: cases)
  func resumes(_ fixture: Case) throws {
    let first = Run(fixture.entry)
    let middle = 11
    for step in 0..<middle { first.advance(step) }
    let (rates, place) = (first.optimizer.stateDict(), first.scheduler.stateDict())
    let second = Run(fixture.entry)
    try second.optimizer.loadStateDict(rates)
    try second.scheduler.loadStateDict(place)
    for step in middle..<second.expected.count {
      second.check(step)
      if step + 1 < second.expected.count { second.advance(step) }
    }
    #expect(throws: StateError.self) { try second.scheduler.loadStateDict([:]) }
  }

  @Test func multiplicative() {
    let optimizer = SGD([Parameter(Tensor.zeros(1))], learningRate: 1)
    let scheduler = MultiplicativeLR(optimizer) { $0 == 2 ? 0.5 : 1 }
    var seen: [Double] = []
    for _ in 0..<4 {
      seen += scheduler.lastLearningRates
      scheduler.step()
    }
    #expect(seen == [1, 1, 0.5, 0.5])
  }

  @Test func aCycleMayRiseInOneStep() {
    let optimizer = SGD([Parameter(Tensor.zeros(1))], learningRate: 1, momentum: 0.9)
    let scheduler = OneCycleLR(optimizer, maxLearningRate: 2, totalSteps: 10, startShare: 0.1)
    #expect(scheduler.lastLearningRates == [2])
    #expect(optimizer.momenta == [0.85])
    scheduler.step()
    #expect(scheduler.lastLearningRates[0] < 2)
  }

  @Test func nestedSequencesRestart() {
    let optimizer = SGD([Parameter(Tensor.zeros(1))], learningRate: 1)
    let inner = SequentialLR(
      optimizer,
      schedulers: [
        ConstantLR(optimizer, factor: 0.5, totalIterations: 9),
        ChainedScheduler([StepLR(optimizer, stepSize: 1, gamma: 0.5)]),
      ], milestones: [2])
    let outer = SequentialLR(
      optimizer, schedulers: [StepLR(optimizer, stepSize: 1, gamma: 0.1), inner], milestones: [2])
    var seen: [Double] = []
    for _ in 0..<7 {
      seen += outer.lastLearningRates
      outer.step()
    }
    #expect(seen == [1, 0.1, 0.5, 0.5, 1, 0.5, 0.25])
  }

  @Test func cyclicModes() {
    func rates(_ mode: CyclicLR.Mode) -> [Double] {
      let optimizer = SGD([Parameter(Tensor.zeros(1))], learningRate: 1, momentum: 0.9)
      let scheduler = CyclicLR(
        optimizer, baseLearningRate: 0, maxLearningRate: 1, stepSizeUp: 2, stepSizeDown: 1, mode: mode)
      return (0..<7).map { _ in
        defer { scheduler.step() }
        return (optimizer.learningRates[0] * 1e9).rounded() / 1e9
      }
    }
    #expect(rates(.triangular) == [0, 0.5, 1, 0, 0.5, 1, 0])
    #expect(rates(.triangular2) == [0, 0.5, 1, 0, 0.25, 0.5, 0])
    #expect(rates(.perCycle { Double($0) }) == [0, 0.5, 1, 0, 1, 2, 0])
    #expect(rates(.exponentialRange(gamma: 0.5)) == [0, 0.25, 0.25, 0, 0.03125, 0.03125, 0])
  }
}

/// A schedule being followed.
private final class Run {
  let expected: [[Double]]
  let momenta: [Double]?
  let metrics: [Double]
  let optimizer: SGD
  let scheduler: any LRScheduler

  init(_ entry: JSONValue) {
    expected = entry["lr"]?.elements.map(\.doubles) ?? []
    momenta = entry["momentum"]?.doubles
    metrics = entry["metrics"]?.doubles ?? []
    let groups = (entry["base_lrs"]?.doubles ?? []).map { rate in
      ParameterGroup<SGDOptions>([Parameter(Tensor.zeros(1))]) { $0.learningRate = rate }
    }
    optimizer = SGD(groups, momentum: entry["optimizer_momentum"]?.double ?? 0)
    scheduler = makeScheduler(entry["scheduler"]?.string ?? "", entry["kwargs"] ?? .null, optimizer)
  }

  func check(_ step: Int) {
    for (got, want) in zip(optimizer.learningRates, expected[step]) {
      #expect(abs(got - want) <= 1e-12 + 1e-9 * abs(want), "step \(step): \(got), expected \(want)")
    }
    if let momenta {
      let got = optimizer.momenta?[0] ?? .nan
      #expect(abs(got - momenta[step]) <= 1e-9 * momenta[step], "momentum of step \(step)")
    }
  }

  func advance(_ step: Int) {
    if metrics.isEmpty { scheduler.step() } else { scheduler.step(metric: metrics[step]) }
  }
}

private func makeScheduler(_ name: String, _ kwargs: JSONValue, _ optimizer: SGD) -> any LRScheduler {
  func int(_ key: String, _ fallback: Int) -> Int { kwargs[key]?.int ?? fallback }
  func double(_ key: String, _ fallback: Double) -> Double { kwargs[key]?.double ?? fallback }
  func parts() -> [any LRScheduler] {
    (kwargs["schedulers"]?.elements ?? []).map { makeScheduler($0[0].string, $0[1], optimizer) }
  }
  switch name {
  case "StepLR": return StepLR(optimizer, stepSize: int("step_size", 0), gamma: double("gamma", 0.1))
  case "MultiStepLR":
    return MultiStepLR(optimizer, milestones: kwargs["milestones"]?.ints ?? [], gamma: double("gamma", 0.1))
  case "ExponentialLR": return ExponentialLR(optimizer, gamma: double("gamma", 0))
  case "CosineAnnealingLR":
    return CosineAnnealingLR(optimizer, tMax: int("T_max", 0), minLearningRate: double("eta_min", 0))
  case "CosineAnnealingWarmRestarts":
    return CosineAnnealingWarmRestarts(
      optimizer, firstPeriod: int("T_0", 0), periodFactor: int("T_mult", 1),
      minLearningRate: double("eta_min", 0))
  case "LinearLR":
    return LinearLR(
      optimizer, startFactor: double("start_factor", 1.0 / 3), endFactor: double("end_factor", 1),
      totalIterations: int("total_iters", 5))
  case "ConstantLR":
    return ConstantLR(
      optimizer, factor: double("factor", 1.0 / 3), totalIterations: int("total_iters", 5))
  case "PolynomialLR":
    return PolynomialLR(optimizer, totalIterations: int("total_iters", 5), power: double("power", 1))
  case "LambdaLR": return LambdaLR(optimizer, lambda(kwargs["lr_lambda"]?.string ?? ""))
  case "SequentialLR":
    return SequentialLR(optimizer, schedulers: parts(), milestones: kwargs["milestones"]?.ints ?? [])
  case "ChainedScheduler": return ChainedScheduler(parts())
  case "OneCycleLR":
    return OneCycleLR(
      optimizer, maxLearningRate: double("max_lr", 0),
      totalSteps: int("total_steps", int("epochs", 0) * int("steps_per_epoch", 0)),
      startShare: double("pct_start", 0.3),
      annealing: kwargs["anneal_strategy"]?.string == "linear" ? .linear : .cosine,
      cyclesMomentum: kwargs["cycle_momentum"]?.bool ?? true, divFactor: double("div_factor", 25),
      finalDivFactor: double("final_div_factor", 1e4), threePhase: kwargs["three_phase"]?.bool ?? false)
  case "CyclicLR":
    return CyclicLR(
      optimizer, baseLearningRate: double("base_lr", 0), maxLearningRate: double("max_lr", 0),
      stepSizeUp: int("step_size_up", 2_000), mode: .triangular2)
  case "ReduceLROnPlateau":
    return ReduceLROnPlateau(
      optimizer, mode: kwargs["mode"]?.string == "max" ? .max : .min, factor: double("factor", 0.1),
      patience: int("patience", 10), threshold: double("threshold", 1e-4),
      thresholdMode: kwargs["threshold_mode"]?.string == "abs" ? .absolute : .relative,
      cooldown: int("cooldown", 0), minLearningRate: double("min_lr", 0), epsilon: double("eps", 1e-8))
  default: preconditionFailure("unknown scheduler \(name)")
  }
}

/// The Python expressions of the cases.
private func lambda(_ expression: String) -> (Int) -> Double {
  switch expression {
  case "0.95 ** t": { pow(0.95, Double($0)) }
  case "1 / (1 + t)": { 1 / (1 + Double($0)) }
  case "min(1, (t + 1) / 5) * 0.9 ** (t // 7)": { min(1, Double($0 + 1) / 5) * pow(0.9, Double($0 / 7)) }
  default: preconditionFailure("unknown expression \(expression)")
  }
}
