import NNCore
import NNData

/// A device that has not enough memory for a run: what was asked for, where, and what helps.
public struct MemoryShortage: Sendable, Equatable, CustomStringConvertible {
  /// `training`, `validation`, `test` or `prediction`.
  public let stage: String
  /// Epoch of the fit, from 0; nil outside of one.
  public let epoch: Int?
  /// Place of the batch in its pass, from 0; nil outside of a batch.
  public let batch: Int?
  /// Samples in the batch.
  public let batchSize: Int?
  /// A size of batches that would fit, as far as can be told from the steps before; nil if not even one sample does.
  public let fittingBatchSize: Int?
  /// What was asked for, what is held, and what there is.
  public let problem: String

  public var description: String {
    var place = stage
    if let epoch { place += ", epoch \(epoch)" }
    if let batch { place += ", batch \(batch)" }
    if let batchSize { place += " of \(batchSize) samples" }
    guard batchSize != nil else { return "\(place): \(problem)" }
    let remedy =
      fittingBatchSize.map {
        "use a batch size of \($0), with accumulateGradBatches for the same steps"
      } ?? "use smaller samples or a smaller network"
    return "\(place): \(problem); \(remedy)"
  }
}

/// What steps took of a device's memory.
struct StepMemory {
  /// In use when the run began, and what could be had in all.
  private let before: Int
  private let available: Int
  /// The largest batch so far, and the peak with it.
  private var largest: (size: Int, peak: Int)?

  init?(_ device: Device) {
    let backend = Devices.backend(of: device)
    guard let use = backend.memoryUse else { return nil }
    (before, available) = (use.inUse, use.inUse + use.free)
    backend.resetMemoryPeak()
  }

  /// A step on so many samples is done.
  mutating func note(_ size: Int, on device: Device) {
    if let largest, largest.size >= size { return }
    if let use = Devices.backend(of: device).memoryUse { largest = (size, use.peak) }
  }

  /// A size that fits where `size` did not; nil if there is none.
  func fitting(below size: Int) -> Int? {
    var fitting = size / 2
    if let largest, largest.peak > before {
      // A tenth stays for what does not grow with the batch, and for gaps between blocks.
      let share = Double(available - before) * 0.9 / Double(largest.peak - before)
      fitting = min(size - 1, Int(share * Double(largest.size)))
    }
    return fitting > 0 ? fitting : nil
  }
}
