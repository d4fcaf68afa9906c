// Along an axis, composed. See `Backend` for what each gives.

extension Backend {
  package func softmax(_ x: Tensor, axis: Int, logarithm: Bool) -> Tensor {
    if x.count == 0 { return copy(x, strides: x.denseStridesLikeSelf) }
    let x = Formula(x)
    let shifted = x - x.max(axis)
    let powers = shifted.apply(.exp)
    return
      (logarithm ? shifted - powers.sum([axis]).apply(.log) : powers / powers.sum([axis])).value
  }

  package func softmaxBackward(_ g: Tensor, _ y: Tensor, axis: Int, logarithm: Bool) -> Tensor {
    let (g, y) = (Formula(g), Formula(y))
    return
      (logarithm ? g - y.apply(.exp) * g.sum([axis]) : y * (g - (g * y).sum([axis]))).value
  }

  /// The factor of each class of each row, [rows, classes] of x's element type.
  private func factors(_ targets: ClassTargets, _ classes: Int, dtype: DType) -> Formula {
    let rows = targets.classes.count
    let numbers = Tensor((0..<classes).map { $0 }, shape: [1, classes], like: targets.classes)
    let column = targets.classes.detach().view(shape: [rows, 1], strides: [1, 1])
    let isTarget = Formula(cast(compare(.eq, column, numbers), to: dtype))
    var factors =
      isTarget * (1 - targets.smoothing) + (classes > 0 ? targets.smoothing / Double(classes) : 0)
    if let weight = targets.weight { factors = factors * Formula(weight) }
    let ignored = fill([], Double(targets.ignored), dtype: .int64)
    return Formula(compare(.ne, column, ignored)).choose(factors, factors.number(0))
  }

  package func classSums(_ x: Tensor, _ targets: ClassTargets) -> Tensor {
    let factors = factors(targets, x.shape[1], dtype: x.dtype)
    // A class that does not count may be at minus infinity.
    let products = factors.compare(.eq, 0).choose(factors.number(0), factors * Formula(x))
    return (-products.sum([1])).value.shaped([x.shape[0]])
  }

  package func classSpread(_ g: Tensor, _ targets: ClassTargets, classes: Int) -> Tensor {
    let rows = Formula(g.detach().view(shape: [g.shape[0], 1], strides: [g.strides[0], 0]))
    return (-(factors(targets, classes, dtype: g.dtype) * rows)).value
  }

  package func resample(_ x: Tensor, axis: Int, _ plan: ResamplingPlan) -> Tensor {
    var matrix = [Double](repeating: 0, count: plan.inputSize * plan.outputSize)
    for output in 0..<plan.outputSize {
      for tap in plan.starts[output]..<plan.starts[output + 1] {
        matrix[Int(plan.places[tap]) * plan.outputSize + output] += plan.weights[tap]
      }
    }
    let map = cast(Tensor(matrix, shape: [1, plan.inputSize, plan.outputSize], like: x), to: x.dtype)
    let last = x.shape.indices.filter { $0 != axis } + [axis]
    let lines = x.detach().ordered(last).shaped([1, -1, plan.inputSize].filled(to: x.count))
    let result = gemm(lines, map, bias: nil)
    var order = Array(0..<x.rank - 1)
    order.insert(x.rank - 1, at: axis)
    let shape = last.dropLast().map { x.shape[$0] } + [plan.outputSize]
    return result.shaped(shape).ordered(order)
  }

  /// Indices [count] spread over all lines of x along an axis.
  private func lines(of index: Tensor, _ x: Tensor, axis: Int) -> Tensor {
    var (shape, strides) = (x.shape, [Int](repeating: 0, count: x.rank))
    shape[axis] = index.count
    strides[axis] = 1
    let dense = cast(index.detach(), to: .int64).shaped([index.count])
    return dense.view(shape: shape, strides: strides)
  }

  package func indexSelect(_ x: Tensor, axis: Int, index: Tensor) -> Tensor {
    gather(x, axis: axis, index: lines(of: index, x, axis: axis))
  }

  package func indexAdd(_ x: Tensor, axis: Int, index: Tensor, source: Tensor) -> Tensor {
    scatter(x, axis: axis, index: lines(of: index, x, axis: axis), source: source, adding: true)
  }

  package func channelShuffle(_ x: Tensor, groups: Int) -> Tensor {
    let (channels, size) = (x.shape[1], x.shape[1] / groups)
    let order = (0..<channels).map { $0 % groups * size + $0 / groups }
    return indexSelect(x, axis: 1, index: Tensor(order, shape: [channels], like: x))
  }

  package func nonzeroPlaces(_ x: Tensor) -> Tensor {
    // How many there are is known on the host alone.
    let flags = compare(.ne, x, fill([], 0, dtype: x.dtype)).shaped([x.count])
    var bits = [Bool](repeating: false, count: x.count)
    bits.withUnsafeMutableBytes { download(flags.storage.address, to: $0) }
    let places = bits.indices.filter { bits[$0] }
    return Tensor(places, shape: [places.count], like: x)
  }
}

extension [Int] {
  /// A shape whose -1 stands for what is left of so many elements.
  fileprivate func filled(to count: Int) -> [Int] {
    let known = filter { $0 != -1 }.reduce(1, *)
    return map { $0 == -1 ? (known == 0 ? 0 : count / known) : $0 }
  }
}
