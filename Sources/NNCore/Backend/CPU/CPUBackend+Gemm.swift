import CNNKernels

extension CPUBackend {
  func gemm(_ a: Tensor, _ b: Tensor, bias: Tensor?) -> Tensor {
    let (batch, m, k, n) = (a.shape[0], a.shape[1], a.shape[2], b.shape[2])
    if n == 1 && m > 1 {
      // A matrix times a vector: the vector as a single row fills the registers better than as a single column.
      let column = gemm(b.transposedMatrices, a.transposedMatrices, bias: nil).view(
        shape: [batch, m, 1], strides: [m, 1, 1])
      guard let bias else { return column }
      return binary(.add, column, bias)
    }
    let result = Tensor(uninitialized: [batch, m, n], dtype: a.dtype)
    let bias = bias.map { $0.strides == [1] ? $0 : copy($0, strides: nil) }
    let product = MatrixProduct(a, b, bias, result)
    let blocks = product.blocks(rows: m, columns: n, depth: k)
    // Small products of a batch share a piece: a million multiplications outweigh handing out the work.
    let group = max(1, 1_000_000 / max(1, m * n * k))
    if blocks.count == 1 {
      ThreadPool.shared.parallelFor(count: batch, grain: group) { range in
        for index in range { product.compute(index, 0..<m, 0..<n) }
      }
    } else {
      ThreadPool.shared.parallelFor(pieces: batch * blocks.count) { piece in
        let (rows, columns) = blocks[piece % blocks.count]
        product.compute(piece / blocks.count, rows, columns)
      }
    }
    return result
  }
}

extension Tensor {
  fileprivate var transposedMatrices: Tensor {
    view(shape: [shape[0], shape[2], shape[1]], strides: [strides[0], strides[2], strides[1]])
  }
}

/// A batch of products C = A · B (+ bias), computed in blocks.
private struct MatrixProduct {
  let a: Tensor
  let b: Tensor
  let bias: Tensor?
  let c: Tensor
  /// Asked once: the pieces run on other threads.
  private let path = KernelPath.current

  init(_ a: Tensor, _ b: Tensor, _ bias: Tensor?, _ c: Tensor) {
    for operand in [a, b] { operand.evaluate() }
    self.a = a
    self.b = b
    self.bias = bias
    self.c = c
  }

  /// Cuts one matrix of the result into blocks, without looking at the number of threads.
  func blocks(rows: Int, columns: Int, depth: Int) -> [(rows: Range<Int>, columns: Range<Int>)] {
    let cut = BlockSize(rows: rows, columns: columns, depth: depth, dtype: c.dtype)
    return stride(from: 0, to: rows, by: cut.rows).flatMap { row in
      stride(from: 0, to: columns, by: cut.columns).map { column in
        (row..<min(rows, row + cut.rows), column..<min(columns, column + cut.columns))
      }
    }
  }

  func compute(_ index: Int, _ rows: Range<Int>, _ columns: Range<Int>) {
    let size = c.dtype.byteCount
    var gemm = nn_gemm()
    gemm.a = UnsafeRawPointer(address(a.hostPointer, index * a.strides[0], size))
    gemm.b = UnsafeRawPointer(address(b.hostPointer, index * b.strides[0], size))
    gemm.c = address(c.hostPointer, index * c.strides[0], size)
    gemm.bias = bias.map { UnsafeRawPointer($0.hostPointer) }
    (gemm.m, gemm.n, gemm.k) = (c.shape[1], c.shape[2], a.shape[2])
    (gemm.a_row, gemm.a_column) = (a.strides[1], a.strides[2])
    (gemm.b_row, gemm.b_column) = (b.strides[1], b.strides[2])
    gemm.c_row = c.strides[1]
    gemm.type = c.dtype.rawValue
    gemm.path = path.rawValue
    if c.dtype == .int64 {
      nn_gemm_i64(&gemm, rows.lowerBound, rows.upperBound, columns.lowerBound, columns.upperBound)
    } else if path == .openBLAS {
      OpenBLAS.gemm(gemm, rows, columns)
    } else {
      nn_gemm_piece(&gemm, rows.lowerBound, rows.upperBound, columns.lowerBound, columns.upperBound)
    }
  }
}

/// How large a block of a product one piece of work computes. Every block packs its own part of B, so it should
/// have many rows; and there should be enough blocks for many threads.
struct BlockSize {
  var rows: Int
  var columns: Int

  /// Multiples of these many rows and columns leave no tile of any instruction set half empty.
  private static let (rowUnit, columnUnit) = (12, 32)

  init(rows: Int, columns: Int, depth: Int, dtype: DType, most: Int = 516) {
    let packed = 1_024 / dtype.byteCount
    self.rows = Self.part(of: rows, atMost: most, unit: Self.rowUnit)
    self.columns = Self.part(of: columns, atMost: packed, unit: Self.columnUnit)
    func pieces() -> Int {
      (rows + self.rows - 1) / max(1, self.rows) * ((columns + self.columns - 1) / max(1, self.columns))
    }
    while pieces() < 24 && self.rows * self.columns * depth > 2_000_000 {
      if self.columns > Self.columnUnit {
        self.columns = Self.part(of: columns, atMost: self.columns / 2, unit: Self.columnUnit)
      } else if self.rows > 4 * Self.rowUnit {
        self.rows = Self.part(of: rows, atMost: self.rows / 2, unit: Self.rowUnit)
      } else {
        break
      }
    }
  }

  /// Equal parts of a length, each a multiple of `unit` and not above `limit`.
  private static func part(of length: Int, atMost limit: Int, unit: Int) -> Int {
    let limit = max(unit, limit / unit * unit)
    if length <= limit { return max(length, 1) }
    let parts = (length + limit - 1) / limit
    return ((length + parts - 1) / parts + unit - 1) / unit * unit
  }
}
