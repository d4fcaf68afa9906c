import ArgumentParser
import NNCore
import TestSupport

/// Where the golden cases run.
enum CheckedDevice: String, ExpressibleByArgument, CaseIterable {
  /// The host's memory and kernels.
  case cpu
  /// Memory of its own with the required kernels alone; needs no hardware.
  case emulated

  /// The device, opened; stops if there is none.
  func open() throws -> Device {
    switch self {
    case .cpu: .cpu
    case .emulated: EmulatedDevice.shared.device
    }
  }

  /// Whether the factors of convolutions are rounded unless one asks for full precision.
  var roundsFactors: Bool { false }

  /// Asks for products and convolutions of full precision, or for the usual one.
  func setPrecision(isFull: Bool) {}

  /// How many times the golden tolerances a training's losses may be off: devices add up in orders of their own.
  var slack: Double { self == .cpu ? 1 : 2 }
}
