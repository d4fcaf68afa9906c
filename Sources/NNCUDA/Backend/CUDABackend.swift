import CCUDAKernels
import NNCore
import Synchronization

/// A NVIDIA GPU as a device for tensors: kernels of `CCUDAKernels`, products and convolutions of NVIDIA's libraries, all in
/// the order of one stream. Nothing but reading values waits for the card.
package final class CUDABackend: FusingBackend {
  package let device: Device
  package let driver: RepeatingDriver
  package let pool: DeviceMemoryPool
  private let poolsMemory: Bool
  /// Where kernels note an index that is out of range.
  let fault: DeviceMemory
  /// Whether a kernel may have done so.
  private let mayHaveFault = Atomic(false)
  /// Numbers that formulas ask for again and again.
  let scalars = Mutex<[ScalarKey: Tensor]>([:])
  let tables = CardTables()

  /// - Parameter poolsMemory: whether blocks come from a pool that keeps the card's memory, not each from the driver.
  package init(driver: any CUDADriver, device: Device, poolsMemory: Bool = true) {
    self.device = device
    self.poolsMemory = poolsMemory
    let pool = DeviceMemoryPool(driver)
    self.pool = pool
    self.driver = RepeatingDriver(driver, pool: pool) {
      if poolsMemory { pool.deallocate($0) } else { driver.free($0.address) }
    }
    fault = pool.allocate(MemoryLayout<nn_cuda_fault>.size)
    driver.clear(fault.address, byteCount: MemoryLayout<nn_cuda_fault>.size)
  }

  struct ScalarKey: Hashable {
    let bits: UInt64
    let dtype: DType
  }
}

// MARK: - Memory

extension CUDABackend {
  package func allocate(_ byteCount: Int) -> DeviceMemory {
    func block() -> DeviceMemory? {
      driver.block(byteCount) {
        if poolsMemory { return pool.allocateIfPossible(byteCount) }
        return driver.allocate(byteCount).map { DeviceMemory(address: $0, capacity: byteCount) }
      }
    }
    if let block = block() { return block }
    if driver.releaseIdleMemory(), let block = block() { return block }
    // An error of the run, if there is one.
    misfit("GPU", .memory, pool.shortage(of: byteCount))
    driver.passOver()
    return .none(byteCount)
  }
  package func deallocate(_ memory: DeviceMemory) {
    if DeviceMemory.isNone(memory.address) || driver.takesBack(memory) { return }
    if poolsMemory { pool.deallocate(memory) } else { driver.free(memory.address) }
  }

  package var memoryUse: DeviceMemoryUse? {
    let (held, memory) = (pool.statistics, driver.memory)
    return DeviceMemoryUse(
      inUse: held.inUse, peak: held.peak, free: memory.free + held.held - held.inUse, total: memory.total)
  }
  package func resetMemoryPeak() { pool.resetPeak() }

  package var checksIndices: Bool { true }

  package var bfloat16Backend: any Backend { self }
  /// For what is so rare that there is no kernel of it for bfloat16.
  var widening: WideningBackend { WideningBackend.of(self) }

  package func upload(_ bytes: UnsafeRawBufferPointer, to address: UnsafeMutableRawPointer) {
    if bytes.count > 0 { driver.upload(bytes, to: address) }
  }

  package func download(_ address: UnsafeMutableRawPointer, to bytes: UnsafeMutableRawBufferPointer) {
    if bytes.count > 0 { driver.download(address, to: bytes) }
    checkIndices()
  }

  package func synchronize() {
    driver.synchronize()
    checkIndices()
  }

  /// The place where a kernel notes an index that is out of range.
  func faultAddress() -> UnsafeMutableRawPointer {
    if !mayHaveFault.load(ordering: .relaxed) { mayHaveFault.store(true, ordering: .relaxed) }
    return fault.address
  }

  /// Stops if an operation of before got an index that is out of range: the host sees that only when it waits for the card.
  private func checkIndices() {
    if !mayHaveFault.load(ordering: .relaxed) { return }
    var found = nn_cuda_fault()
    withUnsafeMutableBytes(of: &found) { driver.download(fault.address, to: $0) }
    if found.count == 0 { return }
    driver.clear(fault.address, byteCount: MemoryLayout<nn_cuda_fault>.size)
    fail("index", "index \(found.index) is out of range for an axis of size \(found.size) on \(device)")
  }
}

// MARK: - Launching

extension CUDABackend {
  /// Threads of a block, of all kernels of this folder.
  static let block = 256
  /// Elements that a thread of an elementwise kernel takes.
  static let each = 4

  func launch(_ kernel: CUDAKernel, blocks: Int, rows: Int = 1, _ arguments: KernelArguments) {
    driver.launch(kernel, grid: (blocks, rows, 1), block: Self.block, sharedBytes: 0, arguments)
  }

  /// An elementwise kernel over so many elements.
  func launch(_ kernel: CUDAKernel, elements: Int, _ arguments: KernelArguments) {
    launch(kernel, blocks: elements.quotient(roundedUp: Self.block * Self.each), arguments)
  }

  /// A new tensor of this device.
  func empty(_ shape: [Int], _ dtype: DType, strides: [Int]? = nil) -> Tensor {
    Tensor(uninitialized: shape, dtype: dtype, strides: strides, on: self)
  }
}

extension Tensor {
  /// Address of the first element in the card's memory.
  var cardAddress: UnsafeMutableRawPointer { storage.address + offset * dtype.byteCount }
}

extension DType {
  /// Types that most kernels are there for: of floating point, and all that need kernels of their own.
  static let reals: [DType] = [.bfloat16, .float32, .float64]
  static let numbers: [DType] = [.uint8, .int32, .int64] + reals

  /// The type whose kernels it uses.
  var kernelType: DType { self == .bool ? .uint8 : self }
}

extension Int {
  func quotient(roundedUp divisor: Int) -> Int { (self + divisor - 1) / divisor }
}
