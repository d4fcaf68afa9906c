import CCUDAKernels
import NNCore

private let resampleKernel = CUDAKernel.Family("nn_resample", in: "resample.cu", [.float32, .float64])

extension CUDABackend {
  package func resample(_ x: Tensor, axis: Int, _ plan: ResamplingPlan) -> Tensor {
    if x.dtype == .bfloat16 { return widening.resample(x, axis: axis, plan) }
    let input = inDenseMemory(x)
    var shape = x.shape
    shape[axis] = plan.outputSize
    let result = empty(shape, x.dtype, strides: input.denseStrides(for: shape))
    if result.count == 0 { return result }
    let tables = tables.all(of: plan) {
      [uploaded(plan.starts.map(Int64.init)), uploaded(plan.places), uploaded(plan.weights)]
    }
    let step = x.shape[axis] == 1 ? result.strides[axis] : input.strides[axis]
    var arguments = KernelArguments()
    arguments.append(result.count)
    arguments.append(step)
    arguments.append(plan.inputSize)
    arguments.append(plan.outputSize)
    for table in tables { arguments.append(table.cardAddress) }
    arguments.append(input.cardAddress)
    arguments.append(result.cardAddress)
    launch(resampleKernel[x.dtype], blocks: result.count.quotient(roundedUp: Self.block), arguments)
    return withExtendedLifetime((input, tables)) { result }
  }
}
