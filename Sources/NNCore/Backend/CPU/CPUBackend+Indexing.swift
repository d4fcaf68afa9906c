import CNNKernels

extension CPUBackend {
  func gather(_ x: Tensor, axis: Int, index: Tensor) -> Tensor {
    let result = Tensor(uninitialized: index.shape, dtype: x.dtype)
    Self.forEachLine(index, axis: axis, limit: x.shape[axis], from: x, to: result) {
      nn_gather_line(
        Int32(x.dtype.byteCount), $0.count, $0.index, $0.step, $0.limit, $0.x, $0.sx, $0.y, $0.sy)
    }
    return result
  }

  func scatter(_ x: Tensor, axis: Int, index: Tensor, source: Tensor, adding: Bool) -> Tensor {
    let result = copy(x, strides: nil)
    Self.forEachLine(index, axis: axis, limit: x.shape[axis], from: source, to: result) {
      adding
        ? nn_scatter_add_line(
          x.dtype.rawValue, $0.count, $0.index, $0.step, $0.limit, $0.x, $0.sx, $0.y, $0.sy)
        : nn_scatter_line(
          Int32(x.dtype.byteCount), $0.count, $0.index, $0.step, $0.limit, $0.x, $0.sx, $0.y, $0.sy)
    }
    return result
  }

  /// One line of indices, and the lines of the tensors that are read and written along the same axis.
  private struct IndexLine {
    let count: Int64
    let index: UnsafePointer<Int64>
    let step: Int64
    let limit: Int64
    let x: UnsafeMutableRawPointer
    let sx: Int64
    let y: UnsafeMutableRawPointer
    let sy: Int64
  }

  /// Visits the lines of `index` along an axis, in parallel: different lines touch different elements.
  /// `body` returns the first place with an index out of range, or the length of the line.
  private static func forEachLine(
    _ index: Tensor, axis: Int, limit: Int, from x: Tensor, to y: Tensor,
    _ body: (IndexLine) -> Int64
  ) {
    if index.count == 0 { return }
    let lines = Lines(index, axis: axis)
    let rest = index.shape.indices.filter { $0 != axis }
    let sizes = rest.map { index.shape[$0] }
    let (reads, writes) = (
      Odometer(shape: sizes, strides: rest.map { x.strides[$0] }),
      Odometer(shape: sizes, strides: rest.map { y.strides[$0] })
    )
    let (places, source, target) = (index.hostPointer, x.hostPointer, y.hostPointer)
    let size = x.dtype.byteCount
    ThreadPool.shared.parallelFor(count: lines.count, grain: max(1, 16_384 / lines.length)) { range in
      for line in range {
        let first = address(places, lines.offset(line), 8).assumingMemoryBound(to: Int64.self)
        let done = body(
          IndexLine(
            count: Int64(lines.length), index: first, step: Int64(lines.stride), limit: Int64(limit),
            x: address(source, reads.offset(line), size), sx: Int64(x.strides[axis]),
            y: address(target, writes.offset(line), size), sy: Int64(y.strides[axis])))
        if done < lines.length { _ = checked(first[Int(done) * lines.stride], limit, axis) }
      }
    }
  }

  private static func checked(_ index: Int64, _ size: Int, _ axis: Int) -> Int {
    let wrapped = index < 0 ? Int(index) + size : Int(index)
    require(
      wrapped >= 0 && wrapped < size, "index",
      "index \(index) is out of range for axis \(axis) of size \(size)")
    return wrapped
  }

  func indexSelect(_ x: Tensor, axis: Int, index: Tensor) -> Tensor {
    let input = x.isNonOverlappingAndDense ? x : x.rowMajor
    let places = Self.checkedPlaces(index, x.shape[axis], axis)
    var shape = x.shape
    shape[axis] = places.count
    let result = Tensor(uninitialized: shape, dtype: x.dtype, strides: input.denseStrides(for: shape))
    if result.count == 0 { return result }
    let (size, block) = (x.shape[axis], Self.blockBytes(input, axis))
    let (source, target) = (input.hostPointer, result.hostPointer)
    let outer = result.count * x.dtype.byteCount / (places.count * block)
    if block == x.dtype.byteCount {
      let index = cast(index, to: .int64).rowMajor
      let order = index.hostPointer(Int64.self)
      ThreadPool.shared.parallelFor(count: outer, grain: max(1, 16_384 / places.count)) { range in
        for row in range {
          _ = nn_gather_line(
            Int32(block), Int64(places.count), order, 1, Int64(size), source + row * size * block, 1,
            target + row * places.count * block, 1)
        }
      }
      return withExtendedLifetime((input, index)) { result }
    }
    ThreadPool.shared.parallelFor(count: outer * places.count, grain: max(1, 65_536 / block)) { range in
      for row in range {
        (target + row * block).copyMemory(
          from: source + (row / places.count * size + places[row % places.count]) * block, byteCount: block)
      }
    }
    return withExtendedLifetime(input) { result }
  }

  func channelShuffle(_ x: Tensor, groups: Int) -> Tensor {
    let (channels, size) = (x.shape[1], x.shape[1] / groups)
    if !x.isChannelsLast || x.isContiguous {
      let order = (0..<channels).map { $0 % groups * size + $0 / groups }
      return indexSelect(x, axis: 1, index: Tensor(order))
    }
    x.evaluate()
    let result = Tensor(uninitialized: x.shape, dtype: x.dtype, strides: x.strides)
    let (rows, bytes) = (x.count / channels, x.dtype.byteCount)
    let (source, target) = (x.hostPointer, result.hostPointer)
    ThreadPool.shared.parallelFor(count: rows, grain: max(1, 16_384 / channels)) { range in
      let first = range.lowerBound * channels
      nn_deal(
        Int32(bytes), Int64(range.count), Int64(groups), Int64(size), address(source, first, bytes),
        address(target, first, bytes))
    }
    return result
  }

  func indexAdd(_ x: Tensor, axis: Int, index: Tensor, source: Tensor) -> Tensor {
    let strides = source.denseStrides(for: x.shape)
    let result = copy(x, strides: strides)
    let addend = strides == nil ? source.rowMajor : source
    if addend.count == 0 { return result }
    let places = Self.checkedPlaces(index, x.shape[axis], axis)
    let (size, block) = (x.shape[axis], Self.blockBytes(addend, axis))
    let elements = block / x.dtype.byteCount
    let outer = addend.count / (places.count * elements)
    let (values, target) = (addend.hostPointer, result.hostPointer)
    if elements == 1 {
      let index = cast(index, to: .int64).rowMajor
      let order = index.hostPointer(Int64.self)
      ThreadPool.shared.parallelFor(count: outer, grain: max(1, 16_384 / places.count)) { range in
        for row in range {
          _ = nn_scatter_add_line(
            x.dtype.rawValue, Int64(places.count), order, 1, Int64(size),
            address(values, row * places.count, block), 1, address(target, row * size, block), 1)
        }
      }
      return withExtendedLifetime((addend, index)) { result }
    }
    // Rows may repeat: a piece holds all rows of one block, or of a run of its columns, in their order.
    let run = min(elements, 1_024)
    let runs = (elements + run - 1) / run
    // The kernels add numbers: of two truths that makes 2, which is no bool.
    let op = x.dtype == .bool ? BinaryOp.maximum : .add
    ThreadPool.shared.parallelFor(count: outer * runs, grain: max(1, 16_384 / (run * places.count))) {
      range in
      for piece in range {
        let (o, first) = (piece / runs, piece % runs * run)
        for (row, place) in places.enumerated() {
          let to = address(target, (o * size + place) * elements + first, x.dtype.byteCount)
          let from = address(values, (o * places.count + row) * elements + first, x.dtype.byteCount)
          nn_binary(
            op.kernelNumber, x.dtype.rawValue, Int64(min(run, elements - first)), to, 1, from, 1, to)
        }
      }
    }
    return withExtendedLifetime(addend) { result }
  }

  private static func checkedPlaces(_ index: Tensor, _ size: Int, _ axis: Int) -> [Int] {
    let dense = index.rowMajor
    let places = UnsafeBufferPointer(start: dense.hostPointer(Int64.self), count: dense.count)
    return withExtendedLifetime(dense) { places.map { checked($0, size, axis) } }
  }

  /// Bytes of one row behind an axis of a dense tensor, in its own memory order.
  static func blockBytes(_ x: Tensor, _ axis: Int) -> Int {
    if x.shape[axis] != 1 { return x.strides[axis] * x.dtype.byteCount }
    // The stride of a dimension of size 1 says nothing: it is the size of all faster ones.
    let strides = x.denseStrides(for: x.shape) ?? x.strides
    return strides[axis] * x.dtype.byteCount
  }

  func nonzeroPlaces(_ x: Tensor) -> Tensor {
    let flags = compare(.ne, x, fill([], 0, dtype: x.dtype)).rowMajor
    let bits = flags.hostPointer(Bool.self)
    var places: [Int] = []
    for place in 0..<flags.count where bits[place] { places.append(place) }
    return Tensor(places)
  }

  func scan(_ x: Tensor, axis: Int, product: Bool) -> Tensor {
    let result = Tensor(uninitialized: x.shape, dtype: x.dtype)
    if x.count == 0 { return result }
    let (from, to) = (Lines(x, axis: axis), Lines(result, axis: axis))
    let (source, target, size) = (x.hostPointer, result.hostPointer, x.dtype.byteCount)
    ThreadPool.shared.parallelFor(count: to.count, grain: max(1, 16_384 / to.length)) { range in
      for line in range {
        nn_scan_line(
          x.dtype.rawValue, product ? 1 : 0, Int64(to.length), address(source, from.offset(line), size),
          Int64(from.stride), address(target, to.offset(line), size), Int64(to.stride))
      }
    }
    return result
  }

  func sort(_ x: Tensor, axis: Int, descending: Bool) -> (values: Tensor, indices: Tensor) {
    switch x.dtype {
    case .bool, .uint8: sort(x, axis, descending, UInt8.self)
    case .int32: sort(x, axis, descending, Int32.self)
    case .int64: sort(x, axis, descending, Int64.self)
    case .bfloat16: bfloat16Backend.sort(x, axis: axis, descending: descending)
    case .float32: sort(x, axis, descending, Float.self)
    case .float64: sort(x, axis, descending, Double.self)
    }
  }

  private func sort<T: Comparable>(
    _ x: Tensor, _ axis: Int, _ descending: Bool, _ type: T.Type
  ) -> (values: Tensor, indices: Tensor) {
    let values = copy(x, strides: nil)
    let indices = Tensor(uninitialized: x.shape, dtype: .int64)
    let lines = Lines(values, axis: axis)
    let (base, places) = (values.hostPointer, indices.hostPointer)
    // NaN is unequal to itself and counts as the greatest; equal values stay in order of their index.
    func isBefore(_ a: (T, Int), _ b: (T, Int)) -> Bool {
      let (p, q) = descending ? (b, a) : (a, b)
      let (pIsNaN, qIsNaN) = (p.0 != p.0, q.0 != q.0)
      if pIsNaN != qIsNaN { return qIsNaN }
      if p.0 < q.0 { return true }
      if q.0 < p.0 { return false }
      return a.1 < b.1
    }
    ThreadPool.shared.parallelFor(count: lines.count, grain: max(1, 2_048 / max(1, lines.length))) { range in
      for line in range {
        let value = address(base, lines.offset(line), MemoryLayout<T>.stride).assumingMemoryBound(to: T.self)
        let place = address(places, lines.offset(line), 8).assumingMemoryBound(to: Int64.self)
        var pairs = (0..<lines.length).map { (value[$0 * lines.stride], $0) }
        pairs.sort(by: isBefore)
        for (step, pair) in pairs.enumerated() {
          value[step * lines.stride] = pair.0
          place[step * lines.stride] = Int64(pair.1)
        }
      }
    }
    return (values, indices)
  }
}

/// Element offsets of row-major places under given strides.
struct Odometer {
  let shape: [Int]
  let strides: [Int]

  func offset(_ place: Int) -> Int {
    var rest = place
    var result = 0
    for axis in shape.indices.reversed() {
      result += rest % shape[axis] * strides[axis]
      rest /= shape[axis]
    }
    return result
  }
}
