import Foundation
import NNCore
import Synchronization

/// A card's driver that measures how long the card was busy with each kernel, product and convolution: it stands before the
/// real one where the environment variable `NN_CUDA_TIMES` is set, and tells its table on standard error when the process
/// ends. Work is not recorded then, and where the card waits for the host, a few microseconds of that count as work.
final class TimedDriver: CUDADriver {
  private struct Total {
    var count = 0
    var milliseconds = 0.0
  }
  private struct State {
    var pending: [(name: String, begin: any CUDAMark, end: any CUDAMark)] = []
    var totals: [String: Total] = [:]
    /// How often each was asked for.
    var asked: [String: Int] = [:]
  }

  private let driver: any CUDADriver
  private let state = Mutex(State())

  /// So often a thing does not count at first: kernels are compiled then, and ways for convolutions looked for.
  private static let warmUp = 3
  private static let pendingLimit = 4_096
  private static let opened = Mutex<[TimedDriver]>([])

  /// The driver itself, unless times are asked for.
  static func timed(_ driver: any CUDADriver) -> any CUDADriver {
    guard ProcessInfo.processInfo.environment["NN_CUDA_TIMES"] != nil else { return driver }
    let timed = TimedDriver(driver)
    opened.withLock { opened in
      if opened.isEmpty {
        atexit { for driver in TimedDriver.opened.withLock({ $0 }) { driver.tell() } }
      }
      opened.append(timed)
    }
    return timed
  }

  private init(_ driver: any CUDADriver) { self.driver = driver }

  private func measure(_ name: String, _ work: () -> Void) {
    let begin = driver.mark()
    work()
    let end = driver.mark()
    state.withLock { state in
      state.asked[name, default: 0] += 1
      if state.asked[name, default: 0] <= Self.warmUp { return }
      state.pending.append((name, begin, end))
      if state.pending.count >= Self.pendingLimit { Self.settle(&state) }
    }
  }

  private static func settle(_ state: inout State) {
    for (name, begin, end) in state.pending {
      state.totals[name, default: Total()].count += 1
      state.totals[name, default: Total()].milliseconds += begin.milliseconds(until: end)
    }
    state.pending = []
  }

  private func tell() {
    let totals = state.withLock { state in
      Self.settle(&state)
      return state.totals
    }
    let all = totals.values.reduce(0) { $0 + $1.milliseconds }
    let lines = totals.sorted { $0.value.milliseconds > $1.value.milliseconds }.prefix(50).map {
      name, total in
      String(
        format: "%6d x %9.1f us %9.2f ms %5.1f%%  ", total.count,
        1e3 * total.milliseconds / Double(total.count), total.milliseconds, 100 * total.milliseconds / all)
        + name
    }
    let head = String(format: "%@: %.2f ms in kernels", card.name, all)
    writeToStandardError(([head] + lines).joined(separator: "\n") + "\n")
  }

  // MARK: What is measured

  func launch(
    _ kernel: CUDAKernel, grid: (x: Int, y: Int, z: Int), block: Int, sharedBytes: Int,
    _ arguments: KernelArguments
  ) {
    measure(kernel.name) {
      driver.launch(kernel, grid: grid, block: block, sharedBytes: sharedBytes, arguments)
    }
  }

  func multiply(_ product: CUDAProduct) {
    let batch = product.batch > 1 ? "\(product.batch) x " : ""
    let sizes = "\(batch)\(product.rows)x\(product.columns)x\(product.depth)"
    measure("product \(sizes)\(product.allowsTF32 ? " TF32" : "")") { driver.multiply(product) }
  }

  func convolve(_ convolution: CUDAConvolution, _ operands: CUDAConvolution.Operands) {
    let c = convolution
    let window = "\(c.kernelSize.height)x\(c.kernelSize.width)"
    let size = "\(c.inputSize.height)x\(c.inputSize.width)"
    measure("\(c.pass) of \(c.batch) x \(c.channels) to \(c.outputs), \(window) at \(size)") {
      driver.convolve(convolution, operands)
    }
  }

  // MARK: What is passed on

  var card: CUDACard { driver.card }
  func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer? { driver.allocate(byteCount) }
  func free(_ address: UnsafeMutableRawPointer) { driver.free(address) }
  var memory: (free: Int, total: Int) { driver.memory }
  func upload(_ bytes: UnsafeRawBufferPointer, to address: UnsafeMutableRawPointer) {
    driver.upload(bytes, to: address)
  }
  func download(_ address: UnsafeMutableRawPointer, to bytes: UnsafeMutableRawBufferPointer) {
    driver.download(address, to: bytes)
  }
  func copy(_ source: UnsafeMutableRawPointer, to target: UnsafeMutableRawPointer, byteCount: Int) {
    measure("copy") { driver.copy(source, to: target, byteCount: byteCount) }
  }
  func clear(_ address: UnsafeMutableRawPointer, byteCount: Int) {
    measure("clear") { driver.clear(address, byteCount: byteCount) }
  }
  func synchronize() { driver.synchronize() }
  var supportsGraphs: Bool { false }
  func beginCapture() { fail("TimedDriver", "work cannot be recorded while it is timed") }
  func endCapture() throws(CUDAError) -> any CUDAGraph {
    throw CUDAError("work cannot be recorded while it is timed")
  }
  func mark() -> any CUDAMark { driver.mark() }
}
