import CCUDAEmulator
import NNCUDA
import NNCore
import Synchronization

/// A card that needs no hardware: its memory is the host's, every block between pages that nobody can read, its kernels
/// are those of the card compiled for the host, its products and convolutions are the host's.
///
/// What is read before it was written is NaN, in memory and in what a block shares.
package final class EmulatedCUDA: CUDADriver {
  package let card: CUDACard

  private let host = Devices.backend(of: .cpu)
  /// The size of each block.
  private let blocks = Mutex<[UInt: Int]>([:])
  private let used = Atomic(0)
  /// How many kernels were launched by themselves, and how many products and convolutions were asked for so.
  package let launches = Atomic(0)
  /// How many graphs were launched.
  package let graphLaunches = Atomic(0)
  private let recording = Mutex(Recording())

  /// - Parameter memory: bytes that the card has.
  package init(memory: Int = 8 << 30) {
    card = CUDACard(
      name: "Emulated card", index: 0, computeCapability: (9, 0), multiprocessors: 4, totalMemory: memory)
  }

  package static let kind = Device.Kind("emulated-cuda")

  /// The card's driver and its device, made known to this process.
  package static let (shared, backend): (EmulatedCUDA, CUDABackend) = {
    let driver = EmulatedCUDA()
    // Every tensor gets a block of its own, between pages that nobody can read.
    let backend = CUDABackend(driver: driver, device: Device(kind), poolsMemory: false)
    Devices.register(backend)
    return (driver, backend)
  }()
  package static var device: Device { backend.device }

  /// A card of one's own, whose launches nobody else adds to.
  ///
  /// - Parameter memory: bytes that it has, which are given out in blocks as a real card's are; nil: each tensor has a block
  ///   of its own, as on the shared one.
  package static func another(memory: Int? = nil) -> (driver: EmulatedCUDA, backend: CUDABackend) {
    let driver = EmulatedCUDA(memory: memory ?? 8 << 30)
    let device = Device(kind, index: count.add(1, ordering: .relaxed).newValue + 100)
    let backend = CUDABackend(driver: driver, device: device, poolsMemory: memory != nil)
    Devices.register(backend)
    return (driver, backend)
  }
  private static let count = Atomic(0)

  // MARK: Memory

  package func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    if used.add(byteCount, ordering: .relaxed).newValue > card.totalMemory {
      used.subtract(byteCount, ordering: .relaxed)
      return nil
    }
    guard let address = nn_emulator_allocate(UInt(byteCount)) else { return nil }
    let place = UInt(bitPattern: address)
    blocks.withLock { $0[place] = byteCount }
    return address
  }

  package func free(_ address: UnsafeMutableRawPointer) {
    let place = UInt(bitPattern: address)
    guard let size = blocks.withLock({ $0.removeValue(forKey: place) }) else {
      fatalError("EmulatedCUDA: a block is given back that is not there")
    }
    used.subtract(size, ordering: .relaxed)
    nn_emulator_free(address, UInt(size))
  }

  package var memory: (free: Int, total: Int) {
    (card.totalMemory - used.load(ordering: .relaxed), card.totalMemory)
  }

  package func upload(_ bytes: UnsafeRawBufferPointer, to address: UnsafeMutableRawPointer) {
    if refuses("it brings values of the host to the card") { return }
    if let base = bytes.baseAddress { address.copyMemory(from: base, byteCount: bytes.count) }
  }
  package func download(_ address: UnsafeMutableRawPointer, to bytes: UnsafeMutableRawBufferPointer) {
    if refuses("it reads values of the card") {
      _ = bytes.initializeMemory(as: UInt8.self, repeating: 0)
      return
    }
    bytes.copyMemory(from: UnsafeRawBufferPointer(start: address, count: bytes.count))
  }
  package func copy(_ source: UnsafeMutableRawPointer, to target: UnsafeMutableRawPointer, byteCount: Int) {
    if records({ $0.copy(source, to: target, byteCount: byteCount) }) { return }
    target.copyMemory(from: source, byteCount: byteCount)
  }
  package func clear(_ address: UnsafeMutableRawPointer, byteCount: Int) {
    if records({ $0.clear(address, byteCount: byteCount) }) { return }
    address.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
  }
  package func synchronize() { _ = refuses("it waits for the card") }

  // MARK: Recording

  /// Work that was recorded.
  ///
  /// Invariant for `@unchecked Sendable`: what is captured are addresses and lists that nobody changes.
  private final class Graph: CUDAGraph, @unchecked Sendable {
    private let card: EmulatedCUDA
    private let commands: [(EmulatedCUDA) -> Void]

    init(_ card: EmulatedCUDA, _ commands: [(EmulatedCUDA) -> Void]) {
      (self.card, self.commands) = (card, commands)
    }

    func launch() {
      card.graphLaunches.add(1, ordering: .relaxed)
      card.recording.withLock { $0.isReplaying = true }
      for command in commands { command(card) }
      card.recording.withLock { $0.isReplaying = false }
    }
  }

  /// `@unchecked Sendable` as above.
  private struct Recording: @unchecked Sendable {
    var commands: [(EmulatedCUDA) -> Void]?
    var problem: String?
    var isReplaying = false
  }

  package var supportsGraphs: Bool { true }

  package func beginCapture() {
    recording.withLock { recording in
      require(recording.commands == nil, "EmulatedCUDA", "a recording is under way already")
      recording = Recording(commands: [])
    }
  }

  package func endCapture() throws(CUDAError) -> any CUDAGraph {
    let ended = recording.withLock { recording in
      defer { recording = Recording() }
      return recording
    }
    guard let commands = ended.commands else { fail("EmulatedCUDA", "no recording is under way") }
    if let problem = ended.problem { throw CUDAError(problem) }
    return Graph(self, commands)
  }

  /// Whether a command is recorded and not carried out.
  private func records(_ command: @escaping (EmulatedCUDA) -> Void) -> Bool {
    recording.withLock { recording in
      if recording.commands == nil { return false }
      recording.commands?.append(command)
      return true
    }
  }

  /// Whether something is asked for that a recording cannot hold.
  private func refuses(_ what: String) -> Bool {
    recording.withLock { recording in
      if recording.commands == nil { return false }
      if recording.problem == nil { recording.problem = what }
      return true
    }
  }

  private func count() {
    if recording.withLock({ !$0.isReplaying }) { launches.add(1, ordering: .relaxed) }
  }

  // MARK: Work

  package func launch(
    _ kernel: CUDAKernel, grid: (x: Int, y: Int, z: Int), block: Int, sharedBytes: Int,
    _ arguments: KernelArguments
  ) {
    if records({
      $0.launch(kernel, grid: grid, block: block, sharedBytes: sharedBytes, arguments)
    }) {
      return
    }
    count()
    func size(_ value: Int) -> UInt32 {
      guard let size = UInt32(exactly: value) else {
        fatalError("EmulatedCUDA: \(kernel.name) of \(kernel.file): \(value) is no size of a launch")
      }
      return size
    }
    let sizes = [size(grid.x), size(grid.y), size(grid.z)]
    let wrong = arguments.withAddresses {
      nn_emulator_launch(
        kernel.file, kernel.name, sizes, size(block), size(sharedBytes), $0, arguments.count)
    }
    if let wrong { fatalError("EmulatedCUDA: \(String(cString: wrong))") }
  }

  /// Memory of the card as a tensor of the host.
  private func tensor(
    _ address: UnsafeMutableRawPointer, _ shape: [Int], _ strides: [Int]? = nil, _ dtype: DType
  ) -> Tensor {
    let steps = strides ?? [1]
    var count = 1
    for (size, step) in zip(shape, steps) { count += max(size - 1, 0) * step }
    let storage = Storage(
      borrowing: address, byteCount: count * dtype.byteCount, owner: self, on: host)
    return Tensor(storage: storage, shape: shape, strides: strides, dtype: dtype)
  }

  /// As a card, which adds up products of bfloat16 in float32 and rounds once.
  private func wide(_ x: Tensor) -> Tensor { x.dtype == .bfloat16 ? host.cast(x, to: .float32) : x }
  private func put(_ result: Tensor, _ target: Tensor) {
    host.assign(host.cast(result, to: target.dtype), to: target)
  }

  package func multiply(_ product: CUDAProduct) {
    if records({ $0.multiply(product) }) { return }
    count()
    let (m, n, k, batch) = (product.rows, product.columns, product.depth, product.batch)
    func matrix(_ matrix: CUDAProduct.Matrix, _ rows: Int, _ columns: Int) -> Tensor {
      let strides = matrix.isTransposed ? [1, matrix.stride] : [matrix.stride, 1]
      return tensor(
        matrix.address, [batch, rows, columns], [matrix.batchStride] + strides, product.dtype)
    }
    let target = matrix(product.c, m, n)
    let result = host.gemm(wide(matrix(product.a, m, k)), wide(matrix(product.b, k, n)), bias: nil)
    put(product.keepsC ? host.binary(.add, wide(target), result) : result, target)
  }

  package func convolve(_ convolution: CUDAConvolution, _ operands: CUDAConvolution.Operands) {
    if records({ $0.convolve(convolution, operands) }) { return }
    count()
    let (n, geometry, dtype) = (convolution.batch, convolution.geometry, convolution.dtype)
    /// Four dimensions whose second lies last in memory.
    func images(_ address: UnsafeMutableRawPointer, _ first: Int, _ channels: Int, _ size: Size2) -> Tensor {
      let shape = [first, channels, size.height, size.width]
      return tensor(address, shape, Tensor.channelsLastStrides(shape), dtype)
    }
    let image = images(operands.image, n, convolution.channels, convolution.inputSize)
    let weight = images(
      operands.weight, convolution.outputs, convolution.channels / geometry.groups, convolution.kernelSize)
    let result = images(operands.result, n, convolution.outputs, convolution.outputSize)
    switch convolution.pass {
    case .forward:
      let bias = operands.bias.map { wide(tensor($0, [convolution.outputs], nil, dtype)) }
      var y = host.conv2d(
        wide(image), wide(weight), bias: bias, geometry, outputSize: convolution.outputSize, mayBeLazy: false)
      if let addend = operands.addend {
        y = host.binary(.add, y, wide(images(addend, n, convolution.outputs, convolution.outputSize)))
      }
      put(convolution.isRectified ? host.unary(.relu, y) : y, result)
    case .inputGradient:
      put(
        host.conv2dInputGradient(
          wide(result), wide(weight), bias: nil, geometry, inputSize: convolution.inputSize), image)
    case .weightGradient:
      put(
        host.conv2dWeightGradient(wide(result), wide(image), geometry, kernelSize: convolution.kernelSize),
        weight)
    }
  }
}
