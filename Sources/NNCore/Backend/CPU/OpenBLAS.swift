import CNNKernels
import COpenBLAS

/// The kernels' work done by OpenBLAS, for builds whose C code is not optimised.
enum OpenBLAS {
  /// A block of C = A · B (+ C) (+ bias), as `nn_gemm_piece`.
  static func gemm(_ gemm: nn_gemm, _ rows: Range<Int>, _ columns: Range<Int>) {
    if gemm.type == DType.float64.rawValue {
      block(gemm, rows, columns, Double.self) { shape, alpha, a, b, beta, c in
        cblas_dgemm(
          CblasRowMajor, shape.a.order, shape.b.order, shape.m, shape.n, shape.k, alpha, a, shape.a.line, b,
          shape.b.line, beta, c, shape.c)
      }
    } else {
      block(gemm, rows, columns, Float.self) { shape, alpha, a, b, beta, c in
        cblas_sgemm(
          CblasRowMajor, shape.a.order, shape.b.order, shape.m, shape.n, shape.k, alpha, a, shape.a.line, b,
          shape.b.line, beta, c, shape.c)
      }
    }
  }

  private struct Shape {
    let m, n, k, c: blasint
    let a, b: Layout
  }

  private struct Layout {
    let order: CBLAS_TRANSPOSE
    let line: blasint
  }

  private static func block<T: BinaryFloatingPoint>(
    _ gemm: nn_gemm, _ rows: Range<Int>, _ columns: Range<Int>, _ type: T.Type,
    _ multiply: (Shape, T, UnsafePointer<T>, UnsafePointer<T>, T, UnsafeMutablePointer<T>) -> Void
  ) {
    if rows.isEmpty || columns.isEmpty { return }
    let c = gemm.c.assumingMemoryBound(to: T.self) + rows.lowerBound * gemm.c_row + columns.lowerBound
    if let bias = gemm.bias?.assumingMemoryBound(to: T.self) {
      for row in 0..<rows.count {
        (c + row * gemm.c_row).update(from: bias + columns.lowerBound, count: columns.count)
      }
    } else if gemm.accumulate == 0 {
      for row in 0..<rows.count { (c + row * gemm.c_row).update(repeating: 0, count: columns.count) }
    }
    if gemm.k == 0 { return }
    let aStart = gemm.a.assumingMemoryBound(to: T.self) + rows.lowerBound * gemm.a_row
    let bStart = gemm.b.assumingMemoryBound(to: T.self) + columns.lowerBound * gemm.b_column
    withMatrix(aStart, rows.count, gemm.k, gemm.a_row, gemm.a_column) { a, aLayout in
      withMatrix(bStart, gemm.k, columns.count, gemm.b_row, gemm.b_column) { b, bLayout in
        let shape = Shape(
          m: blasint(rows.count), n: blasint(columns.count), k: blasint(gemm.k), c: blasint(gemm.c_row),
          a: aLayout,
          b: bLayout)
        multiply(shape, 1, a, b, 1, c)
      }
    }
  }

  /// The matrix as BLAS can describe it: rows or columns without gaps, else a copy.
  private static func withMatrix<T>(
    _ start: UnsafePointer<T>, _ rows: Int, _ columns: Int, _ rowStride: Int, _ columnStride: Int,
    _ body: (UnsafePointer<T>, Layout) -> Void
  ) {
    if columnStride == 1 && rowStride >= max(1, columns) {
      body(start, Layout(order: CblasNoTrans, line: blasint(rowStride)))
    } else if rowStride == 1 && columnStride >= max(1, rows) {
      body(start, Layout(order: CblasTrans, line: blasint(columnStride)))
    } else {
      var copy: [T] = []
      copy.reserveCapacity(rows * columns)
      for row in 0..<rows {
        for column in 0..<columns { copy.append(start[row * rowStride + column * columnStride]) }
      }
      copy.withUnsafeBufferPointer { buffer in
        if let base = buffer.baseAddress { body(base, Layout(order: CblasNoTrans, line: blasint(columns))) }
      }
    }
  }
}

// MARK: - Convolution

extension OpenBLAS {
  /// As `nn_conv_piece`: the patches of these positions are written out for one product.
  static func convolve(
    _ window: UnsafePointer<nn_window>, _ weights: UnsafeRawPointer, _ weightRow: Int,
    _ bias: UnsafeRawPointer?,
    _ out: nn_grid, rows: Range<Int>, columns: Range<Int>
  ) {
    let size = window.pointee.type == DType.float64.rawValue ? 8 : 4
    let patches = Patches(window, rows)
    let (matrix, matrixColumns) = patches.weights(weights, weightRow, columns, size)
    let result = UnsafeMutableRawPointer.allocate(byteCount: rows.count * columns.count * size, alignment: 64)
    defer { result.deallocate() }
    matrix.withUnsafeBytes { matrix in
      var product = nn_gemm()
      product.a = UnsafeRawPointer(patches.memory)
      product.b = matrix.baseAddress
      product.c = result
      product.bias = bias.map { $0 + columns.lowerBound * size }
      (product.m, product.n, product.k) = (rows.count, columns.count, patches.depth)
      (product.a_row, product.a_column, product.b_row, product.b_column) = (
        patches.depth, 1, matrixColumns, 1
      )
      product.c_row = columns.count
      product.type = window.pointee.type
      gemm(product, 0..<rows.count, 0..<columns.count)
    }
    for row in rows {
      let target = place(out, window.pointee, row, size) + columns.lowerBound * size
      target.copyMemory(
        from: result + (row - rows.lowerBound) * columns.count * size, byteCount: columns.count * size)
    }
  }

  /// As `nn_conv_weight_piece`.
  static func weightGradient(
    _ window: UnsafePointer<nn_window>, _ gradient: nn_grid, _ outputs: Int, _ sums: UnsafeMutableRawPointer,
    _ sumsRow: Int, rows: Range<Int>, columns: Range<Int>
  ) {
    let size = window.pointee.type == DType.float64.rawValue ? 8 : 4
    let depth = window.pointee.tap_count * window.pointee.channels
    let block = 1_024
    for start in stride(from: rows.lowerBound, to: max(rows.upperBound, rows.lowerBound + 1), by: block) {
      let part = start..<min(rows.upperBound, start + block)
      let patches = Patches(window, part)
      let gradients = UnsafeMutableRawPointer.allocate(byteCount: part.count * outputs * size, alignment: 64)
      defer { gradients.deallocate() }
      for row in part {
        (gradients + (row - start) * outputs * size).copyMemory(
          from: place(gradient, window.pointee, row, size), byteCount: outputs * size)
      }
      var product = nn_gemm()
      product.a = UnsafeRawPointer(patches.memory)
      product.b = UnsafeRawPointer(gradients)
      product.c = sums
      (product.m, product.n, product.k) = (depth, outputs, part.count)
      (product.a_row, product.a_column, product.b_row, product.b_column) = (1, depth, outputs, 1)
      product.c_row = sumsRow
      product.accumulate = start > rows.lowerBound ? 1 : 0
      product.type = window.pointee.type
      gemm(product, columns, 0..<outputs)
    }
  }

  private static func place(
    _ grid: nn_grid, _ window: nn_window, _ row: Int, _ size: Int
  ) -> UnsafeMutableRawPointer {
    let (line, x) = (row / window.width, row % window.width)
    let (image, y) = (line / window.height, line % window.height)
    return grid.data + (image * grid.image + y * grid.row + x * grid.column) * size
  }

  /// Some rows of the patch matrix, written out.
  private final class Patches {
    let memory: UnsafeMutableRawPointer
    let depth: Int
    private let window: UnsafePointer<nn_window>

    init(_ window: UnsafePointer<nn_window>, _ rows: Range<Int>) {
      self.window = window
      depth = window.pointee.tap_count * window.pointee.channels
      memory = .allocate(byteCount: rows.count * depth * 8, alignment: 64)
      nn_conv_patches(window, memory, rows.lowerBound, rows.upperBound)
    }

    deinit { memory.deallocate() }

    /// The weights of the window's taps, in their order.
    func weights(
      _ start: UnsafeRawPointer, _ rowStride: Int, _ columns: Range<Int>, _ size: Int
    ) -> (bytes: [UInt8], columns: Int) {
      let channels = window.pointee.channels
      var bytes: [UInt8] = []
      bytes.reserveCapacity(depth * columns.count * size)
      for tap in 0..<window.pointee.tap_count {
        for channel in 0..<channels {
          let row = (Int(window.pointee.taps[tap].slab) * channels + channel) * rowStride + columns.lowerBound
          bytes.append(
            contentsOf: UnsafeRawBufferPointer(start: start + row * size, count: columns.count * size))
        }
      }
      return (bytes, columns.count)
    }
  }
}
