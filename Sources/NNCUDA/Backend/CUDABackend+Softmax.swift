import CCUDAKernels
import NNCore

private enum Kernels {
  static let warps = CUDAKernel.Family("nn_softmax_warps", in: "softmax.cu", DType.reals)
  static let blocks = CUDAKernel.Family("nn_softmax_blocks", in: "softmax.cu", DType.reals)
  static let threads = CUDAKernel.Family("nn_softmax_threads", in: "softmax.cu", DType.reals)
  static let backwardWarps = CUDAKernel.Family("nn_softmax_backward_warps", in: "softmax.cu", DType.reals)
  static let backwardBlocks = CUDAKernel.Family("nn_softmax_backward_blocks", in: "softmax.cu", DType.reals)
  static let backwardThreads = CUDAKernel.Family("nn_softmax_backward_threads", in: "softmax.cu", DType.reals)
}

extension CUDABackend {
  package func softmax(_ x: Tensor, axis: Int, logarithm: Bool) -> Tensor {
    let input = inDenseMemory(x)
    let result = empty(x.shape, x.dtype, strides: input.strides)
    if result.count == 0 { return result }
    launchLines(
      input, axis, logarithm, [input, result],
      (Kernels.warps[x.dtype], Kernels.blocks[x.dtype], Kernels.threads[x.dtype]))
    return withExtendedLifetime(input) { result }
  }

  package func softmaxBackward(_ g: Tensor, _ y: Tensor, axis: Int, logarithm: Bool) -> Tensor {
    let value = inDenseMemory(y)
    let gradient = g.strides == value.strides ? g : copy(g, strides: value.strides)
    let result = empty(y.shape, y.dtype, strides: value.strides)
    if result.count == 0 { return result }
    launchLines(
      value, axis, logarithm, [gradient, value, result],
      (
        Kernels.backwardWarps[y.dtype], Kernels.backwardBlocks[y.dtype], Kernels.backwardThreads[y.dtype]
      ))
    return withExtendedLifetime((gradient, value)) { result }
  }

  /// A warp, a block or a thread for each line of a dense tensor along an axis.
  private func launchLines(
    _ x: Tensor, _ axis: Int, _ logarithm: Bool, _ tensors: [Tensor],
    _ kernels: (warps: CUDAKernel, blocks: CUDAKernel, threads: CUDAKernel)
  ) {
    let length = x.rank == 0 ? 1 : x.shape[axis]
    let (lines, step) = (x.count / length, length == 1 ? 1 : x.strides[axis])
    var arguments = KernelArguments()
    arguments.append(Int32(logarithm ? 1 : 0))
    arguments.append(length)
    let addresses = tensors.map(\.cardAddress)
    if step > 1 {
      arguments.append(step)
      arguments.append(lines)
      for address in addresses { arguments.append(address) }
      launch(kernels.threads, blocks: lines.quotient(roundedUp: Self.block), arguments)
    } else if length <= 1_024 {
      arguments.append(lines)
      for address in addresses { arguments.append(address) }
      launch(kernels.warps, blocks: lines.quotient(roundedUp: Self.block / 32), arguments)
    } else {
      for address in addresses { arguments.append(address) }
      launch(kernels.blocks, blocks: lines, arguments)
    }
  }
}
