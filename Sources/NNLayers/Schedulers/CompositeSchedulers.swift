import NNCore
import NNFiles

/// Schedules one after the other: the next one begins at each milestone, from the initial learning rates.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.SequentialLR.html
public final class SequentialLR: LRScheduler, RestartableScheduler {
  public let optimizer: any Optimizer
  public let milestones: [Int]
  /// Steps made.
  public private(set) var lastEpoch = 0
  private let schedulers: [any RestartableScheduler]

  /// - Parameters:
  ///   - schedulers: made for `optimizer`, in order; `ReduceLROnPlateau` cannot be one of them.
  ///   - milestones: numbers of steps at which the second, third, … begins.
  public init(_ optimizer: any Optimizer, schedulers: [any LRScheduler], milestones: [Int]) {
    require(!schedulers.isEmpty, "SequentialLR", "needs at least one scheduler")
    require(
      milestones.count == schedulers.count - 1, "SequentialLR",
      "\(schedulers.count) schedulers need \(schedulers.count - 1) milestones, got \(milestones.count)")
    self.optimizer = optimizer
    self.milestones = milestones
    self.schedulers = restartable(schedulers, of: optimizer, "SequentialLR")
    optimizer.resetLearningRates()
    for scheduler in self.schedulers { scheduler.undoInitialStep() }
    self.schedulers[0].initialStep()
  }

  private var current: Int { milestones.filter { $0 <= lastEpoch }.count }

  public var length: Int? {
    schedulers.last?.length.map { (milestones.last ?? 0) + $0 }
  }
  public var stepsLeft: Int? {
    // Where the next schedule takes over, the end of this one does not matter.
    schedulers[current].stepsLeft.flatMap { left in
      current < milestones.count && lastEpoch + left >= milestones[current] - 1 ? nil : left
    }
  }

  public func step() {
    lastEpoch += 1
    let index = current
    if index > 0, milestones[index - 1] == lastEpoch {
      schedulers[index].restart()
    } else {
      schedulers[index].step()
    }
  }

  func undoInitialStep() { for scheduler in schedulers { scheduler.undoInitialStep() } }
  func rewind() {
    lastEpoch = 0
    for scheduler in schedulers { scheduler.rewind() }
  }
  func initialStep() { schedulers[0].initialStep() }
  func restart() {
    optimizer.resetLearningRates()
    rewind()
    initialStep()
  }

  public func stateDict() -> StateDict {
    var state: StateDict = ["last_epoch": Tensor(lastEpoch)]
    state.insert(schedulers)
    return state
  }
  public func loadStateDict(_ state: StateDict) throws {
    let epoch = try StateReader(state, owner: "SequentialLR").integer("last_epoch")
    try state.load(into: schedulers)
    lastEpoch = epoch
  }
}

/// Several schedules at once, each multiplying the rates that the one before it left.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ChainedScheduler.html
public final class ChainedScheduler: LRScheduler, RestartableScheduler {
  public let optimizer: any Optimizer
  private let schedulers: [any RestartableScheduler]

  /// - Parameter schedulers: made for the same optimizer; `ReduceLROnPlateau` cannot be one of them.
  public init(_ schedulers: [any LRScheduler]) {
    guard let first = schedulers.first else { fail("ChainedScheduler", "needs at least one scheduler") }
    optimizer = first.optimizer
    self.schedulers = restartable(schedulers, of: first.optimizer, "ChainedScheduler")
  }

  public func step() { for scheduler in schedulers { scheduler.step() } }
  public var length: Int? { schedulers.compactMap(\.length).min() }
  public var stepsLeft: Int? { schedulers.compactMap(\.stepsLeft).min() }

  func undoInitialStep() { for scheduler in schedulers { scheduler.undoInitialStep() } }
  func rewind() { for scheduler in schedulers { scheduler.rewind() } }
  func initialStep() { for scheduler in schedulers { scheduler.initialStep() } }
  func restart() {
    optimizer.resetLearningRates()
    rewind()
    initialStep()
  }

  public func stateDict() -> StateDict {
    var state = StateDict()
    state.insert(schedulers)
    return state
  }
  public func loadStateDict(_ state: StateDict) throws { try state.load(into: schedulers) }
}

private func restartable(
  _ schedulers: [any LRScheduler], of optimizer: any Optimizer, _ name: StaticString
) -> [any RestartableScheduler] {
  schedulers.map { scheduler in
    require(scheduler.optimizer === optimizer, name, "\(type(of: scheduler)) belongs to another optimizer")
    guard let restartable = scheduler as? any RestartableScheduler else {
      fail(name, "\(type(of: scheduler)) cannot be part of it")
    }
    return restartable
  }
}

extension Optimizer {
  func resetLearningRates() {
    learningRates = zip(initialLearningRates, learningRates).map { $0 ?? $1 }
  }
}

extension StateDict {
  /// Adds the states of schedulers under `0.`, `1.`, ….
  fileprivate mutating func insert(_ schedulers: [any RestartableScheduler]) {
    for (place, scheduler) in schedulers.enumerated() {
      for (key, value) in scheduler.stateDict() { self["\(place).\(key)"] = value }
    }
  }

  /// Loads them; all keep their former state if one does not fit.
  fileprivate func load(into schedulers: [any RestartableScheduler]) throws {
    let former = schedulers.map { $0.stateDict() }
    do {
      for (place, scheduler) in schedulers.enumerated() { try scheduler.loadStateDict(part("\(place).")) }
    } catch {
      for (scheduler, state) in zip(schedulers, former) { try scheduler.loadStateDict(state) }
      throw error
    }
  }
}
