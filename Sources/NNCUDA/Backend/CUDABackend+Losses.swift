import CCUDAKernels
import NNCore

private enum Kernels {
  static let sums = CUDAKernel.Family("nn_class_sums", in: "losses.cu", DType.reals)
  static let spread = CUDAKernel.Family("nn_class_spread", in: "losses.cu", DType.reals)
}

extension CUDABackend {
  package func classSums(_ x: Tensor, _ targets: ClassTargets) -> Tensor {
    let (values, weight) = (rowMajor(x), targets.weight.map(rowMajor))
    let result = empty([x.shape[0]], x.dtype)
    if result.count == 0 { return result }
    var arguments = KernelArguments()
    arguments.append(plan(targets, weight, classes: x.shape[1]))
    arguments.append(values.cardAddress)
    arguments.append(result.cardAddress)
    launch(Kernels.sums[x.dtype], blocks: result.count.quotient(roundedUp: Self.block / 32), arguments)
    return withExtendedLifetime((values, weight, targets)) { result }
  }

  package func classSpread(_ g: Tensor, _ targets: ClassTargets, classes: Int) -> Tensor {
    let (values, weight) = (rowMajor(g), targets.weight.map(rowMajor))
    let result = empty([g.shape[0], classes], g.dtype)
    if result.count == 0 { return result }
    var arguments = KernelArguments()
    arguments.append(plan(targets, weight, classes: classes))
    arguments.append(values.cardAddress)
    arguments.append(result.cardAddress)
    launch(Kernels.spread[g.dtype], blocks: result.count.quotient(roundedUp: Self.block), arguments)
    return withExtendedLifetime((values, weight, targets)) { result }
  }

  private func plan(_ targets: ClassTargets, _ weight: Tensor?, classes: Int) -> nn_cuda_targets {
    nn_cuda_targets(
      rows: Int64(targets.classes.count), classes: Int64(classes),
      target: UnsafePointer(targets.classes.cardAddress.assumingMemoryBound(to: Int64.self)),
      weight: weight.map { UnsafeRawPointer($0.cardAddress) }, ignored: Int64(targets.ignored),
      smoothing: targets.smoothing)
  }
}
