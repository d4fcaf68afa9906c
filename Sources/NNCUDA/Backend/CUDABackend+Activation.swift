import CCUDAKernels
import NNCore

private enum Kernels {
  static let activate = CUDAKernel.Family("nn_activate", in: "activation.cu", DType.reals)
  static let activateBackward = CUDAKernel.Family(
    "nn_activate_backward", in: "activation.cu", DType.reals)
}

extension CUDABackend {
  package func activate(_ function: Activation, _ x: Tensor) -> Tensor {
    guard let number = function.cudaNumber else { return composed(function, x) }
    let input = inDenseMemory(x)
    let result = empty(x.shape, x.dtype, strides: input.strides)
    if result.count == 0 { return result }
    var arguments = KernelArguments()
    arguments.append(number)
    arguments.append(result.count)
    arguments.append(input.cardAddress)
    arguments.append(result.cardAddress)
    function.append(to: &arguments)
    launch(Kernels.activate[x.dtype], elements: result.count, arguments)
    return withExtendedLifetime(input) { result }
  }

  package func activateBackward(_ function: Activation, _ g: Tensor, _ x: Tensor) -> Tensor {
    guard let number = function.cudaNumber else { return composed(function, g, x) }
    let input = inDenseMemory(x)
    let slopes = g.strides == input.strides ? g : copy(g, strides: input.strides)
    let result = empty(x.shape, x.dtype, strides: input.strides)
    if result.count == 0 { return result }
    var arguments = KernelArguments()
    arguments.append(number)
    arguments.append(result.count)
    arguments.append(slopes.cardAddress)
    arguments.append(input.cardAddress)
    arguments.append(result.cardAddress)
    function.append(to: &arguments)
    launch(Kernels.activateBackward[x.dtype], elements: result.count, arguments)
    return withExtendedLifetime((input, slopes)) { result }
  }

  /// The tensor in dense memory, in its own order if that is dense.
  func inDenseMemory(_ x: Tensor) -> Tensor { x.denseStridesLikeSelf == nil ? copy(x, strides: nil) : x }
  func rowMajor(_ x: Tensor) -> Tensor { x.isContiguous ? x : copy(x, strides: nil) }
}

extension Activation {
  /// Nil if there is no kernel of the function's name.
  fileprivate var cudaNumber: Int32? {
    let number = nn_cuda_activation_number(
      UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self))
    return number < 0 ? nil : number
  }

  fileprivate func append(to arguments: inout KernelArguments) {
    for place in 0..<3 { arguments.append(place < parameters.count ? parameters[place].value : 0) }
  }
}
