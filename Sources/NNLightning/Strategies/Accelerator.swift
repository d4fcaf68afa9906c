import NNCUDA
import NNCore

/// What a run computes on. A value exists only for what this machine has: asking for a device that may be missing throws,
/// with what is missing, and a `Trainer` that was made can run.
///
///     Trainer()                               // .auto: the best device there is
///     Trainer(accelerator: .cpu)
///     try Trainer(accelerator: .gpu)          // throws where there is no GPU
public struct Accelerator: Sendable, Hashable, CustomStringConvertible {
  public let description: String
  public let device: Device
  /// A line for whoever did not ask for this device.
  let note: String?

  package init(_ name: String, _ device: Device, note: String? = nil) {
    (description, self.device, self.note) = (name, device, note)
  }

  /// The best device there is: a GPU if one can be used, which the run then says in a line, or else the processor.
  public static let auto: Accelerator = {
    do {
      let gpu = try gpu
      return Accelerator("auto", gpu.device, note: "Computing on \(name(of: gpu.device)).")
    } catch {
      // Of a machine without a card there is nothing to say.
      guard let card = CUDA.cards.first else { return Accelerator("auto", .cpu) }
      return Accelerator(
        "auto", .cpu, note: "Computing on the processor, and not on \(printable(card.name)): \(error)")
    }
  }()
  /// The processor.
  public static let cpu = Accelerator("cpu", .cpu)
  /// The first GPU.
  ///
  /// - Throws: ``AcceleratorError``, which says what is missing and where it was looked for.
  public static var gpu: Accelerator { get throws { try gpu(0) } }

  /// One of several GPUs, counted from 0.
  ///
  /// - Throws: ``AcceleratorError``, which says what is missing and where it was looked for.
  public static func gpu(_ index: Int) throws -> Accelerator {
    let device = Device.gpu(index)
    do {
      _ = try Devices.open(device)
    } catch {
      throw AcceleratorError.missing("gpu", "\(error)")
    }
    return Accelerator("gpu", device)
  }

  /// Such as `cuda:0, NVIDIA H100 80GB HBM3`.
  private static func name(of device: Device) -> String {
    "\(device)" + (CUDA.cards.first { $0.index == device.index }.map { ", " + printable($0.name) } ?? "")
  }

  /// What is asked for in words: on a command line, in a file.
  public enum Choice: String, Sendable, CaseIterable, Codable {
    case auto, cpu, gpu

    /// - Throws: ``AcceleratorError`` if it is not there.
    public var accelerator: Accelerator {
      get throws {
        switch self {
        case .auto: .auto
        case .cpu: .cpu
        case .gpu: try .gpu
        }
      }
    }

    /// What Lightning's old `gpus=` meant: 0 is the processor, 1 a GPU; nil for others.
    public init?(gpus: Int) {
      switch gpus {
      case 0: self = .cpu
      case 1: self = .gpu
      default: return nil
      }
    }
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
