import CNNKernels

/// A channels-last tensor as matrices of positions times channels, cut in pieces of a size that depends on the
/// shape alone.
struct ChannelMatrices {
  let count: Int
  let channels: Int
  /// Rows of one matrix.
  let rows: Int
  let rowsPerPiece: Int
  let piecesPerMatrix: Int

  var pieceCount: Int { count * piecesPerMatrix }

  /// - Parameters:
  ///   - elements: about how many elements a piece has.
  ///   - unit: a piece has a multiple of so many rows.
  init(shape: [Int], count: Int, elements: Int = 65_536, unit: Int = 64) {
    self.count = count
    channels = shape[1]
    rows = count == 0 ? 0 : shape.reduce(1, *) / max(1, count * channels)
    rowsPerPiece = max(unit, elements / max(1, channels) / unit * unit)
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

/// A channel map in the element type of a tensor, as the kernels take it.
struct KernelChannelMap {
  private let tensors: [Tensor]
  private let size: Int

  init(_ map: ChannelMap, _ dtype: DType) {
    let (center, off) = map.mean.rounded(to: dtype)
    tensors = [
      center, Formula(map.scale).cast(dtype).value.rowMajor,
      (Formula(map.shift) + off * Formula(map.scale)).cast(dtype).value.rowMajor,
    ]
    size = dtype.byteCount
  }

  /// The values of the channels from number `first` on, counted through all samples.
  func values(_ first: Int) -> nn_channel_map {
    nn_channel_map(
      mean: address(tensors[0].hostPointer, first, size), scale: address(tensors[1].hostPointer, first, size),
      shift: address(tensors[2].hostPointer, first, size))
  }
}

/// The rows of the gradient of a normalisation's result, one position each, made where they are needed.
struct GradientRows {
  let matrices: ChannelMatrices
  private let source: Tensor
  private let kind: Kind
  /// Asked once: rows are made on other threads.
  private let path = KernelPath.current.rawValue

  private enum Kind {
    case plain
    case rectified(x: Tensor, KernelChannelMap)
    case pooled(places: Tensor, KernelPooling)
  }

  /// - Parameter x: the input of the normalisation, with inner channels.
  init(_ gradient: ChannelGradient, x: Tensor?, count: Int) {
    switch gradient {
    case .plain(let g):
      source = CPUBackend.shared.withInnerChannels(g)
      kind = .plain
      matrices = ChannelMatrices(shape: g.shape, count: count)
    case .rectified(let g, let map):
      guard let x else { fail("GradientRows", "a rectified gradient needs the input") }
      source = CPUBackend.shared.withInnerChannels(g)
      kind = .rectified(x: x, KernelChannelMap(map, g.dtype))
      matrices = ChannelMatrices(shape: g.shape, count: count, elements: 16_384)
    case .pooled(let g, let places, let geometry):
      source = CPUBackend.shared.withAdjacentChannels(g)
      kind = .pooled(places: places, KernelPooling(geometry, throughInput: true))
      // Whole rows of an image.
      matrices = ChannelMatrices(
        shape: gradient.shape, count: count, elements: 8_192, unit: max(1, geometry.columns.input))
    }
  }

  /// Calls `body` with the address of some rows, which all belong to one matrix; whole rows of an image if pooled.
  func withRows(_ rows: Range<Int>, matrix: Int, _ body: (UnsafeRawPointer) -> Void) {
    let (channels, dtype) = (matrices.channels, source.dtype)
    let (size, first) = (dtype.byteCount, rows.lowerBound * channels)
    if case .plain = kind { return body(address(source.hostPointer, first, size)) }
    let scratch = Tensor(uninitialized: [rows.count * channels], dtype: dtype)
    let target = scratch.hostPointer
    switch kind {
    case .plain: break
    case .rectified(let x, let map):
      nn_channel_gate(
        dtype.rawValue, path, rows.count, channels,
        address(source.hostPointer, first, size), address(x.hostPointer, first, size),
        map.values(matrix * channels), target)
    case .pooled(let places, let kernel):
      let geometry = kernel.geometry
      let width = max(1, geometry.columns.input)
      // Image rows are counted through all images, so that one "image" is all of them.
      let grid = nn_grid(
        data: address(target, -first, size), image: geometry.rows.input * width * channels,
        row: width * channels,
        column: channels)
      kernel.withPooling(channels: channels, dtype, path: path) { pooling in
        nn_max_pool_gradient(
          pooling, nn_grid(source), places.hostPointer, grid, rows.lowerBound / width, rows.upperBound / width
        )
      }
    }
    body(target)
    withExtendedLifetime(scratch) {}
  }
}

/// The rows of a normalisation's input that belong to rows of a gradient: those that were pooled, if it was pooled.
struct InputRows {
  /// The pieces that pooled rows are made in.
  let matrices: ChannelMatrices?
  private let x: Tensor?
  private let channels: Int
  private let pooled: (places: Tensor, kernel: KernelPooling)?
  private let path = KernelPath.current.rawValue

  /// - Parameters:
  ///   - x: the input with inner channels, or nil where it is not needed.
  ///   - shape: that of the gradient.
  init(x: Tensor?, count: Int, shape: [Int], pooled: (places: Tensor, geometry: PoolingGeometry)?) {
    self.x = x
    self.pooled = pooled.map { ($0.places, KernelPooling($0.geometry, throughInput: false)) }
    channels = shape[1]
    matrices = pooled.map {
      ChannelMatrices(
        shape: shape, count: count, elements: 8_192, unit: max(1, $0.geometry.columns.output))
    }
  }

  /// Calls `body` with the address of some rows; whole rows of the pooled image if pooled.
  func withRows(_ rows: Range<Int>, _ body: (UnsafeRawPointer?) -> Void) {
    guard let x else { return body(nil) }
    let (size, first) = (x.dtype.byteCount, rows.lowerBound * channels)
    guard let pooled else { return body(address(x.hostPointer, first, size)) }
    let scratch = Tensor(uninitialized: [rows.count * channels], dtype: x.dtype)
    let geometry = pooled.kernel.geometry
    let width = max(1, geometry.columns.output)
    let grid = nn_grid(
      data: address(scratch.hostPointer, -first, size),
      image: geometry.rows.output * width * channels, row: width * channels, column: channels)
    pooled.kernel.withPooling(channels: channels, x.dtype, path: path) { pooling in
      nn_max_pool_pick(
        pooling, nn_grid(x), pooled.places.hostPointer, grid, rows.lowerBound / width, rows.upperBound / width
      )
    }
    body(scratch.hostPointer)
    withExtendedLifetime(scratch) {}
  }
}

/// The rows of the gradient of a normalisation's input, one position each, made where they are needed.
struct CombinationRows {
  let dtype: DType
  private let gradient: GradientRows
  private let x: Tensor?
  private let mean: Tensor
  private let factors: [Tensor]
  private let path = KernelPath.current.rawValue

  var matrices: ChannelMatrices { gradient.matrices }

  init(_ source: ChannelGradient, _ combination: ChannelCombination) {
    dtype = source.tensor.dtype
    x = combination.x.map(CPUBackend.shared.withInnerChannels)
    gradient = GradientRows(source, x: x, count: combination.mean.shape[0])
    let (center, off) = combination.mean.rounded(to: dtype)
    mean = center
    let shift = Formula(combination.c) + off * Formula(combination.b)
    factors = [Formula(combination.a), Formula(combination.b), shift].map { [dtype] in
      $0.cast(dtype).value.rowMajor
    }
    // Pieces are written by many threads, which only read what is there.
    for tensor in factors + [mean] { tensor.evaluate() }
  }

  func write(_ rows: Range<Int>, matrix: Int, to target: UnsafeMutableRawPointer) {
    let (channels, size) = (matrices.channels, dtype.byteCount)
    let (first, channel) = (rows.lowerBound * channels, matrix * channels)
    let values = factors.map { address($0.hostPointer, channel, size) }
    gradient.withRows(rows, matrix: matrix) { gradients in
      nn_channel_combination(
        dtype.rawValue, path, rows.count, channels, gradients,
        x.map { address($0.hostPointer, first, size) }, address(mean.hostPointer, channel, size), values[0],
        values[1], values[2], target)
    }
  }
}

extension Tensor {
  /// Float64 values in another type, and what the rounding added to them.
  func rounded(to dtype: DType) -> (Tensor, off: Formula) {
    let near = Formula(self).cast(dtype).value.rowMajor
    return (near, Formula(near).cast(.float64) - Formula(self))
  }
}
