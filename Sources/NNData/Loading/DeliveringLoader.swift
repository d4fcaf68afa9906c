import NNCore

/// A loader that moves its batches to a device itself, on the threads that make them.
package protocol DeliveringLoader: AnyObject {
  /// From the next pass on batches are on this device.
  func deliver(to device: Device)
}

extension DataLoader: DeliveringLoader {
  package func deliver(to device: Device) { destination.withLock { $0 = device } }
}
