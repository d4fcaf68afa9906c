import ArgumentParser
import NNCUDA
import NNCore
import TestSupport

/// Where the golden cases run.
enum CheckedDevice: String, ExpressibleByArgument, CaseIterable {
  /// The host's memory and kernels.
  case cpu
  /// Memory of its own with the required kernels alone; needs no hardware.
  case emulated
  /// The backend and the kernels of NVIDIA's GPUs on the host.
  case emulatedCUDA = "emulated-cuda"
  /// The first NVIDIA GPU.
  case cuda

  /// The device, opened.
  func open() throws -> Device {
    switch self {
    case .cpu: return .cpu
    case .emulated: return EmulatedDevice.shared.device
    case .emulatedCUDA: return EmulatedCUDA.device
    case .cuda:
      _ = try Devices.open(.gpu())
      return .gpu()
    }
  }

  /// Whether the factors of convolutions are rounded unless one asks for full precision.
  var roundsFactors: Bool { self == .cuda }

  /// Whether work can be recorded and started as a whole.
  var keepsRecordings: Bool { self == .cuda || self == .emulatedCUDA }

  /// Asks for products and convolutions of full precision, or for the usual one.
  func setPrecision(isFull: Bool) { MatmulPrecision.convolutions = isFull ? .highest : .high }

  /// How many times the golden tolerances a training's losses may be off: devices add up in orders of their own.
  var slack: Double { self == .cpu ? 1 : 2 }
}
