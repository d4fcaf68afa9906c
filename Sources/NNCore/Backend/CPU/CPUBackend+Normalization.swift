import CNNKernels

// A tensor [N, C, …] becomes a matrix of positions times channels, one for the whole batch or one per sample; an
// input that is not channels-last is copied once. A piece is a run of rows of one matrix.

extension CPUBackend {
  func channelMoments(_ x: Tensor, perSample: Bool) -> (mean: Tensor, variance: Tensor) {
    let source = withInnerChannels(x)
    let matrices = ChannelMatrices(shape: x.shape, count: perSample ? x.shape[0] : 1)
    let partial = Tensor(uninitialized: [matrices.pieceCount, 2, matrices.channels], dtype: .float64)
    let moments = partial.hostPointer(Double.self)
    let (base, size, type) = (source.hostPointer, source.dtype.byteCount, source.dtype.rawValue)
    let path = KernelPath.current.rawValue
    let channels = matrices.channels
    matrices.forEachPiece { piece, _, rows in
      let mean = moments + piece * 2 * channels
      nn_channel_moments(
        type, path, rows.count, channels, address(base, rows.lowerBound * channels, size), mean,
        mean + channels)
    }
    let shape = [matrices.count, channels]
    let (mean, variance) = (
      Tensor(uninitialized: shape, dtype: .float64), Tensor(uninitialized: shape, dtype: .float64)
    )
    for matrix in 0..<matrices.count {
      let meanRow = mean.hostPointer(Double.self) + matrix * channels
      let squares = variance.hostPointer(Double.self) + matrix * channels
      for index in 0..<matrices.piecesPerMatrix {
        let part = moments + (matrix * matrices.piecesPerMatrix + index) * 2 * channels
        if index == 0 {
          meanRow.update(from: part, count: channels)
          squares.update(from: part + channels, count: channels)
        } else {
          nn_merge_moments(
            channels, Double(index * matrices.rowsPerPiece), meanRow, squares,
            Double(matrices.rows(index).count), part, part + channels)
        }
      }
      for channel in 0..<channels { squares[channel] /= Double(matrices.rows) }
    }
    return (mean, variance)
  }

  func mapped(_ x: Tensor, _ map: ChannelMap, adding addend: Tensor?, rectified: Bool) -> Tensor {
    let (source, addend) = (withInnerChannels(x), addend.map(withInnerChannels))
    let result = Tensor(uninitialized: x.shape, dtype: x.dtype, strides: source.strides)
    let matrices = ChannelMatrices(shape: x.shape, count: map.mean.shape[0])
    let kernelMap = KernelChannelMap(map, x.dtype)
    let (input, added, output) = (source.hostPointer, addend?.hostPointer, result.hostPointer)
    let (size, type, channels) = (x.dtype.byteCount, x.dtype.rawValue, matrices.channels)
    let path = KernelPath.current.rawValue
    matrices.forEachPiece { _, matrix, rows in
      let first = rows.lowerBound * channels
      nn_channel_affine(
        type, path, rows.count, channels, address(input, first, size), kernelMap.values(matrix * channels),
        added.map { address($0, first, size) }, rectified ? 1 : 0, address(output, first, size))
    }
    return result
  }

  func gated(_ g: Tensor, _ x: Tensor, _ map: ChannelMap) -> Tensor {
    let (gradients, source) = (withInnerChannels(g), withInnerChannels(x))
    let result = Tensor(uninitialized: g.shape, dtype: g.dtype, strides: source.strides)
    let matrices = ChannelMatrices(shape: g.shape, count: map.mean.shape[0])
    let kernelMap = KernelChannelMap(map, g.dtype)
    let (from, input, output) = (gradients.hostPointer, source.hostPointer, result.hostPointer)
    let (size, type, channels) = (g.dtype.byteCount, g.dtype.rawValue, matrices.channels)
    let path = KernelPath.current.rawValue
    matrices.forEachPiece { _, matrix, rows in
      let first = rows.lowerBound * channels
      nn_channel_gate(
        type, path, rows.count, channels, address(from, first, size), address(input, first, size),
        kernelMap.values(matrix * channels), address(output, first, size))
    }
    return result
  }

  func gradientSums(
    _ source: ChannelGradient, _ x: Tensor?, mean: Tensor
  ) -> (sums: Tensor, dots: Tensor) {
    let images = x.map(withInnerChannels)
    let inputs: InputRows
    var gradient = source
    if case .pooled(let g, let places, let geometry) = gradient {
      // Elements that were not pooled meet zeros.
      inputs = InputRows(x: images, count: mean.shape[0], shape: g.shape, pooled: (places, geometry))
      gradient = .plain(g)
    } else {
      inputs = InputRows(x: images, count: mean.shape[0], shape: gradient.shape, pooled: nil)
    }
    let rows = GradientRows(gradient, x: images, count: mean.shape[0])
    let (matrices, dtype) = (inputs.matrices ?? rows.matrices, gradient.tensor.dtype)
    let channels = matrices.channels
    let partial = Tensor(
      uninitialized: [matrices.count, matrices.piecesPerMatrix, 2, channels], dtype: .float64)
    let sums = partial.hostPointer(Double.self)
    let (center, off) = mean.rounded(to: dtype)
    let (size, type, path) = (dtype.byteCount, dtype.rawValue, KernelPath.current.rawValue)
    let means = center.hostPointer
    matrices.forEachPiece { piece, matrix, range in
      let target = sums + piece * 2 * channels
      rows.withRows(range, matrix: matrix) { gradients in
        inputs.withRows(range) { values in
          nn_channel_gradient_sums(
            type, path, range.count, channels, gradients, values, address(means, matrix * channels, size),
            target, target + channels)
        }
      }
    }
    withExtendedLifetime(center) {}
    let total = reduce(.sum, partial, axes: [1]).part(0, of: 1)
    let plain = total.part(0, of: 1)
    return (plain, (Formula(total.part(1, of: 1)) + off * Formula(plain)).value)
  }

  func combined(_ gradient: ChannelGradient, _ combination: ChannelCombination) -> Tensor {
    let shape = gradient.shape
    let values = CombinationRows(gradient, combination)
    let result = Tensor(
      uninitialized: shape, dtype: values.dtype, strides: Tensor.innerChannelStrides(shape))
    let (output, size, channels) = (result.hostPointer, values.dtype.byteCount, shape[1])
    values.matrices.forEachPiece { _, matrix, rows in
      values.write(rows, matrix: matrix, to: address(output, rows.lowerBound * channels, size))
    }
    return result
  }

  /// x in memory order [N, …, C] without gaps.
  func withInnerChannels(_ x: Tensor) -> Tensor {
    x.evaluate()
    let strides = Tensor.innerChannelStrides(x.shape)
    let isDense = x.shape.indices.allSatisfy { x.shape[$0] == 1 || x.strides[$0] == strides[$0] }
    return isDense ? x.view(shape: x.shape, strides: strides) : copy(x, strides: strides)
  }
}

extension Tensor {
  /// Strides of the memory order [N, …, C] without gaps.
  package static func innerChannelStrides(_ shape: [Int]) -> [Int] {
    var strides = shape
    var step = shape[1]
    for axis in (2..<Swift.max(2, shape.count)).reversed() {
      strides[axis] = step
      step *= shape[axis]
    }
    strides[0] = step
    strides[1] = 1
    return strides
  }
}
