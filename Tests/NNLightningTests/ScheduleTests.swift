import Foundation
import NNCore
import NNData
import NNLayers
import TestSupport
import Testing

import NNLightning

/// When learning-rate schedules advance, and what becomes of them when a fit is resumed.
@Suite struct ScheduleTests {
  private final class Net: Module, Classifier, TrainStep, ValidationStep {
    let fc = Linear(2, 2)
    let make: (any Optimizer) -> [ScheduledRate]
    init(_ make: @escaping (any Optimizer) -> [ScheduledRate]) { self.make = make }
    func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
    func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 1) { $0.momentum = 0.9 } }
    func configureSchedulers(for optimizer: any Optimizer) -> [ScheduledRate] { make(optimizer) }
    /// Never better, so that each look at it counts as bad.
    func validationEnd(_ outputs: [StepOutput]) -> StepOutput { ["val_loss": Tensor(1.0)] }
  }

  private final class Rates: Callback {
    var rates: [Double] = []
    override func onTrainEpochEnd(_ trainer: Trainer, _ model: Module) {
      rates.append(trainer.schedules[0].scheduler.lastLearningRates[0])
    }
  }

  private func rates(
    epochs: Int, _ interval: ValidationInterval, _ make: @escaping (any Optimizer) -> ScheduledRate
  ) throws -> [Double] {
    let recorder = Rates()
    let trainer = Trainer(
      maxEpochs: epochs, callbacks: [recorder], enableProgressBar: false, validationInterval: interval,
      sanityValidationSteps: 0)
    try trainer.fit(Net { [make($0)] }, train: points(9, seed: 1), validation: points(9, seed: 2))
    return recorder.rates
  }

  private static func plateau(_ optimizer: any Optimizer) -> ReduceLROnPlateau {
    ReduceLROnPlateau(optimizer, factor: 0.5, patience: 0)
  }

  /// The first value is the best one, each new one after it halves the rate; an old one does not count again.
  @Test(arguments: [
    (ValidationInterval.epochs(1), [1, 0.5, 0.25, 0.125, 0.0625, 0.03125]),
    (.epochs(2), [1, 1, 1, 0.5, 0.5, 0.25]),
    (.epochs(3), [1, 1, 1, 1, 1, 0.5]), (.batches(4), [1, 1, 0.5, 0.25, 0.25, 0.125]),
  ])
  func aWatchingScheduleWaitsForANewValue(interval: ValidationInterval, expected: [Double]) throws {
    let found = try rates(epochs: 6, interval) {
      ScheduledRate(Self.plateau($0), monitor: .validationLoss)
    }
    #expect(found == expected)
  }

  @Test(arguments: [
    (1, [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625]), (2, [1, 0.5, 0.5, 0.25, 0.25, 0.125]),
    (4, [1, 1, 1, 0.5, 0.5, 0.5]),
  ])
  func frequencyIsAnIntervalOfEpochs(frequency: Int, expected: [Double]) throws {
    let found = try rates(epochs: 6, .epochs(1)) {
      ScheduledRate(ExponentialLR($0, gamma: 0.5), frequency: frequency)
    }
    #expect(found == expected)
  }

  @Test func frequencyCountsStepsToo() throws {
    // Three steps an epoch.
    let found = try rates(epochs: 4, .epochs(1)) {
      ScheduledRate(ExponentialLR($0, gamma: 0.5), interval: .step, frequency: 5)
    }
    #expect(found == [1, 0.5, 0.5, 0.25])
    let watching = try rates(epochs: 4, .epochs(1)) {
      ScheduledRate(Self.plateau($0), monitor: .validationLoss, frequency: 2)
    }
    #expect(watching == [1, 1, 1, 0.5])
  }

  @Test func aMetricThatIsNotThereIsRefusedOrTold() throws {
    func fit(strict: Bool) throws -> (Trainer, Double) {
      let trainer = Trainer(maxEpochs: 3, enableProgressBar: false)
      let net = Net { [ScheduledRate(Self.plateau($0), monitor: "val_los", strict: strict)] }
      try trainer.fit(net, train: points(9, seed: 1), validation: points(9, seed: 2))
      return (trainer, trainer.schedules[0].scheduler.lastLearningRates[0])
    }
    let error = #expect(throws: TrainerError.self) { try fit(strict: true) }
    #expect(error?.description.contains("did you mean \"val_loss\"") == true)
    let (trainer, rate) = try fit(strict: false)
    #expect(rate == 1 && trainer.notes.filter { $0.contains("\"val_los\"") }.count == 1)
  }

  // MARK: Resumed fits

  private func fit(
    _ folder: String, epochs: Int, resume: Resume, restart: Bool = false,
    _ make: @escaping (any Optimizer) -> ScheduledRate
  ) throws -> Trainer {
    let trainer = Trainer(
      maxEpochs: epochs, callbacks: [ModelCheckpoint(directory: folder, monitor: nil)],
      enableProgressBar: false)
    try trainer.fit(
      Net { [make($0)] }, train: points(9, seed: 1), resume: resume, restartSchedules: restart)
    return trainer
  }

  private enum Kind: String, CaseIterable, CustomTestStringConvertible {
    case oneCycle, cosine, cosineSteps, polynomial, sequence, fixedCosine, fixedOneCycle
    var testDescription: String { rawValue }
    func schedule(_ optimizer: any Optimizer, epochs: Int) -> ScheduledRate {
      switch self {
      case .oneCycle:
        ScheduledRate(OneCycleLR(optimizer, maxLearningRate: 1, totalSteps: 3 * epochs), interval: .step)
      case .cosine: ScheduledRate(CosineAnnealingLR(optimizer, tMax: epochs))
      case .cosineSteps: ScheduledRate(CosineAnnealingLR(optimizer, tMax: 3 * epochs), interval: .step)
      case .polynomial: ScheduledRate(PolynomialLR(optimizer, totalIterations: epochs))
      case .sequence:
        ScheduledRate(
          SequentialLR(
            optimizer,
            schedulers: [
              LinearLR(optimizer, totalIterations: 1), CosineAnnealingLR(optimizer, tMax: epochs - 1),
            ],
            milestones: [1]))
      // Made for the four epochs of the first run, whatever the second one has.
      case .fixedCosine: ScheduledRate(CosineAnnealingLR(optimizer, tMax: 4))
      case .fixedOneCycle:
        ScheduledRate(OneCycleLR(optimizer, maxLearningRate: 1, totalSteps: 12), interval: .step)
      }
    }
  }

  @Test(arguments: Kind.allCases)
  private func moreEpochsUnderAScheduleForFewerAreRefusedOrAskedFor(kind: Kind) throws {
    try withTemporaryFolder { folder in
      _ = try fit(folder.path, epochs: 4, resume: .never) { kind.schedule($0, epochs: 4) }
      let error = #expect(throws: TrainerError.self) {
        _ = try fit(folder.path, epochs: 6, resume: .last) { kind.schedule($0, epochs: 6) }
      }
      guard case .scheduleOfAnotherLength? = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      let text = error?.description ?? ""
      #expect(
        text.contains("restartSchedules: true") && text.contains("the length that it had")
          && !text.contains("\n"))
      if kind == .fixedOneCycle { return }  // there are six steps left, and twelve of them
      let trainer = try fit(folder.path, epochs: 6, resume: .last, restart: true) {
        kind.schedule($0, epochs: 6)
      }
      #expect(trainer.globalStep == 18)
      // From its beginning, two epochs far.
      let fresh = try fit(folder.path + "/other", epochs: 2, resume: .never) { kind.schedule($0, epochs: 6) }
      let (got, want) = (
        trainer.schedules[0].scheduler.lastLearningRates[0], fresh.schedules[0].scheduler.lastLearningRates[0]
      )
      #expect(abs(got - want) < 1e-12, "\(got) \(want)")
    }
  }

  @Test func aPeriodicScheduleGoesOn() throws {
    try withTemporaryFolder { folder in
      func schedule(_ optimizer: any Optimizer) -> ScheduledRate {
        ScheduledRate(CosineAnnealingLR(optimizer, tMax: 2))
      }
      _ = try fit(folder.path, epochs: 4, resume: .never, schedule)
      let on = try fit(folder.path, epochs: 7, resume: .last, schedule)
      let whole = try fit(folder.path + "/whole", epochs: 7, resume: .never, schedule)
      #expect(
        on.schedules[0].scheduler.lastLearningRates == whole.schedules[0].scheduler.lastLearningRates)
    }
  }

  @Test func aScheduleThatIsTooShortEndsTheFitByAnError() throws {
    try withTemporaryFolder { folder in
      let error = #expect(throws: TrainerError.self) {
        _ = try fit(folder.path, epochs: 4, resume: .never) {
          ScheduledRate(OneCycleLR($0, maxLearningRate: 1, totalSteps: 7), interval: .step)
        }
      }
      #expect(error == .scheduleOver("OneCycleLR", steps: 7))
    }
  }
}
