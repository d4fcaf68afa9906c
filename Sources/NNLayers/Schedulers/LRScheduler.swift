import NNCore
import NNFiles

/// Changes the learning rates of an optimizer from step to step, as `torch.optim.lr_scheduler`. A step is an epoch
/// or a batch, as the training loop has it: call `step()` after the optimizer's last step of it.
///
/// The state dict holds where in the schedule it is; what the initializer was given must be given again. Learning
/// rates in force are part of the optimizer's state dict, so save and load both.
public protocol LRScheduler: AnyObject {
  var optimizer: any Optimizer { get }
  /// Learning rate of each group in force.
  var lastLearningRates: [Double] { get }
  /// Goes on by one step.
  func step()
  /// Goes on by one step and hands over the metric that `ReduceLROnPlateau` watches; others leave it unread.
  func step(metric: Double)
  /// Steps that the schedule is made for, nil if it has no end: going on with another number of them would not be
  /// going on.
  var length: Int? { get }
  /// Steps that can still be made, nil for any number: one more would stop the program.
  var stepsLeft: Int? { get }
  func stateDict() -> StateDict
  /// Takes over what `stateDict()` gave. Everything is checked before anything is changed.
  /// - Throws: `StateError.invalid` if entries are missing or of another shape.
  func loadStateDict(_ state: StateDict) throws
}

extension LRScheduler {
  public var lastLearningRates: [Double] { optimizer.learningRates }
  public func step(metric: Double) { step() }
  public var length: Int? { nil }
  public var stepsLeft: Int? { nil }
}

/// A schedule that can be run by `SequentialLR` and `ChainedScheduler`.
protocol RestartableScheduler: LRScheduler {
  /// Takes back the step that the initializer made, without touching learning rates.
  func undoInitialStep()
  /// Goes back to before that step, from wherever it is.
  func rewind()
  /// Makes the first step.
  func initialStep()
  /// Starts the schedule over from the optimizer's initial learning rates.
  func restart()
}

/// A schedule given by the number of steps made. A subclass says the learning rates in `rates()`.
///
/// As in PyTorch, most schedules multiply the rates in force instead of computing them from the number of steps, so
/// that several can run on one optimizer.
open class EpochScheduler: LRScheduler, RestartableScheduler {
  public let optimizer: any Optimizer
  /// Learning rate of each group before any scheduler changed it.
  public internal(set) var baseLearningRates: [Double]
  /// Steps made; 0 after the initializer.
  public internal(set) var lastEpoch = -1
  /// Whether `rates()` is called for the start of the schedule.
  public private(set) var isInitialStep = false

  public init(_ optimizer: any Optimizer) {
    self.optimizer = optimizer
    baseLearningRates = zip(optimizer.initialLearningRates, optimizer.learningRates).map { $0 ?? $1 }
    optimizer.initialLearningRates = baseLearningRates
  }

  /// Makes the step from nothing to step 0. To be called at the end of a subclass's initializer.
  public final func start() { initialStep() }

  /// The learning rates of step `lastEpoch`; those of the former step are in force.
  open func rates() -> [Double] { currentRates }

  /// The learning rates of step `lastEpoch` from the base rates alone, nil if only `rates()` can tell.
  open func closedFormRates() -> [Double]? { nil }

  /// Entries of the state dict besides the number of steps and the base rates.
  open func extraState() -> StateDict { StateDict() }
  /// Takes over what `extraState()` gave; is to throw before it changes anything.
  open func loadExtraState(_ state: StateDict) throws {}

  open var length: Int? { nil }
  open var stepsLeft: Int? { nil }

  public var currentRates: [Double] { optimizer.learningRates }
  func scaled(_ factor: Double) -> [Double] { currentRates.map { $0 * factor } }

  public func step() {
    lastEpoch += 1
    optimizer.learningRates = rates()
  }

  func undoInitialStep() { lastEpoch -= 1 }
  func rewind() { lastEpoch = -1 }

  func initialStep() {
    isInitialStep = true
    defer { isInitialStep = false }
    step()
  }

  func restart() {
    lastEpoch = 0
    optimizer.learningRates = closedFormRates() ?? rates()
  }

  public func stateDict() -> StateDict {
    var state: StateDict = ["last_epoch": Tensor(lastEpoch), "base_lrs": Tensor(baseLearningRates)]
    for (key, value) in extraState() { state[key] = value }
    return state
  }

  public func loadStateDict(_ state: StateDict) throws {
    let reader = StateReader(state, owner: "\(Self.self)")
    let epoch = try reader.integer("last_epoch", from: -1)
    let rates = try reader.numbers("base_lrs", count: baseLearningRates.count)
    try loadExtraState(state)
    lastEpoch = epoch
    baseLearningRates = rates
  }
}
