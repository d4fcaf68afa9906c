import Synchronization

/// The devices of this process beside the CPU.
package enum Devices {
  private static let others = Mutex<[Device: any Backend]>([:])

  /// Makes a device known, for as long as the process lives.
  package static func register(_ backend: any Backend) {
    others.withLock { devices in
      require(
        devices.updateValue(backend, forKey: backend.device) == nil && backend.device.kind != .cpu, "Devices",
        "device \(backend.device) is registered twice")
    }
  }

  /// What carries out operations on a device; stops if there is no such device.
  package static func backend(of device: Device) -> any Backend {
    if device.kind == .cpu { return CPUBackend.shared }
    guard let backend = others.withLock({ $0[device] }) else {
      fail("Device", "there is no device \(device) in this process")
    }
    return backend
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
    if self.device == device { return self }
    let copy = copied(to: Devices.backend(of: device))
    let home = self.device
    return copy.recorded("to", inputs: [self]) { g, _ in [g.to(home)] }
  }
}
