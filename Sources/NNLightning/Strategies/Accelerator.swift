import NNCore

/// What a run computes on. A value exists only for what this machine has: asking for a device that may be missing throws,
/// with what is missing, and a `Trainer` that was made can run.
///
///     Trainer()                               // .auto: the best device there is
///     Trainer(accelerator: .cpu)
///     try Trainer(accelerator: .gpu)          // throws where there is no GPU
public struct Accelerator: Sendable, Hashable, CustomStringConvertible {
  public let description: String
  let device: Device

  private init(_ name: String, _ device: Device) { (description, self.device) = (name, device) }

  /// The best device there is: the processor.
  public static let auto = Accelerator("auto", .cpu)
  /// The processor.
  public static let cpu = Accelerator("cpu", .cpu)
  /// - Throws: ``AcceleratorError``, which says what is missing. In this version there is no GPU.
  public static var gpu: Accelerator {
    get throws { throw AcceleratorError.missing("gpu", "this version computes on the processor only") }
  }
}

/// Why there is no accelerator of a kind.
public enum AcceleratorError: Error, Equatable, CustomStringConvertible {
  /// Its name, and what is missing.
  case missing(_ name: String, _ reason: String)

  public var description: String {
    switch self {
    case .missing(let name, let reason): "Trainer: expected the accelerator \(name), found none: \(reason)"
    }
  }
}
