import CNNKernels

/// Kernels for x86-64 and other processors, over the C routines of `CNNKernels` and OpenBLAS.
final class CPUBackend: FusingBackend {
  static let shared = CPUBackend()

  private init() {}

  var device: Device { .cpu }
  var isHost: Bool { true }

  private static let widening = WideningBackend(shared)
  /// Kernels here fill, convert, choose and move bfloat16 elements; all else is computed in float32.
  var bfloat16Backend: any Backend { Self.widening }

  var kernels: Int32 { KernelPath.current.rawValue }
  func usingKernels<Result>(_ kernels: Int32, _ body: () -> Result) -> Result {
    KernelPath(rawValue: kernels).map { $0.force(body) } ?? body()
  }
}

// MARK: - Memory

extension CPUBackend {
  func allocate(_ byteCount: Int) -> DeviceMemory {
    let block = MemoryPool.shared.allocate(byteCount)
    return DeviceMemory(address: block.pointer, capacity: block.capacity)
  }

  func deallocate(_ memory: DeviceMemory) {
    MemoryPool.shared.deallocate(memory.address, capacity: memory.capacity)
  }

  func upload(_ bytes: UnsafeRawBufferPointer, to address: UnsafeMutableRawPointer) {
    if let base = bytes.baseAddress { address.copyMemory(from: base, byteCount: bytes.count) }
  }

  func download(_ address: UnsafeMutableRawPointer, to bytes: UnsafeMutableRawBufferPointer) {
    bytes.copyMemory(from: UnsafeRawBufferPointer(start: address, count: bytes.count))
  }

  func synchronize() {}
}

// MARK: - Elementwise

extension CPUBackend {
  func fill(_ shape: [Int], _ value: Double, dtype: DType) -> Tensor {
    let result = Tensor(uninitialized: shape, dtype: dtype)
    let count = result.count
    if value == 0 && value.sign == .plus {
      result.hostPointer.initializeMemory(as: UInt8.self, repeating: 0, count: count * dtype.byteCount)
      return result
    }
    switch dtype {
    case .bool: result.hostPointer(Bool.self).update(repeating: value != 0, count: count)
    case .uint8:
      result.hostPointer(UInt8.self).update(repeating: UInt8(truncatingIfNeeded: Int(value)), count: count)
    case .int32:
      result.hostPointer(Int32.self).update(repeating: Int32(truncatingIfNeeded: Int(value)), count: count)
    case .int64: result.hostPointer(Int64.self).update(repeating: Int64(value), count: count)
    case .bfloat16:
      result.hostPointer(BFloat16.self).update(repeating: BFloat16(Float(value)), count: count)
    case .float32: result.hostPointer(Float.self).update(repeating: Float(value), count: count)
    case .float64: result.hostPointer(Double.self).update(repeating: value, count: count)
    }
    return result
  }

  func assign(_ source: Tensor, to view: Tensor) {
    if source.dtype == view.dtype, source.shape == view.shape, view.hasInnerChannels,
      let lazy = source.pending(LazyConvolution.self)
    {
      lazy.write(to: view)
      return
    }
    let plan = ElementwisePlan(
      shape: view.shape, operands: [view.strides, source.broadcastStrides(to: view.shape)])
    let size = view.dtype.byteCount
    let (sy, sx) = (plan.innerStride(0), plan.innerStride(1))
    let (y, x) = (view.hostPointer, source.hostPointer)
    if sx != 1 && sy == 1, let (turned, length, distance) = plan.withoutAdjacentAxis(of: 1), length >= 4 {
      turned.forEachRun(strided: true, work: length) { n, offset in
        nn_transpose(
          Int32(size), Int64(length), Int64(n), address(x, offset[1], size), Int64(sx),
          address(y, offset[0], size), Int64(distance))
      }
      return
    }
    plan.forEachRun(strided: sx != 1 && sy == 1) { n, offset in
      nn_copy(
        Int32(size), Int64(n), address(x, offset[1], size), Int64(sx), address(y, offset[0], size), Int64(sy))
    }
  }

  func cast(_ x: Tensor, to dtype: DType) -> Tensor {
    if x.dtype == dtype { return x }
    let result = Tensor(uninitialized: x.shape, dtype: dtype, strides: x.denseStridesLikeSelf)
    run([result, x]) { n, p, s in
      nn_cast(x.dtype.rawValue, dtype.rawValue, n, p[1], s[1], p[0])
    }
    return result
  }

  func unary(_ op: UnaryOp, _ x: Tensor) -> Tensor {
    let result = Tensor(uninitialized: x.shape, dtype: x.dtype, strides: x.denseStridesLikeSelf)
    run([result, x]) { n, p, s in
      nn_unary(op.kernelNumber, x.dtype.rawValue, n, p[1], s[1], p[0])
    }
    return result
  }

  func binary(_ op: BinaryOp, _ a: Tensor, _ b: Tensor) -> Tensor {
    if case .add = op, let sum = lazySum(a, b) { return sum }
    let result = resultOfBroadcast(a, b, dtype: a.dtype)
    if computeAtOnce(op, a, b, into: result) { return result }
    run([result, a, b]) { n, p, s in
      nn_binary(op.kernelNumber, a.dtype.rawValue, n, p[1], s[1], p[2], s[2], p[0])
    }
    return result
  }

  func binaryInPlace(_ op: BinaryOp, _ target: inout Tensor, _ b: Tensor) {
    if computeAtOnce(op, target, b, into: target) { return }
    let (view, dtype) = (target.detach(), target.dtype)
    run([view, view, b]) { n, p, s in
      nn_binary(op.kernelNumber, dtype.rawValue, n, p[1], s[1], p[2], s[2], p[0])
    }
  }

  func compare(_ op: CompareOp, _ a: Tensor, _ b: Tensor) -> Tensor {
    let result = resultOfBroadcast(a, b, dtype: .bool)
    run([result, a, b]) { n, p, s in
      nn_compare(
        op.kernelNumber, a.dtype.rawValue, n, p[1], s[1], p[2], s[2],
        p[0].assumingMemoryBound(to: UInt8.self))
    }
    return result
  }

  func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
    let inner = Tensor.broadcastShape(a.shape, b.shape, "where")
    let shape = Tensor.broadcastShape(condition.shape, inner, "where")
    let model = [a, b, condition].first { $0.shape == shape }
    let result = Tensor(uninitialized: shape, dtype: a.dtype, strides: model?.denseStridesLikeSelf)
    run([result, condition, a, b]) { n, p, s in
      nn_where(
        Int32(a.dtype.byteCount), n, p[1].assumingMemoryBound(to: UInt8.self), s[1], p[2], s[2], p[3], s[3],
        p[0])
    }
    return result
  }

  /// An empty result in the memory order of the operand that already has its shape.
  private func resultOfBroadcast(_ a: Tensor, _ b: Tensor, dtype: DType) -> Tensor {
    let shape = Tensor.broadcastShape(a.shape, b.shape, "binary operation")
    let strides = (a.shape == shape ? a : b.shape == shape ? b : nil)?.denseStridesLikeSelf
    return Tensor(uninitialized: shape, dtype: dtype, strides: strides)
  }

  /// Walks over tensors (the output first, dense in its innermost run), with addresses and strides per run.
  func run(
    _ tensors: [Tensor],
    _ body: (Int64, UnsafePointer<UnsafeMutableRawPointer>, UnsafePointer<Int64>) -> Void
  ) {
    if runAtOnce(tensors, body) { return }
    let shape = tensors[0].shape
    let plan = ElementwisePlan(shape: shape, operands: tensors.map { $0.broadcastStrides(to: shape) })
    let strides = tensors.indices.map { Int64(plan.innerStride($0)) }
    let bases = tensors.map(\.hostPointer)
    let sizes = tensors.map(\.dtype.byteCount)
    plan.forEachRun { n, offsets in
      withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer.self, capacity: bases.count) { pointers in
        for index in bases.indices { pointers[index] = bases[index] + offsets[index] * sizes[index] }
        if let first = pointers.baseAddress { body(Int64(n), first, strides) }
      }
    }
  }
}

extension CPUBackend {
  /// A binary operation on few elements as a single call of the kernel, without lists of operands: most of what a small
  /// operation costs is around its loop.
  private func computeAtOnce(_ op: BinaryOp, _ a: Tensor, _ b: Tensor, into result: Tensor) -> Bool {
    guard let count = countAtOnce(result), let stepA = stepAtOnce(a, result),
      let stepB = stepAtOnce(b, result)
    else { return false }
    nn_binary(
      op.kernelNumber, result.dtype.rawValue, Int64(count), a.hostPointer, stepA, b.hostPointer, stepB,
      result.hostPointer)
    return true
  }

  /// Number of elements of a result that a single kernel call can write.
  private func countAtOnce(_ result: Tensor) -> Int? {
    let count = result.count
    return count > 0 && count <= ElementwisePlan.grain && result.isNonOverlappingAndDense ? count : nil
  }

  /// Step of an operand along such a result: 1 in its memory order, 0 for a single element.
  private func stepAtOnce(_ operand: Tensor, _ result: Tensor) -> Int64? {
    if operand.shape == result.shape && operand.strides == result.strides { return 1 }
    return operand.count == 1 ? 0 : nil
  }

  /// The same for few elements in one memory order, or numbers next to them: a single run without any planning.
  private func runAtOnce(
    _ tensors: [Tensor],
    _ body: (Int64, UnsafePointer<UnsafeMutableRawPointer>, UnsafePointer<Int64>) -> Void
  ) -> Bool {
    guard let count = countAtOnce(tensors[0]) else { return false }
    return withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer.self, capacity: tensors.count) {
      pointers in
      withUnsafeTemporaryAllocation(of: Int64.self, capacity: tensors.count) { strides in
        for index in tensors.indices {
          guard let step = stepAtOnce(tensors[index], tensors[0]) else { return false }
          pointers[index] = tensors[index].hostPointer
          strides[index] = step
        }
        if let first = pointers.baseAddress, let steps = strides.baseAddress {
          body(Int64(count), first, steps)
        }
        return true
      }
    }
  }
}

/// Address of an element.
@inline(__always)
func address(_ base: UnsafeMutableRawPointer, _ element: Int, _ size: Int) -> UnsafeMutableRawPointer {
  base + element * size
}
