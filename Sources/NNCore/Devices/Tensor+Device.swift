import Synchronization

/// The devices of this process beside the CPU.
package enum Devices {
  /// Opens one device of a kind, or tells in one line why there is none.
  package typealias Opener = @Sendable (Device) throws -> any Backend

  private struct Known {
    var backends: [Device: any Backend] = [:]
    var openers: [Device.Kind: Opener] = [:]
  }
  private static let known = Mutex(Known())

  /// Makes a device known, for as long as the process lives.
  package static func register(_ backend: any Backend) {
    known.withLock { known in
      require(
        known.backends.updateValue(backend, forKey: backend.device) == nil && backend.device.kind != .cpu,
        "Devices", "device \(backend.device) is registered twice")
    }
  }

  /// Makes a kind of device known, each of which is opened when it is first asked for.
  package static func register(_ kind: Device.Kind, _ opener: @escaping Opener) {
    known.withLock { $0.openers[kind] = opener }
  }

  /// What carries out operations on a device; stops if there is no such device.
  package static func backend(of device: Device) -> any Backend {
    do {
      return try open(device)
    } catch {
      fail("Device", "there is no device \(device) in this process: \(error)")
    }
  }

  /// The same, with an error if there is no such device.
  package static func open(_ device: Device) throws -> any Backend {
    if device.kind == .cpu { return CPUBackend.shared }
    let (backend, opener) = known.withLock { ($0.backends[device], $0.openers[device.kind]) }
    if let backend { return backend }
    guard let opener else { throw UnknownDevice() }
    // Opening takes a while and may itself ask for devices. Whoever opens gives everybody the same one.
    let opened = try opener(device)
    known.withLock { $0.backends[device] = opened }
    return opened
  }

  private struct UnknownDevice: Error, CustomStringConvertible {
    let description = "nothing here knows this kind"
  }
}

extension Device {
  /// Returns when all that was asked of the device is done: for measuring times. Whoever reads values waits for them anyway.
  /// As `torch.cuda.synchronize`.
  public func synchronize() { Devices.backend(of: self).synchronize() }
}

extension Tensor {
  /// The same values on another device; itself if it is there already. The gradient comes back to where this tensor is.
  /// As `torch.Tensor.to`.
  public func to(_ device: Device) -> Tensor {
    if self.device == device { return Moving.placement?.place(self) ?? self }
    let copy = copied(to: Devices.backend(of: device))
    let home = self.device
    return copy.recorded("to", inputs: [self]) { g, _ in [g.to(home)] }
  }
}

/// What `to` does besides while a value's tensors are moved.
enum Moving {
  @TaskLocal static var placement: Placement?
}
