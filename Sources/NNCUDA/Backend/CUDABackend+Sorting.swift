import CCUDAKernels
import NNCore

private enum Kernels {
  static let numbers = DType.numbers.filter { $0 != .bfloat16 }
  static let scanLines = CUDAKernel.Family("nn_scan", in: "scan.cu", numbers)
  static let scanBlock = CUDAKernel.Family("nn_scan_block", in: "scan.cu", numbers)
  static let sortRuns = CUDAKernel.Family("nn_sort_runs", in: "sort.cu", numbers)
  static let sortMerge = CUDAKernel.Family("nn_sort_merge", in: "sort.cu", numbers)
}

extension CUDABackend {
  package func scan(_ x: Tensor, axis: Int, product: Bool) -> Tensor {
    if x.dtype == .bfloat16 { return widening.scan(x, axis: axis, product: product) }
    let result = empty(x.shape, x.dtype)
    if result.count == 0 { return result }
    let length = x.shape[axis]
    let lines = Walk(
      x.shape, axes: x.shape.indices.filter { $0 != axis }, [x.strides, result.strides])
    var arguments = KernelArguments()
    arguments.append(Int32(product ? 1 : 0))
    arguments.append(lines.plan)
    arguments.append(length)
    arguments.append(x.cardAddress)
    arguments.append(x.strides[axis])
    arguments.append(result.cardAddress)
    arguments.append(result.strides[axis])
    let type = x.dtype.kernelType
    if length <= 64 || lines.count >= 65_536 {
      launch(Kernels.scanLines[type], blocks: lines.count.quotient(roundedUp: Self.block), arguments)
    } else {
      launch(Kernels.scanBlock[type], blocks: lines.count, arguments)
    }
    return result
  }

  package func sort(_ x: Tensor, axis: Int, descending: Bool) -> (values: Tensor, indices: Tensor) {
    if x.dtype == .bfloat16 { return widening.sort(x, axis: axis, descending: descending) }
    if x.count == 0 { return (empty(x.shape, x.dtype), empty(x.shape, .int64)) }
    // Lines along the last axis; the results are seen with the axis where it was.
    let order = x.shape.indices.filter { $0 != axis } + (x.rank == 0 ? [] : [axis])
    let lines = x.detach().ordered(order).rowMajor
    let length = x.rank == 0 ? 1 : x.shape[axis]
    var (values, places) = (empty(lines.shape, x.dtype), empty(lines.shape, .int64))
    let type = x.dtype.kernelType
    var run = 2
    while run < min(length, 1_024) { run *= 2 }
    let runs = length.quotient(roundedUp: run)
    var arguments = KernelArguments()
    arguments.append(Int32(descending ? 1 : 0))
    arguments.append(length)
    arguments.append(Int32(run))
    arguments.append(runs)
    arguments.append(lines.cardAddress)
    arguments.append(values.cardAddress)
    arguments.append(places.cardAddress)
    launch(Kernels.sortRuns[type], blocks: x.count / length * runs, arguments)
    withExtendedLifetime(lines) {}
    if run < length {
      var (others, otherPlaces) = (empty(lines.shape, x.dtype), empty(lines.shape, .int64))
      while run < length {
        var arguments = KernelArguments()
        arguments.append(Int32(descending ? 1 : 0))
        arguments.append(x.count)
        arguments.append(length)
        arguments.append(run)
        arguments.append(values.cardAddress)
        arguments.append(places.cardAddress)
        arguments.append(others.cardAddress)
        arguments.append(otherPlaces.cardAddress)
        launch(Kernels.sortMerge[type], blocks: x.count.quotient(roundedUp: Self.block), arguments)
        (values, others) = (others, values)
        (places, otherPlaces) = (otherPlaces, places)
        run *= 2
      }
    }
    var back = order
    for (place, axis) in order.enumerated() { back[axis] = place }
    return (values.ordered(back), places.ordered(back))
  }
}
