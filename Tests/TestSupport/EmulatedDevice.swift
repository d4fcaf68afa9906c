import NNCore
import Synchronization

/// A second device that needs no hardware: its memory is the host's under addresses that nobody can read, and it has the
/// kernels that `Backend` requires and no others, so that all composed operations run on it.
///
/// Whatever reads or writes its bytes as if they were the host's stops with a message, or with a fault of the processor.
package final class EmulatedDevice: Backend {
  package static let kind = Device.Kind("emulated")

  /// The device, made known to this process.
  package static let shared: EmulatedDevice = {
    let device = EmulatedDevice()
    Devices.register(device)
    return device
  }()

  /// A device of one's own, whose downloads nobody else adds to.
  package static func another() -> EmulatedDevice {
    let device = EmulatedDevice(index: count.add(1, ordering: .relaxed).newValue + 100)
    Devices.register(device)
    return device
  }
  private static let count = Atomic(0)

  package let device: Device
  /// How often somebody waited for values.
  package let downloads = Atomic(0)
  private let host = Devices.backend(of: .cpu)

  private init(index: Int = 0) { device = Device(Self.kind, index: index) }

  // MARK: Memory

  /// No address of a process has this bit.
  private static let mark = 1 << 62

  private func hidden(_ address: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer { address + Self.mark }
  private func visible(_ address: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer { address - Self.mark }

  package func allocate(_ byteCount: Int) -> DeviceMemory {
    let block = host.allocate(byteCount)
    return DeviceMemory(address: hidden(block.address), capacity: block.capacity)
  }
  package func deallocate(_ memory: DeviceMemory) {
    host.deallocate(DeviceMemory(address: visible(memory.address), capacity: memory.capacity))
  }
  package func upload(_ bytes: UnsafeRawBufferPointer, to address: UnsafeMutableRawPointer) {
    host.upload(bytes, to: visible(address))
  }
  package func download(_ address: UnsafeMutableRawPointer, to bytes: UnsafeMutableRawBufferPointer) {
    downloads.add(1, ordering: .relaxed)
    host.download(visible(address), to: bytes)
  }
  package func synchronize() {}

  /// A tensor of this device as its kernels see it.
  private func seen(_ x: Tensor) -> Tensor {
    NNCore.require(x.device == device, "EmulatedDevice", "a kernel got a tensor on \(x.device)")
    let storage = Storage(
      borrowing: visible(x.storage.address), byteCount: x.storage.byteCount, owner: x.storage)
    return Tensor(storage: storage, shape: x.shape, strides: x.strides, offset: x.offset, dtype: x.dtype)
  }

  /// What a kernel computed, row-major in the memory of this device.
  private func kept(_ result: Tensor) -> Tensor {
    let dense = result.isContiguous ? result : host.copy(result, strides: nil)
    let copy = Tensor(uninitialized: result.shape, dtype: result.dtype, on: self)
    let size = result.count * result.dtype.byteCount
    upload(UnsafeRawBufferPointer(start: dense.hostPointer, count: size), to: copy.storage.address)
    return withExtendedLifetime(dense) { copy }
  }

  // MARK: Kernels

  package func fill(_ shape: [Int], _ value: Double, dtype: DType) -> Tensor {
    kept(host.fill(shape, value, dtype: dtype))
  }
  package func assign(_ source: Tensor, to view: Tensor) { host.assign(seen(source), to: seen(view)) }
  package func cast(_ x: Tensor, to dtype: DType) -> Tensor {
    x.dtype == dtype ? x : kept(host.cast(seen(x), to: dtype))
  }
  package func unary(_ op: UnaryOp, _ x: Tensor) -> Tensor { kept(host.unary(op, seen(x))) }
  package func binary(_ op: BinaryOp, _ a: Tensor, _ b: Tensor) -> Tensor {
    kept(host.binary(op, seen(a), seen(b)))
  }
  package func compare(_ op: CompareOp, _ a: Tensor, _ b: Tensor) -> Tensor {
    kept(host.compare(op, seen(a), seen(b)))
  }
  package func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
    kept(host.select(seen(condition), seen(a), seen(b)))
  }
  package func reduce(_ op: ReduceOp, _ x: Tensor, axes: [Int]) -> Tensor {
    kept(host.reduce(op, seen(x), axes: axes))
  }
  package func argReduce(_ x: Tensor, axis: Int, smallest: Bool) -> Tensor {
    kept(host.argReduce(seen(x), axis: axis, smallest: smallest))
  }
  package func scan(_ x: Tensor, axis: Int, product: Bool) -> Tensor {
    kept(host.scan(seen(x), axis: axis, product: product))
  }
  package func sort(_ x: Tensor, axis: Int, descending: Bool) -> (values: Tensor, indices: Tensor) {
    let (values, indices) = host.sort(seen(x), axis: axis, descending: descending)
    return (kept(values), kept(indices))
  }
  package func gather(_ x: Tensor, axis: Int, index: Tensor) -> Tensor {
    kept(host.gather(seen(x), axis: axis, index: seen(index)))
  }
  package func scatter(_ x: Tensor, axis: Int, index: Tensor, source: Tensor, adding: Bool) -> Tensor {
    kept(host.scatter(seen(x), axis: axis, index: seen(index), source: seen(source), adding: adding))
  }
  package func gemm(_ a: Tensor, _ b: Tensor, bias: Tensor?) -> Tensor {
    kept(host.gemm(seen(a), seen(b), bias: bias.map(seen)))
  }
  package func conv2d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, outputSize: Size2,
    mayBeLazy: Bool
  ) -> Tensor {
    kept(
      host.conv2d(
        seen(x), seen(weight), bias: bias.map(seen), geometry, outputSize: outputSize, mayBeLazy: false))
  }
  package func conv2dInputGradient(
    _ gradient: Tensor, _ weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, inputSize: Size2
  ) -> Tensor {
    kept(
      host.conv2dInputGradient(
        seen(gradient), seen(weight), bias: bias.map(seen), geometry, inputSize: inputSize))
  }
  package func conv2dWeightGradient(
    _ gradient: Tensor, _ x: Tensor, _ geometry: ConvolutionGeometry, kernelSize: Size2
  ) -> Tensor {
    kept(host.conv2dWeightGradient(seen(gradient), seen(x), geometry, kernelSize: kernelSize))
  }
}
