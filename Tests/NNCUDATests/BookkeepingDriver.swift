import NNCore
import NNCUDA
import Synchronization

/// A card without memory: it gives addresses that nobody can use, up to a number of bytes.
final class BookkeepingDriver: CUDADriver {
  private struct State {
    var blocks: [UInt: Int] = [:]
    var next: UInt = 1 << 40
  }
  private let state = Mutex(State())
  let total: Int
  let card: CUDACard

  init(total: Int) {
    self.total = total
    card = CUDACard(
      name: "Bookkeeper", index: 3, computeCapability: (9, 0), multiprocessors: 1, totalMemory: total)
  }

  /// Sizes of what was allocated and not freed, by address.
  var blocks: [UInt: Int] { state.withLock { $0.blocks } }

  func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    state.withLock { state in
      guard state.blocks.values.reduce(byteCount, +) <= total else { return nil }
      state.blocks[state.next] = byteCount
      defer { state.next += UInt(byteCount) + 1 << 30 }
      return UnsafeMutableRawPointer(bitPattern: state.next)
    }
  }
  func free(_ address: UnsafeMutableRawPointer) {
    state.withLock { state in
      require(state.blocks.removeValue(forKey: UInt(bitPattern: address)) != nil, "free", "unknown block")
    }
  }
  var memory: (free: Int, total: Int) { (total - blocks.values.reduce(0, +), total) }
  func upload(_ bytes: UnsafeRawBufferPointer, to address: UnsafeMutableRawPointer) {}
  func download(_ address: UnsafeMutableRawPointer, to bytes: UnsafeMutableRawBufferPointer) {}
  func copy(_ source: UnsafeMutableRawPointer, to target: UnsafeMutableRawPointer, byteCount: Int) {}
  func clear(_ address: UnsafeMutableRawPointer, byteCount: Int) {}
  func synchronize() {}
  func launch(
    _ kernel: CUDAKernel, grid: (x: Int, y: Int, z: Int), block: Int, sharedBytes: Int,
    _ arguments: KernelArguments
  ) {}
  func multiply(_ product: CUDAProduct) {}
  func convolve(_ convolution: CUDAConvolution, _ operands: CUDAConvolution.Operands) {}
}
