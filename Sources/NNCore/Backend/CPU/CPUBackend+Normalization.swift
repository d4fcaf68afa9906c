import CNNKernels

// A tensor [N, C, …] becomes a matrix of positions times channels, one for the whole batch or one per sample; an
// input that is not channels-last is copied once. A piece is a run of rows of one matrix.

extension CPUBackend {
  func channelMoments(_ x: Tensor, perSample: Bool) -> (mean: Tensor, variance: Tensor) {
    let source = withInnerChannels(x)
    let matrices = ChannelMatrices(source, count: perSample ? x.shape[0] : 1)
    let partial = Tensor(uninitialized: [matrices.pieceCount, 2, matrices.channels], dtype: .float64)
    let moments = partial.pointer(Double.self)
    let (base, size, type) = (source.rawPointer, source.dtype.byteCount, source.dtype.rawValue)
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
      let meanRow = mean.pointer(Double.self) + matrix * channels
      let squares = variance.pointer(Double.self) + matrix * channels
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

  func channelAffine(_ x: Tensor, mean: Tensor, scale: Tensor, shift: Tensor) -> Tensor {
    let source = withInnerChannels(x)
    let result = Tensor(uninitialized: x.shape, dtype: x.dtype, strides: source.strides)
    let matrices = ChannelMatrices(source, count: mean.shape[0])
    let (center, off) = rounded(mean, x.dtype)
    let factor = scale.to(x.dtype).contiguous()
    let addend = (shift + off * scale).to(x.dtype).contiguous()
    let (input, output) = (source.rawPointer, result.rawPointer)
    let (size, type, channels) = (x.dtype.byteCount, x.dtype.rawValue, matrices.channels)
    let path = KernelPath.current.rawValue
    let (c, f, a) = (center.rawPointer, factor.rawPointer, addend.rawPointer)
    matrices.forEachPiece { _, matrix, rows in
      let first = rows.lowerBound * channels
      nn_channel_affine(
        type, path, rows.count, channels, address(input, first, size), address(c, matrix * channels, size),
        address(f, matrix * channels, size), address(a, matrix * channels, size), address(output, first, size)
      )
    }
    withExtendedLifetime((center, factor, addend)) {}
    return result
  }

  func channelGradientSums(
    _ gradient: Tensor, _ x: Tensor?, mean: Tensor
  ) -> (sums: Tensor, dots: Tensor) {
    let (g, source) = (withInnerChannels(gradient), x.map(withInnerChannels))
    let matrices = ChannelMatrices(g, count: mean.shape[0])
    let channels = matrices.channels
    let partial = Tensor(
      uninitialized: [matrices.count, matrices.piecesPerMatrix, 2, channels], dtype: .float64)
    let sums = partial.pointer(Double.self)
    let (center, off) = rounded(mean, g.dtype)
    let (size, type, path) = (g.dtype.byteCount, g.dtype.rawValue, KernelPath.current.rawValue)
    let (gradients, inputs, means) = (g.rawPointer, source?.rawPointer, center.rawPointer)
    matrices.forEachPiece { piece, matrix, rows in
      let first = rows.lowerBound * channels
      let target = sums + piece * 2 * channels
      nn_channel_gradient_sums(
        type, path, rows.count, channels, address(gradients, first, size),
        inputs.map { address($0, first, size) },
        address(means, matrix * channels, size), target, target + channels)
    }
    withExtendedLifetime((source, center)) {}
    let total = partial.sum(1)
    let plain = total.select(1, index: 0)
    return (plain, total.select(1, index: 1) + off * plain)
  }

  func channelCombination(
    _ gradient: Tensor, _ x: Tensor?, mean: Tensor, _ a: Tensor, _ b: Tensor, _ c: Tensor
  ) -> Tensor {
    let (g, source) = (withInnerChannels(gradient), x.map(withInnerChannels))
    let result = Tensor(uninitialized: g.shape, dtype: g.dtype, strides: g.strides)
    let matrices = ChannelMatrices(g, count: mean.shape[0])
    let (center, off) = rounded(mean, g.dtype)
    let factors = [a, b, c + off * b].map { $0.to(g.dtype).contiguous() }
    let (size, type, channels) = (g.dtype.byteCount, g.dtype.rawValue, matrices.channels)
    let path = KernelPath.current.rawValue
    let (gradients, inputs, means) = (g.rawPointer, source?.rawPointer, center.rawPointer)
    let (output, values) = (result.rawPointer, factors.map(\.rawPointer))
    matrices.forEachPiece { _, matrix, rows in
      let first = rows.lowerBound * channels
      let channel = matrix * channels
      nn_channel_combination(
        type, path, rows.count, channels, address(gradients, first, size),
        inputs.map { address($0, first, size) },
        address(means, channel, size), address(values[0], channel, size), address(values[1], channel, size),
        address(values[2], channel, size), address(output, first, size))
    }
    withExtendedLifetime((source, center, factors)) {}
    return result
  }

  /// Float64 values in another type, and what the rounding added to them.
  private func rounded(_ x: Tensor, _ dtype: DType) -> (Tensor, off: Tensor) {
    let near = x.to(dtype).contiguous()
    return (near, near.to(.float64) - x)
  }

  /// x in memory order [N, …, C] without gaps.
  private func withInnerChannels(_ x: Tensor) -> Tensor {
    var strides = x.shape
    var step = x.shape[1]
    for axis in (2..<max(2, x.rank)).reversed() {
      strides[axis] = step
      step *= x.shape[axis]
    }
    strides[0] = step
    strides[1] = 1
    let isDense = x.shape.indices.allSatisfy { x.shape[$0] == 1 || x.strides[$0] == strides[$0] }
    return isDense ? x.view(shape: x.shape, strides: strides) : copy(x, strides: strides)
  }
}

/// A channels-last tensor as matrices of positions times channels, cut in pieces of a size that depends on the
/// shape alone.
private struct ChannelMatrices {
  let count: Int
  let channels: Int
  /// Rows of one matrix.
  let rows: Int
  let rowsPerPiece: Int
  let piecesPerMatrix: Int

  var pieceCount: Int { count * piecesPerMatrix }

  init(_ x: Tensor, count: Int) {
    self.count = count
    channels = x.shape[1]
    rows = count == 0 ? 0 : x.count / max(1, count * channels)
    // A multiple of the kernels' blocks of 64 rows.
    rowsPerPiece = max(64, 65_536 / max(1, channels) / 64 * 64)
    piecesPerMatrix = max(1, (rows + rowsPerPiece - 1) / rowsPerPiece)
  }

  /// Rows of a piece within its matrix.
  func rows(_ index: Int) -> Range<Int> {
    index * rowsPerPiece..<min(rows, (index + 1) * rowsPerPiece)
  }

  /// Calls `body` in parallel with the number of each piece, its matrix, and its rows counted through all matrices.
  func forEachPiece(_ body: (_ piece: Int, _ matrix: Int, _ rows: Range<Int>) -> Void) {
    let elements = max(1, min(rows, rowsPerPiece) * channels)
    ThreadPool.shared.parallelFor(count: pieceCount, grain: max(1, 16_384 / elements)) { range in
      for piece in range {
        let matrix = piece / piecesPerMatrix
        let part = rows(piece % piecesPerMatrix)
        body(piece, matrix, matrix * rows + part.lowerBound..<matrix * rows + part.upperBound)
      }
    }
  }
}
