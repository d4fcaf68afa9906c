import CCUDAKernels
import NNCore

private enum Kernels {

  static let unary = CUDAKernel.Family("nn_unary", in: "unary.cu", DType.numbers)
  static let unaryWalk = CUDAKernel.Family("nn_unary_walk", in: "unary.cu", DType.numbers)
  static let costlyUnary = CUDAKernel.Family("nn_costly_unary", in: "unary.cu", DType.reals)
  static let costlyUnaryWalk = CUDAKernel.Family("nn_costly_unary_walk", in: "unary.cu", DType.reals)
  static let binary = CUDAKernel.Family("nn_binary", in: "binary.cu", DType.numbers)
  static let binaryWalk = CUDAKernel.Family("nn_binary_walk", in: "binary.cu", DType.numbers)
  static let costlyBinary = CUDAKernel.Family("nn_costly_binary", in: "binary.cu", DType.numbers)
  static let costlyBinaryWalk = CUDAKernel.Family("nn_costly_binary_walk", in: "binary.cu", DType.numbers)
  static let compare = CUDAKernel.Family("nn_compare", in: "binary.cu", DType.numbers)
  static let compareWalk = CUDAKernel.Family("nn_compare_walk", in: "binary.cu", DType.numbers)
  static let select = CUDAKernel.Sizes("nn_select", in: "binary.cu")
  static let selectWalk = CUDAKernel.Sizes("nn_select_walk", in: "binary.cu")
}

extension CUDABackend {
  package func unary(_ op: UnaryOp, _ x: Tensor) -> Tensor {
    if !x.dtype.isFloatingPoint && !op.changesIntegers { return x.detach() }
    let strides = x.denseStridesLikeSelf
    let result = empty(x.shape, x.dtype, strides: strides)
    let count = result.count
    if count == 0 { return result }
    let (number, isCostly) = op.cudaNumber
    let type = x.dtype.kernelType
    var arguments = KernelArguments()
    arguments.append(number)
    if strides != nil {
      arguments.append(count)
      arguments.append(x.cardAddress)
      arguments.append(result.cardAddress)
      launch((isCostly ? Kernels.costlyUnary : Kernels.unary)[type], elements: count, arguments)
    } else {
      arguments.append(Walk(x.shape, x.strides).plan)
      arguments.append(x.cardAddress)
      arguments.append(result.cardAddress)
      launch((isCostly ? Kernels.costlyUnaryWalk : Kernels.unaryWalk)[type], elements: count, arguments)
    }
    return result
  }

  package func binary(_ op: BinaryOp, _ a: Tensor, _ b: Tensor) -> Tensor {
    if case .add = op, let sum = lazySum(a, b) { return sum }
    let result = resultOfBroadcast(a, b, dtype: a.dtype)
    compute(op, a, b, into: result)
    return result
  }

  package func binaryInPlace(_ op: BinaryOp, _ target: inout Tensor, _ b: Tensor) {
    if target.isNonOverlappingAndDense {
      compute(op, target, b, into: target)
    } else {
      assign(binary(op, target, b), to: target.detach())
    }
  }

  /// - Parameter result: dense.
  private func compute(_ op: BinaryOp, _ a: Tensor, _ b: Tensor, into result: Tensor) {
    let (number, isCostly) = op.cudaNumber
    let type = a.dtype.kernelType
    if isCostly {
      compute(number, Kernels.costlyBinary[type], Kernels.costlyBinaryWalk[type], a, b, into: result)
    } else {
      compute(number, Kernels.binary[type], Kernels.binaryWalk[type], a, b, into: result)
    }
  }

  package func compare(_ op: CompareOp, _ a: Tensor, _ b: Tensor) -> Tensor {
    let result = resultOfBroadcast(a, b, dtype: .bool)
    let type = a.dtype.kernelType
    compute(op.cudaNumber, Kernels.compare[type], Kernels.compareWalk[type], a, b, into: result)
    return result
  }

  private func compute(
    _ number: Int32, _ kernel: CUDAKernel, _ walking: CUDAKernel, _ a: Tensor, _ b: Tensor,
    into result: Tensor
  ) {
    let count = result.count
    if count == 0 { return }
    var arguments = KernelArguments()
    arguments.append(number)
    if let stepA = a.step(along: result), let stepB = b.step(along: result) {
      arguments.append(count)
      arguments.append(a.cardAddress)
      arguments.append(stepA)
      arguments.append(b.cardAddress)
      arguments.append(stepB)
      arguments.append(result.cardAddress)
      launch(kernel, elements: count, arguments)
      return
    }
    let shape = result.shape
    let walk = Walk(
      shape, order: result.strides, a.broadcastStrides(to: shape), b.broadcastStrides(to: shape))
    arguments.append(walk.plan)
    arguments.append(a.cardAddress)
    arguments.append(b.cardAddress)
    arguments.append(result.cardAddress)
    launch(walking, elements: count, arguments)
  }

  package func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
    let inner = Tensor.broadcastShape(a.shape, b.shape, "where")
    let shape = Tensor.broadcastShape(condition.shape, inner, "where")
    let model = a.shape == shape ? a : b.shape == shape ? b : condition.shape == shape ? condition : nil
    let result = empty(shape, a.dtype, strides: model?.denseStridesLikeSelf)
    let count = result.count
    if count == 0 { return result }
    var arguments = KernelArguments()
    if let stepC = condition.step(along: result), let stepA = a.step(along: result),
      let stepB = b.step(along: result)
    {
      arguments.append(count)
      arguments.append(condition.cardAddress)
      arguments.append(stepC)
      arguments.append(a.cardAddress)
      arguments.append(stepA)
      arguments.append(b.cardAddress)
      arguments.append(stepB)
      arguments.append(result.cardAddress)
      launch(Kernels.select[a.dtype], elements: count, arguments)
      return result
    }
    let walk = Walk(
      shape, order: result.strides, condition.broadcastStrides(to: shape), a.broadcastStrides(to: shape),
      b.broadcastStrides(to: shape))
    arguments.append(walk.plan)
    arguments.append(condition.cardAddress)
    arguments.append(a.cardAddress)
    arguments.append(b.cardAddress)
    arguments.append(result.cardAddress)
    launch(Kernels.selectWalk[a.dtype], elements: count, arguments)
    return result
  }

  /// An empty result in the memory order of the operand that already has its shape.
  private func resultOfBroadcast(_ a: Tensor, _ b: Tensor, dtype: DType) -> Tensor {
    let shape = Tensor.broadcastShape(a.shape, b.shape, "binary operation")
    let model = a.shape == shape ? a : b.shape == shape ? b : nil
    return empty(shape, dtype, strides: model?.denseStridesLikeSelf)
  }
}

extension Tensor {
  /// Step of an operand along the numbers of a dense result: 1 in its memory order, 0 for a single element.
  fileprivate func step(along result: Tensor) -> Int32? {
    if strides == result.strides && shape == result.shape { return 1 }
    return count == 1 ? 0 : nil
  }
}
