import Foundation
import NNCore
import NNData
import NNLayers

/// Doubles the batch size of the training loader before a fit as long as memory allows and it makes training faster,
/// and trains with the size of the most samples per second; as Lightning's callback of that name, which looks at memory
/// alone. Weights, optimizer and random numbers are as before afterwards.
///
/// The loader must be a `DataLoader` with a batch size of its own. A resumed fit keeps the size that was found.
public final class BatchSizeFinder: Callback {
  /// One size that was tried.
  public struct Trial: Sendable {
    public let batchSize: Int
    public let samplesPerSecond: Double
    /// Physical memory of the process behind the steps, or of the device at its peak in them; nil where it is not known.
    public let memoryBytes: Int?
  }

  public let steps: Int
  public let maximum: Int
  public let memoryLimit: Int?
  public let minimumGain: Double
  /// What was tried, in order.
  public private(set) var trials: [Trial] = []
  /// The size that the fit trains with; nil before one was found.
  public private(set) var batchSize: Int?

  /// - Parameters:
  ///   - steps: steps measured per size, behind one that is not.
  ///   - maximum: greatest size that is tried.
  ///   - memoryLimit: bytes that the process may use; nil for half of what it has and the system has left. On a GPU, bytes of
  ///     the card; nil for nine tenths of what is free there.
  ///   - minimumGain: the search ends at a size that is not faster than the best one by this share.
  public init(steps: Int = 3, maximum: Int = 4_096, memoryLimit: Int? = nil, minimumGain: Double = 0.05) {
    require(steps >= 1 && maximum >= 1, "BatchSizeFinder", "needs steps and maximum of at least 1")
    require(minimumGain >= 0, "BatchSizeFinder", "minimumGain must not be negative, got \(minimumGain)")
    self.steps = steps
    self.maximum = maximum
    self.memoryLimit = memoryLimit
    self.minimumGain = minimumGain
  }

  public override var isSkippedInFastDevRun: Bool { true }

  public override func onTrainStart(_ trainer: Trainer, _ model: Module) throws {
    guard trainer.globalStep == 0, let fit = trainer.activeFit else { return }
    (trials, batchSize) = ([], nil)
    guard var size = fit.trainingBatchSize else { throw TrainerError.fixedBatchSize }
    let first = size
    let device = trainer.device == .cpu ? nil : Devices.backend(of: trainer.device)
    let limit =
      memoryLimit ?? device?.memoryUse.map { $0.inUse + $0.free / 10 * 9 }
      ?? (systemBytes("/proc/self/status", "VmRSS:") ?? 0)
      + (systemBytes("/proc/meminfo", "MemAvailable:") ?? .max / 4) / 2
    var before: Int?
    var best: Trial?
    while size <= max(maximum, first), !trainer.isInterrupted {
      let trial = try measure(fit, size, device)
      trials.append(trial)
      if let best, trial.samplesPerSecond < best.samplesPerSecond * (1 + minimumGain) { break }
      best = trial
      // Twice the batch needs at most twice what this one took more than the one before.
      if let bytes = trial.memoryBytes, bytes + 2 * max(0, bytes - (before ?? 0)) > limit { break }
      before = trial.memoryBytes
      size *= 2
    }
    batchSize = try trainer.strategy.first(best?.batchSize)
    try fit.useBatchSize(batchSize ?? first)
  }

  private func measure(_ fit: any ActiveFit, _ size: Int, _ device: (any Backend)?) throws -> Trial {
    try fit.useBatchSize(size)
    device?.resetMemoryPeak()
    let clock = ContinuousClock()
    var mark = clock.now
    var (samples, seconds) = (0, 0.0)
    var batch = 0
    try fit.rehearse(steps: steps + 1) { step, data in
      batch = (data as? any SizedBatch)?.batchSize ?? size
      if step == 0 { mark = clock.now }
    } onLoss: { _, _ in
    } after: { step, _ in
      if step > 0 {
        samples += batch
        seconds += (clock.now - mark).seconds
      }
      mark = clock.now
      return true
    }
    return Trial(
      batchSize: size, samplesPerSecond: Double(samples) / max(seconds, 1e-9),
      memoryBytes: device == nil ? systemBytes("/proc/self/status", "VmRSS:") : device?.memoryUse?.peak)
  }
}

/// A number of kilobytes from a file of `/proc`, in bytes; nil where the system does not say.
func systemBytes(_ file: String, _ field: String) -> Int? {
  guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
  for line in text.split(separator: "\n") where line.hasPrefix(field) {
    return line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }.map { $0 * 1_024 }
  }
  return nil
}
