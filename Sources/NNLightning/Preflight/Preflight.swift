import Foundation
import NNCore
import NNData
import NNLayers

/// Says once, before the first step, what is about to happen: parameters, batches, memory, speed and duration, measured
/// in a few steps that leave no trace, and what looks like a mistake (see `findings`).
public final class Preflight: Callback {
  public let steps: Int
  /// The lines that were written.
  public private(set) var lines: [String] = []
  /// What looks like a mistake, one sentence each.
  public private(set) var findings: [String] = []
  private let write: (String) -> Void

  /// - Parameters:
  ///   - steps: training steps that are tried for the measurements.
  ///   - write: takes each line; standard error by default.
  public init(
    steps: Int = 3,
    write: ((String) -> Void)? = nil
  ) {
    require(steps >= 1, "Preflight", "needs at least one step, got \(steps)")
    self.steps = steps
    self.write = write ?? { writeToStandardError($0 + "\n") }
  }

  public override var isForWriterOnly: Bool { true }

  public override func onTrainStart(_ trainer: Trainer, _ model: Module) throws {
    // A resumed fit had its own.
    guard trainer.globalStep == 0, let fit = trainer.activeFit else { return }
    let linter = Linter(trainer: trainer, model: model)
    findings = linter.staticFindings()
    let normalization = NormalizationCheck(trainer, model)
    normalization?.watch()
    defer { normalization?.stop() }
    let clock = ContinuousClock()
    var mark = clock.now
    var (loading, stepping): ([Double], [Double]) = ([], [])
    var samples = 0
    let device = trainer.device == .cpu ? nil : Devices.backend(of: trainer.device)
    device?.resetMemoryPeak()
    let before = device?.memoryUse
    try fit.rehearse(steps: steps) { step, batch in
      loading.append((clock.now - mark).seconds)
      if step == 0 { try linter.checkLabels(batch) }
      samples = (batch as? any SizedBatch)?.batchSize ?? 1
      mark = clock.now
    } onLoss: { step, loss in
      guard step == 0 else { return }
      findings += linter.findings(of: loss) + (normalization?.findings() ?? [])
    } after: { _, _ in
      stepping.append((clock.now - mark).seconds)
      mark = clock.now
      return !trainer.isInterrupted
    }
    lines = facts(trainer, model, fit, loading: loading, stepping: stepping, samples: samples)
    if let before, let now = device?.memoryUse {
      lines.insert(room(trainer.device, before, now, samples), at: 1)
    }
    lines += findings.map { "Warning: \($0)" }
    for line in lines { write(line) }
  }

  private func facts(
    _ trainer: Trainer, _ model: Module, _ fit: any ActiveFit, loading: [Double], stepping: [Double],
    samples: Int
  ) -> [String] {
    let parameters = model.parameters()
    let count = parameters.reduce(0) { $0 + $1.count }
    let trainable = parameters.reduce(0) { $0 + ($1.requiresGrad ? $1.count : 0) }
    var lines = ["Parameters: \(grouped(count)), of which \(grouped(trainable)) are trained"]
    if let memory = systemBytes("/proc/self/status", "VmHWM:") {
      lines.append("Memory: \(memory / 1_000_000) MB at its peak in \(stepping.count) steps")
    }
    // The first batch pays for what is made once.
    let load = median(Array(loading.dropFirst(loading.count > 1 ? 1 : 0)))
    let step = median(Array(stepping.dropFirst(stepping.count > 1 ? 1 : 0)))
    lines.append(
      "Speed: \(time(step)) per step of \(samples) samples, \(time(load)) waiting for its batch"
        + (load > step ? "; the loader is slower than the training: more workers help" : ""))
    if let batches = fit.trainingBatchCount {
      var line = "Batches: \(grouped(batches)) per epoch"
      if let validation = fit.validation?.batchCount { line += ", \(grouped(validation)) of validation" }
      lines.append(line)
      let epochs = trainer.maxEpochs ?? trainer.maxSteps.map { ($0 - 1) / max(1, batches) + 1 }
      if let epochs {
        // A validation batch costs about a third of a training batch of its size: forward without backward.
        let validation = Double(fit.validation?.batchCount ?? 0) * step / 3
        let total = Double(epochs) * (Double(batches) * (step + load) + validation)
        let isRepeated = trainer.cacheFrozenFeatures != .off && parameters.contains { !$0.requiresGrad }
        lines.append(
          "Duration: about \(time(total)) for \(epochs) epochs"
            + (isRepeated ? ", less if what is frozen needs computing only once" : ""))
      }
    }
    return lines
  }

  /// What a step needs of a device's memory beside what is free there.
  private func room(
    _ device: Device, _ before: DeviceMemoryUse, _ now: DeviceMemoryUse, _ samples: Int
  ) -> String {
    func text(_ bytes: Int) -> String { "\(grouped(bytes / 1_000_000)) MB" }
    // Beside the weights, which are there whatever the batch.
    let batch = max(1, now.peak - before.inUse)
    let free = before.free
    let most = Int(Double(free) * 0.9 / Double(batch) * Double(samples))
    return
      "Memory of \(device): \(text(batch)) for a batch of \(samples), \(text(free)) of \(text(now.total)) free"
      + (batch < free / 2 ? "; batches of about \(grouped(most)) would fit" : "")
  }

  private func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
  }

  private func time(_ seconds: Double) -> String {
    switch seconds {
    case ..<1: "\((seconds * 1e3).formatted(digits: 1)) ms"
    case ..<120: "\(seconds.formatted(digits: 1)) s"
    case ..<7_200: "\((seconds / 60).formatted(digits: 0)) min"
    default: "\((seconds / 3_600).formatted(digits: 1)) h"
    }
  }
}
