import CCUDAKernels
import NNCore

private enum Kernels {
  static let fill = CUDAKernel.Sizes("nn_fill", in: "copy.cu")
  static let copy = CUDAKernel.Sizes("nn_copy", in: "copy.cu")
  static let turn = CUDAKernel.Sizes("nn_turn", in: "copy.cu")
  static let narrow = CUDAKernel("nn_narrow", in: "copy.cu")
  static let widen = CUDAKernel("nn_widen", in: "copy.cu")
  static let cast = CUDAKernel.Family("nn_cast", in: "copy.cu", DType.numbers)
}

extension CUDAKernel {
  /// The kernels of one name for elements of 1, 2, 4 and 8 bytes, `NAME_1` and so on.
  struct Sizes {
    private let one, two, four, eight: CUDAKernel

    init(_ name: String, in file: String) {
      one = CUDAKernel("\(name)_1", in: file)
      two = CUDAKernel("\(name)_2", in: file)
      four = CUDAKernel("\(name)_4", in: file)
      eight = CUDAKernel("\(name)_8", in: file)
    }

    subscript(_ dtype: DType) -> CUDAKernel {
      switch dtype.byteCount {
      case 1: one
      case 2: two
      case 4: four
      default: eight
      }
    }
  }
}

extension CUDABackend {
  package func fill(_ shape: [Int], _ value: Double, dtype: DType) -> Tensor {
    if !shape.isEmpty { return filled(shape, value.bits(as: dtype), dtype) }
    // Nobody writes to a number that is kept here: whoever wants to copies it first.
    let key = ScalarKey(bits: value.bitPattern, dtype: dtype)
    if let kept = scalars.withLock({ $0[key] }) { return kept }
    let scalar = filled(shape, value.bits(as: dtype), dtype)
    if scalar.hasNoMemory { return scalar }
    scalars.withLock { scalars in
      if scalars.count >= 1_024 { scalars.removeAll() }
      scalars[key] = scalar
    }
    return scalar
  }

  private func filled(_ shape: [Int], _ bits: UInt64, _ dtype: DType) -> Tensor {
    let result = empty(shape, dtype)
    let count = result.count
    if count == 0 { return result }
    if bits == 0 {
      driver.clear(result.cardAddress, byteCount: count * dtype.byteCount)
      return result
    }
    var arguments = KernelArguments()
    arguments.append(count)
    arguments.append(bits)
    arguments.append(result.cardAddress)
    launch(Kernels.fill[dtype], elements: count, arguments)
    return result
  }

  package func copy(_ x: Tensor, strides: [Int]?) -> Tensor {
    let result = empty(x.shape, x.dtype, strides: strides)
    assign(x, to: result)
    return result
  }

  package func assign(_ source: Tensor, to view: Tensor) {
    let (count, dtype) = (view.count, view.dtype)
    if count == 0 { return }
    if source.strides == view.strides && source.shape == view.shape && view.isNonOverlappingAndDense {
      driver.copy(source.cardAddress, to: view.cardAddress, byteCount: count * dtype.byteCount)
      return
    }
    let walk = Walk(
      view.shape, order: view.strides, view.strides, source.broadcastStrides(to: view.shape))
    if walk.rank == 1 && walk.stride(0, 0) == 1 && walk.stride(1, 0) == 1 {
      driver.copy(source.cardAddress, to: view.cardAddress, byteCount: count * dtype.byteCount)
      return
    }
    var arguments = KernelArguments()
    if let axis = walk.turnedAxis {
      let (rows, columns) = (walk.size(axis), walk.size(0))
      let rest = walk.without(0, axis)
      arguments.append(rest.plan)
      arguments.append(rows)
      arguments.append(columns)
      arguments.append(walk.stride(1, 0))
      arguments.append(walk.stride(0, axis))
      arguments.append(source.cardAddress)
      arguments.append(view.cardAddress)
      launch(
        Kernels.turn[dtype], blocks: rows.quotient(roundedUp: 32) * columns.quotient(roundedUp: 32),
        rows: min(rest.count, 65_535), arguments)
      return
    }
    arguments.append(walk.plan)
    arguments.append(source.cardAddress)
    arguments.append(view.cardAddress)
    launch(Kernels.copy[dtype], elements: count, arguments)
  }

  package func cast(_ x: Tensor, to dtype: DType) -> Tensor {
    if x.dtype == dtype { return x }
    let result = empty(x.shape, dtype, strides: x.denseStridesLikeSelf)
    let count = result.count
    if count == 0 { return result }
    var arguments = KernelArguments()
    let isNarrowing = x.dtype == .float32 && dtype == .bfloat16
    if isNarrowing || x.dtype == .bfloat16 && dtype == .float32, result.strides == x.strides {
      arguments.append(count)
      arguments.append(x.cardAddress)
      arguments.append(result.cardAddress)
      launch(isNarrowing ? Kernels.narrow : Kernels.widen, elements: count, arguments)
      return result
    }
    arguments.append(dtype.rawValue)
    arguments.append(Walk(x.shape, order: result.strides, x.strides).plan)
    arguments.append(x.cardAddress)
    arguments.append(result.cardAddress)
    launch(Kernels.cast[x.dtype.kernelType], elements: count, arguments)
    return result
  }

  /// The numbers of the host on this device.
  func uploaded<T: TensorElement>(_ values: [T]) -> Tensor {
    let result = empty([values.count], T.dtype)
    values.withUnsafeBytes { upload($0, to: result.cardAddress) }
    return result
  }
}

extension Walk {
  /// The axis along which the source's elements are adjacent where the target's are along axis 0, if both are long.
  fileprivate var turnedAxis: Int? {
    guard rank >= 2, stride(0, 0) == 1, stride(1, 0) > 1, size(0) >= 8 else { return nil }
    return (1..<rank).first { stride(1, $0) == 1 && size($0) >= 8 }
  }
}

extension Double {
  /// The bits of the value as a number of an element type, in the low bytes.
  fileprivate func bits(as dtype: DType) -> UInt64 {
    switch dtype {
    case .bool: self != 0 ? 1 : 0
    case .uint8: UInt64(UInt8(truncatingIfNeeded: Int(self)))
    case .int32: UInt64(UInt32(bitPattern: Int32(truncatingIfNeeded: Int(self))))
    case .int64: UInt64(bitPattern: Int64(self))
    case .bfloat16: UInt64(BFloat16(Float(self)).bitPattern)
    case .float32: UInt64(Float(self).bitPattern)
    case .float64: bitPattern
    }
  }
}
