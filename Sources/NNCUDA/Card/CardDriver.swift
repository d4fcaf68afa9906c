import CThreadState
import Foundation
import NNCore

/// A card of this machine: everything happens in the order of one stream of its primary context.
///
/// Invariant for `@unchecked Sendable`: the variables change under `lock` only. Whoever records holds it from `beginCapture`
/// to `endCapture`, so that no other thread's work gets into the recording.
package final class CardDriver: CUDADriver, @unchecked Sendable {
  package let card: CUDACard
  let functions: CUDALibraries
  let cuda: DriverFunctions
  let stream: Handle
  private let context: Handle
  private let lock = NSRecursiveLock()
  let kernels: CardKernels
  private let staging: StagingMemory
  let products: CardProducts
  let cache: KernelCache

  /// Of the recording that is under way: why it cannot be used, if so.
  private var recordingProblem: String?
  private(set) var isRecording = false
  /// Whether there may be graphs that keep addresses of the driver's own memory.
  private(set) var hasRecorded = false

  /// Made at the first convolution: opening cuDNN takes a while.
  private var convolutions: CardConvolutions?

  /// - Throws: `CUDAError` if there is no such card or it cannot be used.
  package convenience init(index: Int) throws {
    try self.init(
      CUDALibraries.installed.get(), index: index,
      cache: KernelCache(environment: ProcessInfo.processInfo.environment))
  }

  init(_ libraries: CUDALibraries, index: Int, cache: KernelCache) throws {
    let cuda = libraries.driver
    functions = libraries
    self.cuda = cuda
    self.cache = cache
    card = try CUDACard(cuda, index: index)
    var device: Int32 = 0
    var (context, stream): (Handle?, Handle?)
    try cuda.check("cuDeviceGet", cuda.cuDeviceGet(&device, Int32(index)))
    try cuda.check("cuDevicePrimaryCtxRetain", cuda.cuDevicePrimaryCtxRetain(&context, device))
    try cuda.check("cuCtxSetCurrent", cuda.cuCtxSetCurrent(context))
    nn_set_device_context(context)
    try cuda.check("cuStreamCreate", cuda.cuStreamCreate(&stream, Self.nonBlocking))
    guard let context, let stream else { throw CUDAError("the driver made no context") }
    self.context = context
    self.stream = stream
    kernels = try CardKernels(
      cuda, KernelCompiler(nvrtc: libraries.nvrtc), capability: card.computeCapability, cache: cache)
    staging = StagingMemory(cuda, stream: stream)
    products = try CardProducts(cuda, libraries.cublas, stream: stream)
  }

  private static let nonBlocking: UInt32 = 1
  private static let relaxedCapture: Int32 = 2
  /// Dynamic shared memory beyond this must be asked for.
  private static let plainSharedBytes = 48 << 10
  private static let maxDynamicSharedBytes: Int32 = 8

  /// Runs a body that calls the libraries: alone, and with the card's context on this thread.
  func withCard<Result>(_ body: () throws -> Result) rethrows -> Result {
    lock.lock()
    defer { lock.unlock() }
    makeCurrent()
    return try body()
  }

  /// Contexts belong to threads, and loaders' threads come here too.
  private func makeCurrent() {
    if nn_device_context() == context { return }
    must("cuCtxSetCurrent", cuda.cuCtxSetCurrent(context))
    nn_set_device_context(context)
  }

  /// Stops unless a call succeeded: what fails here is a mistake of this library or a fault of the card, after which the
  /// context is of no use any more.
  func must(_ call: @autoclosure () -> String, _ code: DriverFunctions.Code) {
    if code == 0 { return }
    fail("GPU", "\(call()) failed on \(printable(card.name)): \(cuda.name(of: code))")
  }

  /// Stops with what a body throws.
  func must<Result>(_ body: () throws -> Result) -> Result {
    do {
      return try body()
    } catch {
      fail("GPU", "on \(printable(card.name)): \(error)")
    }
  }

  /// Whether the work under way is being recorded and cannot hold what is asked for.
  private func isRefused(_ what: String) -> Bool {
    guard isRecording else { return false }
    if recordingProblem == nil { recordingProblem = what }
    return true
  }

  // MARK: Memory

  package func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    withCard {
      var address: UnsafeMutableRawPointer?
      let code = cuda.cuMemAlloc(&address, byteCount)
      if code == DriverFunctions.outOfMemory { return nil }
      must("cuMemAlloc of \(byteCount) bytes", code)
      return address
    }
  }

  package func free(_ address: UnsafeMutableRawPointer) {
    withCard { must("cuMemFree", cuda.cuMemFree(address)) }
  }

  package var memory: (free: Int, total: Int) {
    withCard {
      var (free, total) = (0, 0)
      must("cuMemGetInfo", cuda.cuMemGetInfo(&free, &total))
      return (free, total)
    }
  }

  package func upload(_ bytes: UnsafeRawBufferPointer, to address: UnsafeMutableRawPointer) {
    guard bytes.count > 0 else { return }
    // Small ones go into the command itself, and the call returns at once.
    guard bytes.count > StagingMemory.small,
      let block = withCard({ isRecording ? nil : staging.take(bytes.count) })
    else {
      return withCard {
        if isRefused("it brings values of the host to the card") { return }
        must("cuMemcpyHtoDAsync", cuda.cuMemcpyHtoDAsync(address, bytes.baseAddress, bytes.count, stream))
      }
    }
    UnsafeMutableRawBufferPointer(start: block.address, count: bytes.count).copyMemory(from: bytes)
    withCard {
      must("cuMemcpyHtoDAsync", cuda.cuMemcpyHtoDAsync(address, block.address, bytes.count, stream))
      staging.giveBack(block)
    }
  }

  package func download(_ address: UnsafeMutableRawPointer, to bytes: UnsafeMutableRawBufferPointer) {
    guard bytes.count > 0 else { return }
    guard bytes.count <= StagingMemory.largestDownload,
      let block = withCard({ isRecording ? nil : staging.take(bytes.count) })
    else {
      return withCard {
        if isRefused("it reads values of the card") {
          bytes.initializeMemory(as: UInt8.self, repeating: 0)
          return
        }
        must("cuMemcpyDtoHAsync", cuda.cuMemcpyDtoHAsync(bytes.baseAddress, address, bytes.count, stream))
        must("cuStreamSynchronize", cuda.cuStreamSynchronize(stream))
      }
    }
    withCard {
      must("cuMemcpyDtoHAsync", cuda.cuMemcpyDtoHAsync(block.address, address, bytes.count, stream))
      must("cuEventRecord", cuda.cuEventRecord(block.event, stream))
    }
    // Others may work while this thread waits.
    must("cuEventSynchronize", cuda.cuEventSynchronize(block.event))
    bytes.copyMemory(from: UnsafeRawBufferPointer(start: block.address, count: bytes.count))
    withCard { staging.giveBack(block) }
  }

  package func copy(
    _ source: UnsafeMutableRawPointer, to target: UnsafeMutableRawPointer, byteCount: Int
  ) {
    guard byteCount > 0 else { return }
    withCard { must("cuMemcpyDtoDAsync", cuda.cuMemcpyDtoDAsync(target, source, byteCount, stream)) }
  }

  package func clear(_ address: UnsafeMutableRawPointer, byteCount: Int) {
    guard byteCount > 0 else { return }
    withCard { must("cuMemsetD8Async", cuda.cuMemsetD8Async(address, 0, byteCount, stream)) }
  }

  package func synchronize() {
    withCard {
      if isRefused("it waits for the card") { return }
      must("cuStreamSynchronize", cuda.cuStreamSynchronize(stream))
    }
  }

  // MARK: Work

  package func launch(
    _ kernel: CUDAKernel, grid: (x: Int, y: Int, z: Int), block: Int, sharedBytes: Int,
    _ arguments: KernelArguments
  ) {
    guard grid.x > 0, grid.y > 0, grid.z > 0 else { return }
    guard let x = UInt32(exactly: grid.x), grid.y <= 65_535, grid.z <= 65_535, block <= 1024 else {
      fail("GPU", "kernel \(kernel.name) has too large a grid: \(grid) blocks of \(block) threads")
    }
    withCard {
      let function = must { try kernels.function(kernel) }
      if sharedBytes > Self.plainSharedBytes {
        must(
          "cuFuncSetAttribute of \(kernel.name)",
          cuda.cuFuncSetAttribute(function, Self.maxDynamicSharedBytes, Int32(sharedBytes)))
      }
      let code = arguments.bytes.withUnsafeBytes { bytes in
        withUnsafeTemporaryAllocation(
          of: UnsafeMutableRawPointer?.self, capacity: arguments.offsets.count + 1
        ) { pointers in
          // The driver reads the values only, and copies them before it returns.
          let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
          for (index, offset) in arguments.offsets.enumerated() {
            pointers.initializeElement(at: index, to: start.map { $0 + offset })
          }
          pointers.initializeElement(at: arguments.offsets.count, to: nil)
          return cuda.cuLaunchKernel(
            function, x, UInt32(grid.y), UInt32(grid.z), UInt32(block), 1, 1, UInt32(sharedBytes), stream,
            pointers.baseAddress, nil)
        }
      }
      must("launching kernel \(kernel.name)", code)
    }
  }

  package func multiply(_ product: CUDAProduct) {
    withCard { must { try products.multiply(product) } }
  }

  package func convolve(_ convolution: CUDAConvolution, _ operands: CUDAConvolution.Operands) {
    withCard {
      must {
        let convolutions = try self.convolutions ?? CardConvolutions(self)
        self.convolutions = convolutions
        try convolutions.run(convolution, operands)
      }
    }
  }

  // MARK: Recording

  package var supportsGraphs: Bool { true }

  package func beginCapture() {
    lock.lock()
    makeCurrent()
    require(!isRecording, "CardDriver", "a recording is under way already")
    // Memory may be set aside meanwhile, which other modes forbid.
    must("cuStreamBeginCapture", cuda.cuStreamBeginCapture(stream, Self.relaxedCapture))
    (isRecording, hasRecorded, recordingProblem) = (true, true, nil)
  }

  package func endCapture() throws(CUDAError) -> any CUDAGraph {
    require(isRecording, "CardDriver", "no recording is under way")
    defer { lock.unlock() }
    isRecording = false
    var (graph, executable): (Handle?, Handle?)
    let code = cuda.cuStreamEndCapture(stream, &graph)
    defer { if let graph { _ = cuda.cuGraphDestroy(graph) } }
    if let recordingProblem { throw CUDAError(recordingProblem) }
    guard code == 0, let graph else { throw CUDAError("cuStreamEndCapture failed: \(cuda.name(of: code))") }
    let made = cuda.cuGraphInstantiateWithFlags(&executable, graph, 0)
    guard made == 0, let executable else {
      throw CUDAError("cuGraphInstantiate failed: \(cuda.name(of: made))")
    }
    return CardGraph(self, executable)
  }

  package func mark() -> any CUDAMark {
    withCard {
      var event: Handle?
      must("cuEventCreate", cuda.cuEventCreate(&event, 0))
      must("cuEventRecord", cuda.cuEventRecord(event, stream))
      return CardMark(self, event)
    }
  }
}

/// A recording of a card, destroyed with its last reference.
///
/// Invariant for `@unchecked Sendable`: the handle is a number that only the driver's functions read.
private final class CardGraph: CUDAGraph, @unchecked Sendable {
  private let driver: CardDriver
  private let executable: Handle

  init(_ driver: CardDriver, _ executable: Handle) {
    self.driver = driver
    self.executable = executable
  }

  deinit { driver.withCard { _ = driver.cuda.cuGraphExecDestroy(executable) } }

  func launch() {
    driver.withCard {
      driver.must("cuGraphLaunch", driver.cuda.cuGraphLaunch(executable, driver.stream))
    }
  }
}

/// An event of a card's stream. `@unchecked Sendable` as above.
private final class CardMark: CUDAMark, @unchecked Sendable {
  private let driver: CardDriver
  private let event: Handle?

  init(_ driver: CardDriver, _ event: Handle?) {
    self.driver = driver
    self.event = event
  }

  deinit { driver.withCard { _ = driver.cuda.cuEventDestroy(event) } }

  func milliseconds(until later: any CUDAMark) -> Double {
    guard let later = later as? CardMark, later.driver === driver else {
      fail("CUDAMark", "marks of two drivers")
    }
    return driver.withCard {
      var milliseconds: Float = 0
      driver.must("cuEventSynchronize", driver.cuda.cuEventSynchronize(event))
      driver.must("cuEventSynchronize", driver.cuda.cuEventSynchronize(later.event))
      driver.must("cuEventElapsedTime", driver.cuda.cuEventElapsedTime(&milliseconds, event, later.event))
      return Double(milliseconds)
    }
  }
}
