import CNNKernels

extension CPUBackend {
  func gather(_ x: Tensor, axis: Int, index: Tensor) -> Tensor {
    let result = Tensor(uninitialized: index.shape, dtype: x.dtype)
    let size = x.dtype.byteCount
    let (target, source) = (result.rawPointer, x.rawPointer)
    Self.visit(index, axis: axis, limit: x.shape[axis], strides: x.strides) { place, element in
      address(target, place, size).copyMemory(from: address(source, element, size), byteCount: size)
    }
    return result
  }

  func scatter(_ x: Tensor, axis: Int, index: Tensor, source: Tensor, adding: Bool) -> Tensor {
    let result = copy(x, strides: nil)
    let target = result.rawPointer
    let values = source.rawPointer
    let size = x.dtype.byteCount
    let dtype = x.dtype.rawValue
    let sourceLines = Odometer(shape: index.shape, strides: source.strides)
    Self.visit(index, axis: axis, limit: x.shape[axis], strides: result.strides) { place, element in
      let (to, from) = (address(target, element, size), address(values, sourceLines.offset(place), size))
      if adding {
        nn_binary(Int32(NN_ADD.rawValue), dtype, 1, to, 1, from, 1, to)
      } else {
        to.copyMemory(from: from, byteCount: size)
      }
    }
    return result
  }

  /// Visits the elements of `index` in row-major order: the place in the index, and the element that it points at
  /// in a tensor of the given strides.
  private static func visit(
    _ index: Tensor, axis: Int, limit: Int, strides: [Int],
    _ body: (_ place: Int, _ element: Int) -> Void
  ) {
    let places = index.contiguous()
    let values = places.pointer(Int64.self)
    var other = strides
    other[axis] = 0
    let lines = Odometer(shape: index.shape, strides: other)
    for place in 0..<index.count {
      body(place, lines.offset(place) + checked(values[place], limit, axis) * strides[axis])
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
    let input = x.isNonOverlappingAndDense ? x : x.contiguous()
    let places = Self.checkedPlaces(index, x.shape[axis], axis)
    var shape = x.shape
    shape[axis] = places.count
    let result = Tensor(uninitialized: shape, dtype: x.dtype, strides: input.denseStrides(for: shape))
    if result.count == 0 { return result }
    let (size, block) = (x.shape[axis], Self.blockBytes(input, axis))
    let (source, target) = (input.rawPointer, result.rawPointer)
    let outer = result.count * x.dtype.byteCount / (places.count * block)
    ThreadPool.shared.parallelFor(count: outer * places.count, grain: max(1, 65_536 / block)) { range in
      for row in range {
        (target + row * block).copyMemory(
          from: source + (row / places.count * size + places[row % places.count]) * block, byteCount: block)
      }
    }
    return withExtendedLifetime(input) { result }
  }

  func indexAdd(_ x: Tensor, axis: Int, index: Tensor, source: Tensor) -> Tensor {
    let strides = source.denseStrides(for: x.shape)
    let result = copy(x, strides: strides)
    let addend = strides == nil ? source.contiguous() : source
    if addend.count == 0 { return result }
    let places = Self.checkedPlaces(index, x.shape[axis], axis)
    let (size, block) = (x.shape[axis], Self.blockBytes(addend, axis))
    let elements = block / x.dtype.byteCount
    let outer = addend.count / (places.count * elements)
    let (values, target) = (addend.rawPointer, result.rawPointer)
    // Rows may repeat: a piece holds all rows of one block, or of a run of its columns, in their order.
    let run = min(elements, 1_024)
    let runs = (elements + run - 1) / run
    ThreadPool.shared.parallelFor(count: outer * runs, grain: max(1, 16_384 / (run * places.count))) {
      range in
      for piece in range {
        let (o, first) = (piece / runs, piece % runs * run)
        for (row, place) in places.enumerated() {
          let to = address(target, (o * size + place) * elements + first, x.dtype.byteCount)
          let from = address(values, (o * places.count + row) * elements + first, x.dtype.byteCount)
          nn_binary(
            Int32(NN_ADD.rawValue), x.dtype.rawValue, Int64(min(run, elements - first)), to, 1, from, 1, to)
        }
      }
    }
    return withExtendedLifetime(addend) { result }
  }

  private static func checkedPlaces(_ index: Tensor, _ size: Int, _ axis: Int) -> [Int] {
    index.withElements(of: Int64.self) { $0.map { checked($0, size, axis) } }
  }

  /// Bytes of one row behind an axis of a dense tensor, in its own memory order.
  static func blockBytes(_ x: Tensor, _ axis: Int) -> Int {
    if x.shape[axis] != 1 { return x.strides[axis] * x.dtype.byteCount }
    // The stride of a dimension of size 1 says nothing: it is the size of all faster ones.
    let strides = x.denseStrides(for: x.shape) ?? x.strides
    return strides[axis] * x.dtype.byteCount
  }

  func nonzeroPlaces(_ x: Tensor) -> Tensor {
    let flags = compare(NN_NE, x, fill([], 0, dtype: x.dtype)).contiguous()
    let bits = flags.pointer(Bool.self)
    var places: [Int] = []
    for place in 0..<flags.count where bits[place] { places.append(place) }
    return Tensor(places)
  }

  func scan(_ x: Tensor, axis: Int, product: Bool) -> Tensor {
    let result = copy(x, strides: nil)
    let lines = Lines(result, axis: axis)
    let size = x.dtype.byteCount
    let op = Int32((product ? NN_MUL : NN_ADD).rawValue)
    for line in 0..<lines.count {
      for step in stride(from: 1, to: lines.length, by: 1) {
        let here = result.rawPointer + (lines.offset(line) + step * lines.stride) * size
        let before = here - lines.stride * size
        nn_binary(op, x.dtype.rawValue, 1, before, 1, here, 1, here)
      }
    }
    return result
  }

  func sort(_ x: Tensor, axis: Int, descending: Bool) -> (values: Tensor, indices: Tensor) {
    switch x.dtype {
    case .bool, .uint8: sort(x, axis, descending, UInt8.self)
    case .int32: sort(x, axis, descending, Int32.self)
    case .int64: sort(x, axis, descending, Int64.self)
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
    let (base, places) = (values.rawPointer, indices.rawPointer)
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
