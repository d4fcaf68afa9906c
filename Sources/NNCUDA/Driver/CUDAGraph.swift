import NNCore

/// Work of the stream that was recorded once and is started as a whole. It reads and writes the addresses that it was
/// recorded with, so these must stay set aside as long as it lives.
package protocol CUDAGraph: AnyObject, Sendable {
  /// Starts it in the order of the stream, without waiting.
  func launch()
}

/// A moment in the order of the stream.
package protocol CUDAMark: AnyObject, Sendable {
  /// Waits until the card has reached both, and tells the time between them there. Marks are of one driver.
  func milliseconds(until later: any CUDAMark) -> Double
}

// What a driver that cannot record does: the caller asks `supportsGraphs` first.
extension CUDADriver {
  package var supportsGraphs: Bool { false }
  package func beginCapture() { fail("CUDADriver", "this device cannot record its work") }
  package func endCapture() throws(CUDAError) -> any CUDAGraph {
    throw CUDAError("this device cannot record its work")
  }
  package func mark() -> any CUDAMark {
    synchronize()
    return HostMark()
  }
}

/// A moment of the host's clock, for drivers whose work is done when a call returns.
private final class HostMark: CUDAMark {
  private let instant = ContinuousClock.now

  func milliseconds(until later: any CUDAMark) -> Double {
    guard let later = later as? HostMark else { fail("CUDAMark", "marks of two drivers") }
    return (later.instant - instant) / .milliseconds(1)
  }
}
