import CThreadState

/// Runs `body` without recording operations, as `torch.no_grad()`: results carry no gradient.
///
/// The mode belongs to the calling thread.
public func noGrad<T>(_ body: () throws -> T) rethrows -> T {
  nn_no_grad_add(1)
  defer { nn_no_grad_add(-1) }
  return try body()
}

/// Runs `body` with recording switched on or off, whatever the surrounding mode.
package func withGradient<T>(_ enabled: Bool, _ body: () throws -> T) rethrows -> T {
  let change = (enabled ? 0 : 1) - nn_no_grad_depth()
  nn_no_grad_add(change)
  defer { nn_no_grad_add(-change) }
  return try body()
}

/// Whether operations on the calling thread are being recorded.
public var isGradientEnabled: Bool { nn_no_grad_depth() == 0 }
