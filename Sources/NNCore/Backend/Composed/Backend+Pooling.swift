// Pooling, composed: averages are linear maps along both axes, maxima are chosen among the gathered elements of each
// window. Places are int64 indices row * W + column.

extension Backend {
  package func avgPool2d(_ x: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    resample(resample(x, axis: 2, geometry.rows.averages), axis: 3, geometry.columns.averages)
  }

  package func avgPool2dGradient(_ gradient: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    let rows = resample(gradient, axis: 2, geometry.rows.averages.transposed)
    return resample(rows, axis: 3, geometry.columns.averages.transposed)
  }

  package func maxPool2d(
    _ x: Tensor, _ geometry: PoolingGeometry, keepingPlaces: Bool, _ own: @escaping Fused.Rule
  ) -> (output: Tensor, places: Tensor?, fused: Fused.Gradient?) {
    let shape = [x.shape[0], x.shape[1], geometry.rows.output, geometry.columns.output]
    let planes = x.detach().shaped([shape[0] * shape[1], geometry.rows.input * geometry.columns.input])
    let (taps, windows) = (geometry.largestWindow, shape[2] * shape[3])
    let elements = Tensor(geometry.elements, shape: [windows * taps], like: x)
    if planes.count == 0 || windows == 0 {
      let places = Tensor(uninitialized: shape, dtype: .int64, on: self)
      return (Tensor(uninitialized: shape, dtype: x.dtype, on: self), keepingPlaces ? places : nil, nil)
    }
    let candidates = indexSelect(planes, axis: 1, index: elements)
      .shaped([planes.shape[0], windows, taps])
    let best = argReduce(candidates, axis: 2, smallest: false)
    let output = gather(candidates, axis: 2, index: best).shaped(shape)
    if !keepingPlaces { return (output, nil, nil) }
    let table = elements.view(shape: [planes.shape[0], windows, taps], strides: [0, taps, 1])
    return (output, gather(table, axis: 2, index: best).shaped(shape), nil)
  }

  private func planes(_ x: Tensor) -> Tensor {
    x.detach().shaped([x.shape[0] * x.shape[1], x.shape[2] * x.shape[3]])
  }

  package func maxPool2dGradient(_ gradient: Tensor, places: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    let size = geometry.rows.input * geometry.columns.input
    let zeros = fill([gradient.shape[0] * gradient.shape[1], size], 0, dtype: gradient.dtype)
    return scatter(zeros, axis: 1, index: planes(places), source: planes(gradient), adding: true)
      .shaped(gradient.shape.prefix(2) + [geometry.rows.input, geometry.columns.input])
  }

  package func maxPool2dPick(_ x: Tensor, places: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    gather(planes(x), axis: 1, index: planes(places)).shaped(places.shape)
  }

  package func maxPool2dIndices(places: Tensor, _ geometry: PoolingGeometry) -> Tensor { places.detach() }
}

extension PoolingAxis {
  /// The averages of the windows as a linear map.
  fileprivate var averages: ResamplingPlan {
    var plan = ResamplingPlan(inputSize: input)
    for window in windows {
      plan.append(
        (0..<window.count).map { (window.start + $0 * dilation, 1 / Double(window.divisor)) })
    }
    return plan
  }
}

extension PoolingGeometry {
  /// For each window the indices row * W + column of its elements in row-major order, the last one repeated up to the
  /// size of the largest window.
  fileprivate var elements: [Int] {
    var all: [Int] = []
    for row in rows.windows {
      for column in columns.windows {
        var places: [Int] = []
        for y in 0..<row.count {
          for x in 0..<column.count {
            let line = row.start + y * rows.dilation
            places.append(line * columns.input + column.start + x * columns.dilation)
          }
        }
        guard let last = places.last else { continue }
        all += places + [Int](repeating: last, count: largestWindow - places.count)
      }
    }
    return all
  }
}
