import NNCore
import Synchronization

/// The number in a tensor of one element. On another device than the CPU it is read when somebody looks, since that waits for
/// everything the device was asked for before.
enum LazyNumber: Sendable {
  case known(Double)
  case pending(PendingNumber)

  init(_ tensor: Tensor) {
    self =
      tensor.device == .cpu ? .known(tensor.detach().item()) : .pending(PendingNumber(tensor.detach()))
  }

  var value: Double {
    switch self {
    case .known(let value): value
    case .pending(let number): number.value
    }
  }
}

/// A number on a device, read once.
final class PendingNumber: Sendable {
  private enum State {
    case there(Tensor)
    case read(Double)
  }
  private let state: Mutex<State>

  init(_ tensor: Tensor) {
    require(tensor.count == 1, "item", "needs one element, the shape is \(tensor.shape)")
    state = Mutex(.there(tensor))
  }

  var value: Double {
    state.withLock { state in
      switch state {
      case .read(let value): return value
      case .there(let tensor):
        let value = tensor.item()
        state = .read(value)
        return value
      }
    }
  }
}
