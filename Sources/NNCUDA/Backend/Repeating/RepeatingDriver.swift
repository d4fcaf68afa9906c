import Foundation
import NNCore
import Synchronization

/// The driver as the backend sees it: it passes everything on, save for what a `StepRepeater` holds back until it is started
/// as a graph.
package final class RepeatingDriver: CUDADriver {
  package let driver: any CUDADriver

  /// Invariant for `@unchecked Sendable`: used under the lock only.
  private struct State: @unchecked Sendable {
    let memories: StepMemories
    /// Of the step under way, and the thread that takes it.
    var step: StepRepeater?
    var thread = pthread_self()
  }
  private let state: Mutex<State>
  private let isStepping = Atomic(false)
  private let hasMemories = Atomic(false)

  /// - Parameter giveBack: takes back a block that was not given by a repeater.
  init(_ driver: any CUDADriver, pool: DeviceMemoryPool, giveBack: @escaping @Sendable (DeviceMemory) -> Void) {
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
      isStepping.store(true, ordering: .releasing)
      return true
    }
  }

  func end(_ step: StepRepeater) {
    state.withLock { state in
      step.end()
      state.step = nil
      isStepping.store(false, ordering: .releasing)
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

  // MARK: Blocks

  /// A block for the calling thread: that of the step under way, or what `make` gives.
  func block(_ byteCount: Int, _ make: () -> DeviceMemory) -> DeviceMemory {
    guard isStepping.load(ordering: .acquiring) else { return make() }
    return state.withLock { state in
      guard let step = state.step, pthread_equal(state.thread, pthread_self()) != 0 else { return make() }
      if let block = step.take(byteCount) {
        hasMemories.store(true, ordering: .relaxed)
        return block
      }
      let block = make()
      step.noteAllocated(block, byteCount)
      return block
    }
  }

  /// Takes a block back; false if it is to go to where all do.
  func takesBack(_ block: DeviceMemory) -> Bool {
    guard hasMemories.load(ordering: .relaxed) || isStepping.load(ordering: .acquiring) else { return false }
    return state.withLock { state in
      state.memories.put(block.address) || state.step?.keeps(block) ?? false
    }
  }

  // MARK: Commands

  private func take(_ command: CardCommand) {
    state.withLock { state in
      guard let step = state.step else { return command.run(on: driver) }
      if pthread_equal(state.thread, pthread_self()) != 0 { return step.take(command) }
      step.letPass()
      command.run(on: driver)
    }
  }

  /// The calling thread is about to bring or read values, or to wait.
  ///
  /// - Parameter address: of what another thread than the step's reads; nil if it waits for all.
  private func announce(_ access: CardCommand.HostAccess, _ address: UnsafeMutableRawPointer? = nil) {
    guard isStepping.load(ordering: .acquiring) else { return }
    state.withLock { state in
      guard let step = state.step else { return }
      if pthread_equal(state.thread, pthread_self()) != 0 { return step.take(.host(access)) }
      // What another thread brings goes into memory of its own.
      if access == .upload { return }
      if address.map(state.memories.contains) ?? true { step.letPass() }
    }
  }

  package func launch(
    _ kernel: CUDAKernel, grid: (x: Int, y: Int, z: Int), block: Int, sharedBytes: Int,
    _ arguments: KernelArguments
  ) {
    guard isStepping.load(ordering: .acquiring) else {
      return driver.launch(kernel, grid: grid, block: block, sharedBytes: sharedBytes, arguments)
    }
    take(.launch(kernel, grid: grid, block: block, sharedBytes: sharedBytes, arguments))
  }

  package func multiply(_ product: CUDAProduct) {
    guard isStepping.load(ordering: .acquiring) else { return driver.multiply(product) }
    take(.multiply(product))
  }

  package func convolve(_ convolution: CUDAConvolution, _ operands: CUDAConvolution.Operands) {
    guard isStepping.load(ordering: .acquiring) else { return driver.convolve(convolution, operands) }
    take(.convolve(convolution, operands))
  }

  package func copy(_ source: UnsafeMutableRawPointer, to target: UnsafeMutableRawPointer, byteCount: Int) {
    guard isStepping.load(ordering: .acquiring) else {
      return driver.copy(source, to: target, byteCount: byteCount)
    }
    take(.copy(source, to: target, byteCount: byteCount))
  }

  package func clear(_ address: UnsafeMutableRawPointer, byteCount: Int) {
    guard isStepping.load(ordering: .acquiring) else { return driver.clear(address, byteCount: byteCount) }
    take(.clear(address, byteCount: byteCount))
  }

  package func upload(_ bytes: UnsafeRawBufferPointer, to address: UnsafeMutableRawPointer) {
    announce(.upload)
    driver.upload(bytes, to: address)
  }

  package func download(_ address: UnsafeMutableRawPointer, to bytes: UnsafeMutableRawBufferPointer) {
    announce(.download, address)
    driver.download(address, to: bytes)
  }

  package func synchronize() {
    announce(.wait)
    driver.synchronize()
  }

  package func mark() -> any CUDAMark {
    announce(.wait)
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
