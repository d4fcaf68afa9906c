import Foundation
import NNCore
import Synchronization

/// The driver as the backend sees it: it passes everything on, save for what a `StepRepeater` holds back until it is started
/// as a graph, and for what a thread asks for that ran out of memory, until that is thrown.
package final class RepeatingDriver: CUDADriver {
  package let driver: any CUDADriver

  /// Invariant for `@unchecked Sendable`: used under the lock only.
  private struct State: @unchecked Sendable {
    let memories: StepMemories
    /// Of the step under way, and the thread that takes it.
    var step: StepRepeater?
    var thread = pthread_self()
    /// Threads whose work means nothing any more.
    var passedOver: Set<pthread_t> = []
    /// Whether the calling thread takes the step.
    var isOwn: Bool { pthread_equal(thread, pthread_self()) != 0 }
    var isWatching: Bool { step != nil || !passedOver.isEmpty }
  }
  private let state: Mutex<State>
  /// Whether there is anything to look at before a command is passed on.
  private let isWatching = Atomic(false)
  private let hasMemories = Atomic(false)

  /// - Parameter giveBack: takes back a block that was not given by a repeater.
  init(_ driver: any CUDADriver, pool: DeviceMemoryPool, giveBack: @escaping @Sendable (DeviceMemory) -> Void)
  {
    self.driver = driver
    state = Mutex(State(memories: StepMemories(pool, giveBack: giveBack)))
  }

  // MARK: Steps

  func makeRepeater() -> StepRepeater {
    state.withLock { state in StepRepeater(driver: driver, memories: state.memories) }
  }

  /// The calling thread begins a step. False if one is under way already.
  func begin(_ step: StepRepeater) -> Bool {
    state.withLock { state in
      guard state.step == nil else { return false }
      (state.step, state.thread) = (step, pthread_self())
      step.begin()
      isWatching.store(true, ordering: .releasing)
      return true
    }
  }

  func end(_ step: StepRepeater) {
    state.withLock { state in
      step.end()
      state.step = nil
      isWatching.store(state.isWatching, ordering: .releasing)
      tidy(state.memories)
    }
  }

  /// Lets go of what a repeater holds.
  func forget(_ step: StepRepeater) {
    state.withLock { state in
      step.forget()
      tidy(state.memories)
    }
  }

  /// Looks at something of a repeater.
  func reading<T>(_ body: () -> T) -> T { state.withLock { _ in body() } }

  private func tidy(_ memories: StepMemories) {
    memories.sweep()
    hasMemories.store(!memories.isEmpty, ordering: .relaxed)
  }

  // MARK: Without memory

  /// From here on nothing is done of what the calling thread asks for, until what was noted on it is thrown.
  func passOver() {
    state.withLock { state in
      if state.step != nil, state.isOwn { state.step?.diverge("the card had no memory left") }
      state.passedOver.insert(pthread_self())
      isWatching.store(true, ordering: .releasing)
    }
  }

  /// Whether the calling thread is passed over.
  private func isPassedOver(_ state: inout State) -> Bool {
    guard !state.passedOver.isEmpty, state.passedOver.contains(pthread_self()) else { return false }
    if pendingDataProblem != nil { return true }
    state.passedOver.remove(pthread_self())
    isWatching.store(state.isWatching, ordering: .releasing)
    return false
  }

  /// Gives memory back that is set aside for graphs, if nothing is held in it.
  func releaseIdleMemory() -> Bool { state.withLock { $0.memories.releaseIdle() } }

  // MARK: Blocks

  /// A block for the calling thread: that of the step under way, or what `make` gives.
  func block(_ byteCount: Int, _ make: () -> DeviceMemory?) -> DeviceMemory? {
    guard isWatching.load(ordering: .acquiring) else { return make() }
    return state.withLock { state in
      if isPassedOver(&state) { return .none(byteCount) }
      guard let step = state.step, state.isOwn else { return make() }
      if let block = step.take(byteCount) {
        hasMemories.store(true, ordering: .relaxed)
        return block
      }
      let block = make()
      if let block { step.noteAllocated(block, byteCount) }
      return block
    }
  }

  /// Takes a block back; false if it is to go to where all do.
  func takesBack(_ block: DeviceMemory) -> Bool {
    guard hasMemories.load(ordering: .relaxed) || isWatching.load(ordering: .acquiring) else { return false }
    return state.withLock { state in
      state.memories.put(block.address) || state.step?.keeps(block) ?? false
    }
  }

  // MARK: Commands

  private func take(_ command: CardCommand) {
    state.withLock { state in
      if isPassedOver(&state) { return }
      guard let step = state.step else { return command.run(on: driver) }
      if state.isOwn { return step.take(command) }
      step.letPass()
      command.run(on: driver)
    }
  }

  /// The calling thread is about to bring or read values, or to wait.
  ///
  /// - Parameter address: of what is brought or read; nil if it waits for all.
  /// - Returns: whether it is to do so.
  private func announce(_ access: CardCommand.HostAccess, _ address: UnsafeMutableRawPointer? = nil) -> Bool {
    if let address, DeviceMemory.isNone(address) {
      require(state.withLock { isPassedOver(&$0) }, "GPU", "a tensor is used for which there was no memory")
      return false
    }
    guard isWatching.load(ordering: .acquiring) else { return true }
    return state.withLock { state in
      if isPassedOver(&state) { return false }
      guard let step = state.step else { return true }
      if state.isOwn {
        step.take(.host(access))
      } else if access != .upload, address.map(state.memories.contains) ?? true {
        // What another thread brings goes into memory of its own.
        step.letPass()
      }
      return true
    }
  }

  package func launch(
    _ kernel: CUDAKernel, grid: (x: Int, y: Int, z: Int), block: Int, sharedBytes: Int,
    _ arguments: KernelArguments
  ) {
    guard isWatching.load(ordering: .acquiring) else {
      return driver.launch(kernel, grid: grid, block: block, sharedBytes: sharedBytes, arguments)
    }
    take(.launch(kernel, grid: grid, block: block, sharedBytes: sharedBytes, arguments))
  }

  package func multiply(_ product: CUDAProduct) {
    guard isWatching.load(ordering: .acquiring) else { return driver.multiply(product) }
    take(.multiply(product))
  }

  package func convolve(_ convolution: CUDAConvolution, _ operands: CUDAConvolution.Operands) {
    guard isWatching.load(ordering: .acquiring) else { return driver.convolve(convolution, operands) }
    take(.convolve(convolution, operands))
  }

  package func copy(_ source: UnsafeMutableRawPointer, to target: UnsafeMutableRawPointer, byteCount: Int) {
    guard isWatching.load(ordering: .acquiring) else {
      return driver.copy(source, to: target, byteCount: byteCount)
    }
    take(.copy(source, to: target, byteCount: byteCount))
  }

  package func clear(_ address: UnsafeMutableRawPointer, byteCount: Int) {
    guard isWatching.load(ordering: .acquiring) else { return driver.clear(address, byteCount: byteCount) }
    take(.clear(address, byteCount: byteCount))
  }

  package func upload(_ bytes: UnsafeRawBufferPointer, to address: UnsafeMutableRawPointer) {
    if announce(.upload, address) { driver.upload(bytes, to: address) }
  }

  package func download(_ address: UnsafeMutableRawPointer, to bytes: UnsafeMutableRawBufferPointer) {
    if announce(.download, address) {
      driver.download(address, to: bytes)
    } else {
      _ = bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }
  }

  package func synchronize() {
    if announce(.wait) { driver.synchronize() }
  }

  package func mark() -> any CUDAMark {
    _ = announce(.wait)
    return driver.mark()
  }

  // MARK: What is passed on

  package var card: CUDACard { driver.card }
  package func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer? { driver.allocate(byteCount) }
  package func free(_ address: UnsafeMutableRawPointer) { driver.free(address) }
  package var memory: (free: Int, total: Int) { driver.memory }
  package var supportsGraphs: Bool { driver.supportsGraphs }
  package func beginCapture() { driver.beginCapture() }
  package func endCapture() throws(CUDAError) -> any CUDAGraph { try driver.endCapture() }
}
