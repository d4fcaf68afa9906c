import Foundation
import NNCore
import NNLayers
import TestSupport
import Testing

/// The golden learning-rate schedules of `Fixtures/optim/schedulers.json`.
struct SchedulerTests {
  /// The cases of every folder that holds a `schedulers.json`.
  static let cases: [NamedEntry] = {
    let folders = (try? FileManager.default.contentsOfDirectory(atPath: fixtureFolder.path).sorted()) ?? []
    return folders.flatMap { folder -> [NamedEntry] in
      let url = fixtureFolder.appendingPathComponent("\(folder)/schedulers.json")
      guard FileManager.default.fileExists(atPath: url.path) else { return [] }
      // A file that cannot be read is a case that fails.
      let unreadable = JSONValue.array([.object(["id": .string("\(folder)/schedulers.json")])])
      return NamedEntry.all((try? JSONValue(contentsOf: url))?["cases"] ?? unreadable, named: "id")
    }
  }()

  @Test func fixturesAreThere() { #expect(!Self.cases.isEmpty) }

  @Test(arguments: cases)
  func followsPyTorch(_ fixture: NamedEntry) throws {
    let differences = try catchingMistakes {
      let run = try ScheduleRun(fixture)
      return run.expected.indices.flatMap { step in
        let found = run.differences(step)
        if step + 1 < run.expected.count { run.advance(step) }
        return found
      }
    }
    #expect(differences.first == nil, "\(fixture)")
  }

  @Test(arguments: cases)
  func resumes(_ fixture: NamedEntry) throws {
    let differences = try catchingMistakes {
      let first = try ScheduleRun(fixture)
      let middle = min(11, first.expected.count / 2)
      for step in 0..<middle { first.advance(step) }
      let (rates, place) = (first.optimizer.stateDict(), first.scheduler.stateDict())
      let second = try ScheduleRun(fixture)
      try second.optimizer.loadStateDict(rates)
      try second.scheduler.loadStateDict(place)
      let found = (middle..<second.expected.count).flatMap { step in
        let found = second.differences(step)
        if step + 1 < second.expected.count { second.advance(step) }
        return found
      }
      do {
        try second.scheduler.loadStateDict([:])
        return found + ["an empty state is accepted"]
      } catch is StateError {
        return found
      }
    }
    #expect(differences.first == nil, "\(fixture)")
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
    let optimizer = SGD([Parameter(Tensor.zeros(1))], learningRate: 1) { $0.momentum = 0.9 }
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
      let optimizer = SGD([Parameter(Tensor.zeros(1))], learningRate: 1) { $0.momentum = 0.9 }
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
