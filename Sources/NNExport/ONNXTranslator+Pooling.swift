import NNCore

extension ONNXTranslator {
  /// Pooling; nil if the operation is none.
  func pooling() throws -> String? {
    switch operation.name {
    case "maxPool2d": return maxPool()
    case "avgPool2d": return averagePool()
    case "adaptiveAvgPool2d":
      if rowShape.suffix(2) == [1, 1] { return node("GlobalAveragePool", [input(0)]) }
      return adaptiveAverage(input(0), from: Array(shape(0).suffix(2)), to: Array(rowShape.suffix(2)))
    case "adaptiveMaxPool2d":
      if rowShape.suffix(2) == [1, 1] { return node("GlobalMaxPool", [input(0)]) }
      let (sizes, targets) = (Array(shape(0).suffix(2)), Array(rowShape.suffix(2)))
      guard let kernel = evenWindows(sizes, targets) else {
        throw unsupported("\(sizes[0])x\(sizes[1]) does not divide evenly into \(targets[0])x\(targets[1])")
      }
      return node("MaxPool", [input(0)], ["kernel_shape": .ints(kernel), "strides": .ints(kernel)])
    default: return nil
    }
  }

  /// Padding at the ends with which windows that are counted by rounding down are as many as the result has. So the last
  /// window of `ceilMode` does not depend on how a runtime reads that attribute.
  private func ends(dilations: [Int]) -> [Int] {
    let (sizes, kernel, strides, padding) = (
      Array(shape(0).suffix(2)), ints("kernel"), ints("strides"), ints("padding")
    )
    return (0..<2).map { axis in
      let reach = dilations[axis] * (kernel[axis] - 1) + 1
      let needed = (rowShape[axis + 1] - 1) * strides[axis] + reach - sizes[axis] - padding[axis]
      return flag("ceilMode") ? max(needed, 0) : padding[axis]
    }
  }

  private func maxPool() -> String {
    node(
      "MaxPool", [input(0)],
      [
        "dilations": .ints(ints("dilations")), "kernel_shape": .ints(ints("kernel")),
        "pads": .ints(ints("padding") + ends(dilations: ints("dilations"))),
        "strides": .ints(ints("strides")),
      ])
  }

  private func averagePool() -> String {
    let (kernel, strides, padding) = (ints("kernel"), ints("strides"), ints("padding"))
    let ends = ends(dilations: [1, 1])
    let (countsPadding, divisor) = (flag("countIncludePad"), int("divisor"))
    let isPlain = divisor == 0 && (!flag("ceilMode") || zip(ends, padding).allSatisfy { $0 <= $1 })
    let average = node(
      "AveragePool", [input(0)],
      [
        "count_include_pad": .int(countsPadding || !isPlain ? 1 : 0), "kernel_shape": .ints(kernel),
        "pads": .ints(padding + ends), "strides": .ints(strides),
      ])
    if isPlain { return average }
    // The average over all of a window, corrected where a window counts less: nothing of what hangs over.
    let sizes = Array(shape(0).suffix(2))
    let counts = (0..<2).map { axis in
      (0..<rowShape[axis + 1]).map { place -> Double in
        let start = place * strides[axis] - padding[axis]
        return countsPadding
          ? Double(min(start + kernel[axis], sizes[axis] + padding[axis]) - start)
          : Double(min(start + kernel[axis], sizes[axis]) - max(start, 0))
      }
    }
    let area = Double(kernel[0] * kernel[1])
    let factors = counts[0].flatMap { row in
      counts[1].map { area / (divisor == 0 ? row * $0 : Double(divisor)) }
    }
    let shape = [1, 1, rowShape[1], rowShape[2]]
    return node("Mul", [average, constant(Tensor(factors).reshape(shape).to(operation.output.dtype))])
  }

  /// Sizes of windows that share an image out without rest.
  private func evenWindows(_ sizes: [Int], _ targets: [Int]) -> [Int]? {
    zip(sizes, targets).allSatisfy { $0 % $1 == 0 } ? zip(sizes, targets).map { $0 / $1 } : nil
  }

  /// Averages of windows that share the last dimensions out as evenly as possible.
  private func adaptiveAverage(_ x: String, from sizes: [Int], to targets: [Int]) -> String {
    if sizes == targets { return x }
    if let kernel = evenWindows(sizes, targets) {
      return node("AveragePool", [x], ["kernel_shape": .ints(kernel), "strides": .ints(kernel)])
    }
    return products(x, from: sizes, to: targets) { units, axis in
      units.adaptiveAvgPool2d(outputSize: axis == 0 ? Size2(targets[0], 1) : Size2(1, targets[axis]))
    }
  }

  /// A linear map that takes the last dimensions one after the other, as a matrix product for each.
  ///
  /// - Parameter map: the map of one dimension, 0 being the height of images and the last their width. What it makes of
  ///   images whose rows (or columns) are unit vectors is the matrix.
  private func products(
    _ x: String, from sizes: [Int], to targets: [Int], _ map: (_ units: Tensor, _ axis: Int) -> Tensor
  ) -> String {
    let last = sizes.count - 1
    return sizes.indices.reversed().reduce(x) { x, axis in
      let (size, target) = (sizes[axis], targets[axis])
      if size == target { return x }
      let shape = axis == last ? [1, size, 1, size] : [1, size, size, 1]
      let units = Tensor.eye(size, dtype: operation.output.dtype).reshape(shape)
      let matrix = map(units, axis).reshape([size, target])
      return axis == last
        ? node("MatMul", [x, constant(matrix)]) : node("MatMul", [constant(matrix.t.contiguous()), x])
    }
  }

  // MARK: Resampling

  /// nil if the operation does not resample.
  func interpolation() throws -> String? {
    guard operation.name == "interpolate" else { return nil }
    guard let mode = Tensor.InterpolationMode(rawValue: text("mode")) else {
      throw unsupported("its mode \(text("mode")) is not known")
    }
    let (sizes, targets) = (Array(shape(0).dropFirst(2)), Array(rowShape.dropFirst()))
    if mode == .area {
      guard sizes.count <= 2 else { throw unsupported("its mode area is exported for at most 2 dimensions") }
      return adaptiveAverage(input(0), from: sizes, to: targets)
    }
    let aligned = flag("alignCorners") ? "align_corners" : "half_pixel"
    let operatorMode: String
    switch mode {
    case .nearest, .nearestExact: operatorMode = "nearest"
    case .bicubic: operatorMode = "cubic"
    default: operatorMode = "linear"
    }
    // Positions come from the factors themselves where these are given, and from the sizes otherwise.
    var factors = flag("recomputeScaleFactor") ? [] : numbers("scale")
    if factors.count == 1 { factors = sizes.map { _ in factors[0] } }
    guard zip(zip(sizes, factors), targets).allSatisfy({ Int(Float($0.0) * Float($0.1)) == $1 }) else {
      throw unsupported("its factors \(factors) give other sizes in single precision")
    }
    if flag("antialias") {
      // As the products that it is: what a runtime filters with is its own.
      return products(input(0), from: sizes, to: targets) { units, axis in
        func one<T>(_ value: T, _ unit: T) -> [T] { axis == 0 ? [value, unit] : [unit, value] }
        return units.interpolate(
          size: factors.isEmpty ? one(targets[axis], 1) : nil,
          scaleFactor: factors.isEmpty ? nil : one(factors[axis], 1), mode: mode,
          alignCorners: flag("alignCorners"), antialias: true)
      }
    }
    let measure = factors.isEmpty ? ["", constant(targets)] : [constant(Tensor(factors).to(.float32))]
    return node(
      "Resize", [input(0), ""] + measure,
      [
        "mode": .text(operatorMode), "axes": .ints(Array(2..<2 + sizes.count)),
        "coordinate_transformation_mode": .text(mode == .nearest ? "asymmetric" : aligned),
        "nearest_mode": .text(mode == .nearest ? "floor" : "round_prefer_ceil"),
        "cubic_coeff_a": .float(-0.75),
      ])
  }
}
