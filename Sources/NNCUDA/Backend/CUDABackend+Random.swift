import CCUDAKernels
import NNCore

private let bernoulliKernel = CUDAKernel.Family("nn_bernoulli", in: "random.cu", DType.reals)

extension CUDABackend {
  /// All but masks are drawn by the host, in PyTorch's order. A mask's numbers come from Philox on the card, under a key that
  /// is the next number of the host's generator: so whoever keeps that one's state repeats the masks too.
  package func random(
    _ draw: RandomDraw, _ shape: [Int], dtype: DType, generator: Generator
  ) -> Tensor {
    let host = Devices.backend(of: .cpu)
    guard case .bernoulli(let p, let scale) = draw, dtype.isFloatingPoint else {
      return host.random(draw, shape, dtype: dtype, generator: generator).to(device)
    }
    let key = host.random(.bits, [1], dtype: .int64, generator: generator).array(of: Int64.self)[0]
    let result = empty(shape, dtype)
    if result.count == 0 { return result }
    var arguments = KernelArguments()
    arguments.append(result.count)
    arguments.append(key)
    arguments.append(UInt64((min(max(p, 0), 1) * 4_294_967_296).rounded()))
    arguments.append(scale)
    arguments.append(result.cardAddress)
    launch(bernoulliKernel[dtype], elements: result.count, arguments)
    return result
  }
}
