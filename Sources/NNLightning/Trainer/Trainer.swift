import Foundation
import NNCore
import NNLayers

/// Runs models: training with validation, tests and predictions, as PyTorch Lightning's `Trainer`.
///
///     let trainer = Trainer(maxEpochs: 10)
///     try trainer.fit(net, data)      // needs TrainStep; validates too if the model is a ValidationStep
///     try trainer.test(net, data)     // does not compile without TestStep
///     print(trainer.callbackMetrics)  // {'loss': …, 'val_loss': …, 'val_acc': …, 'test_loss': …, …}
///
/// Everything beyond the loops is a ``Callback``.
public final class Trainer {
  /// What a run computes on. Only the processor is there so far; asking for another throws at the start of a run.
  public enum Accelerator: String, Sendable, CaseIterable {
    case auto, cpu, gpu
  }

  public let maxEpochs: Int
  public let accelerator: Accelerator
  public let devices: Int
  /// In the order in which their hooks run.
  public let callbacks: [Callback]

  /// Latest value of every metric by name: `loss`, `val_loss`, `val_acc`, `test_loss`, `test_acc` and what steps
  /// name besides.
  public internal(set) var callbackMetrics: Metrics = [:]
  /// Counted from 0.
  public internal(set) var currentEpoch = 0
  /// Optimizer steps since the start of the fit.
  public internal(set) var globalStep = 0
  /// Batches of the loop that is running, nil if its loader cannot say.
  public internal(set) var batchCount: Int?
  /// Why the fit ended before its last epoch; nil if it did not.
  public internal(set) var stopReason: String?
  /// Whether a fit is running (its validations included).
  public internal(set) var isFitting = false
  /// The optimizer of the running or last fit.
  public internal(set) var optimizer: (any Optimizer)?
  var schedules: [ScheduledRate] = []
  private var interrupt: Interrupt?

  /// - Parameters:
  ///   - maxEpochs: epochs of a fit at most, at least 1.
  ///   - accelerator: `.auto` and `.cpu` run on the processor.
  ///   - devices: how many of them; 1.
  ///   - callbacks: run in this order, behind the progress bar.
  ///   - enableProgressBar: shows a ``ProgressBar``.
  public init(
    maxEpochs: Int = 10, accelerator: Accelerator = .auto, devices: Int = 1, callbacks: [Callback] = [],
    enableProgressBar: Bool = true
  ) {
    require(maxEpochs >= 1, "Trainer", "maxEpochs must be at least 1, got \(maxEpochs)")
    self.maxEpochs = maxEpochs
    self.accelerator = accelerator
    self.devices = devices
    self.callbacks = (enableProgressBar ? [ProgressBar()] : []) + callbacks
  }

  /// Ends the fit after the running epoch; the reason is kept in `stopReason`.
  public func stop(_ reason: String) {
    if stopReason == nil { stopReason = reason }
  }

  /// Whether Ctrl-C or SIGTERM asked the run to end.
  var isInterrupted: Bool { interrupt?.isRequested ?? false }

  /// Runs `body` with signals watched and callbacks told of errors.
  func run<T>(_ model: Module, _ body: () throws -> T) throws -> T {
    guard accelerator != .gpu, devices == 1 else {
      throw TrainerError.unavailable(accelerator: accelerator.rawValue, devices: devices)
    }
    let isOutermost = interrupt == nil
    if isOutermost { interrupt = Interrupt() }
    defer { if isOutermost { interrupt = nil } }
    do {
      return try body()
    } catch {
      for callback in callbacks { callback.onException(self, model, error: error) }
      throw error
    }
  }

  func notify(_ hook: (Callback) throws -> Void) rethrows {
    for callback in callbacks { try hook(callback) }
  }
}
