import CNNKernels

extension CPUBackend {
  func classSums(_ x: Tensor, _ targets: ClassTargets) -> Tensor {
    let (values, result) = (x.rowMajor, Tensor(uninitialized: [x.shape[0]], dtype: x.dtype))
    let (classes, size) = (x.shape[1], x.dtype.byteCount)
    let (source, target) = (values.hostPointer, result.hostPointer)
    forEachRun(of: targets, classes: classes) { part, first in
      nn_class_sums(
        x.dtype.rawValue, part, address(source, first * classes, size), address(target, first, size))
    }
    return withExtendedLifetime(values) { result }
  }

  func classSpread(_ g: Tensor, _ targets: ClassTargets, classes: Int) -> Tensor {
    let (values, result) = (g.rowMajor, Tensor(uninitialized: [g.shape[0], classes], dtype: g.dtype))
    let (source, target, size) = (values.hostPointer, result.hostPointer, g.dtype.byteCount)
    forEachRun(of: targets, classes: classes) { part, first in
      nn_class_spread(
        g.dtype.rawValue, part, address(source, first, size), address(target, first * classes, size))
    }
    return withExtendedLifetime(values) { result }
  }

  /// Cuts the rows into runs and visits them in parallel, with the first row of each.
  private func forEachRun(
    of targets: ClassTargets, classes: Int, _ body: (_ part: nn_class_targets, _ first: Int) -> Void
  ) {
    let weight = targets.weight?.rowMajor
    let (rows, first) = (targets.classes.count, targets.classes.hostPointer(Int64.self))
    let factors = weight.map { UnsafeRawPointer($0.hostPointer) }
    ThreadPool.shared.parallelFor(count: rows, grain: max(1, 32_768 / max(1, classes))) { range in
      let part = nn_class_targets(
        rows: Int64(range.count), classes: Int64(classes), target: first + range.lowerBound,
        weight: factors, ignored: Int64(targets.ignored), smoothing: targets.smoothing)
      body(part, range.lowerBound)
    }
    withExtendedLifetime(weight) {}
  }
}
