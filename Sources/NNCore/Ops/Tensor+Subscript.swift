/// One entry of a subscript: an integer, a range, a step, `.all`, `.newAxis`, `.ellipsis`, or a tensor of integers
/// or bools.
public protocol TensorIndex {
  var tensorIndex: AnyTensorIndex { get }
}

/// What an entry of a subscript stands for.
public enum AnyTensorIndex: TensorIndex, Sendable {
  /// One element; the dimension is dropped. Negative numbers count from the end.
  case element(Int)
  /// From `start` up to and without `end` by `step`, as Python's `start:end:step` with step > 0.
  case range(start: Int?, end: Int?, step: Int)
  /// A new dimension of size 1.
  case newDimension
  /// As many whole dimensions as are needed.
  case remainingDimensions
  /// Places named by a tensor of integers, or where a tensor of bools holds.
  case tensor(Tensor)

  public var tensorIndex: AnyTensorIndex { self }
}

extension TensorIndex where Self == AnyTensorIndex {
  /// The whole dimension, Python's `:`.
  public static var all: AnyTensorIndex { .range(start: nil, end: nil, step: 1) }
  /// Every `step`-th element, Python's `start:end:step`.
  public static func stride(from start: Int? = nil, to end: Int? = nil, by step: Int) -> AnyTensorIndex {
    .range(start: start, end: end, step: step)
  }
  /// A new dimension of size 1, Python's `None`.
  public static var newAxis: AnyTensorIndex { .newDimension }
  /// As many whole dimensions as are needed, Python's `...`.
  public static var ellipsis: AnyTensorIndex { .remainingDimensions }
}

extension Int: TensorIndex { public var tensorIndex: AnyTensorIndex { .element(self) } }
extension Range<Int>: TensorIndex {
  public var tensorIndex: AnyTensorIndex { .range(start: lowerBound, end: upperBound, step: 1) }
}
extension ClosedRange<Int>: TensorIndex {
  public var tensorIndex: AnyTensorIndex { .range(start: lowerBound, end: upperBound + 1, step: 1) }
}
extension PartialRangeFrom<Int>: TensorIndex {
  public var tensorIndex: AnyTensorIndex { .range(start: lowerBound, end: nil, step: 1) }
}
extension PartialRangeUpTo<Int>: TensorIndex {
  public var tensorIndex: AnyTensorIndex { .range(start: nil, end: upperBound, step: 1) }
}
extension PartialRangeThrough<Int>: TensorIndex {
  public var tensorIndex: AnyTensorIndex { .range(start: nil, end: upperBound + 1, step: 1) }
}
extension Tensor: TensorIndex { public var tensorIndex: AnyTensorIndex { .tensor(self) } }

extension Tensor {
  /// Parts of the tensor, as in PyTorch: `x[0]`, `x[1..., .all, .stride(by: 2)]`, `x[mask]`, `x[rows, columns]`.
  ///
  /// Integers and ranges give views; tensors of indices copy and must be the first entries. Ranges are cut off at
  /// the ends of the dimension as in Python. Assigning broadcasts the new value.
  public subscript(_ indices: any TensorIndex...) -> Tensor {
    get { part(indices.map(\.tensorIndex)) }
    set { replace(indices.map(\.tensorIndex), with: newValue) }
  }

  /// The same with entries whose number is known only when running.
  public subscript(_ indices: [AnyTensorIndex]) -> Tensor {
    get { part(indices) }
    set { replace(indices, with: newValue) }
  }

  private func part(_ indices: [AnyTensorIndex]) -> Tensor {
    var tensors: [Tensor] = []
    for case .tensor(let tensor) in indices { tensors.append(tensor) }
    if tensors.isEmpty { return basicPart(expanded(indices)) }
    for (place, index) in indices.enumerated() where place < tensors.count {
      guard case .tensor = index else {
        fail("subscript", "tensors of indices must come before other entries")
      }
    }
    let rest = Array(indices.dropFirst(tensors.count))
    let picked: Tensor
    if tensors.count == 1, tensors[0].dtype == .bool {
      picked = rows(where: tensors[0])
    } else {
      picked = indexed(by: tensors)
    }
    if rest.isEmpty { return picked }
    let lead = picked.rank - (rank - tensors.reduce(0) { $0 + ($1.dtype == .bool ? $1.rank : 1) })
    return picked.basicPart(picked.expanded(Array(repeating: .all, count: lead) + rest))
  }

  /// Entries for every dimension: the ellipsis spelled out, missing ones added.
  private func expanded(_ indices: [AnyTensorIndex]) -> [AnyTensorIndex] {
    var used = 0
    var ellipses = 0
    for index in indices {
      switch index {
      case .element, .range: used += 1
      case .remainingDimensions: ellipses += 1
      case .newDimension, .tensor: break
      }
    }
    require(used <= rank, "subscript", "\(used) indices for shape \(shape)")
    require(ellipses <= 1, "subscript", "more than one ellipsis")
    let missing = Array(repeating: AnyTensorIndex.range(start: nil, end: nil, step: 1), count: rank - used)
    var result: [AnyTensorIndex] = []
    for index in indices {
      if case .remainingDimensions = index { result += missing } else { result.append(index) }
    }
    return ellipses == 0 ? result + missing : result
  }

  private func basicPart(_ indices: [AnyTensorIndex]) -> Tensor {
    var result = self
    var axis = 0
    for index in indices {
      switch index {
      case .element(let place):
        result = result.select(axis, index: place)
      case .range(let start, let end, let step):
        require(step > 0, "subscript", "the step must be positive, got \(step)")
        let size = result.shape[axis]
        let from = Tensor.clipped(start ?? 0, size)
        let to = Swift.max(from, Tensor.clipped(end ?? size, size))
        result = result.slice(axis, from: from, length: (to - from + step - 1) / step, step: step)
        axis += 1
      case .newDimension:
        result = result.unsqueeze(axis)
        axis += 1
      case .remainingDimensions, .tensor:
        fail("subscript", "tensors of indices must come before other entries")
      }
    }
    return result
  }

  private static func clipped(_ index: Int, _ size: Int) -> Int {
    Swift.min(Swift.max(index < 0 ? index + size : index, 0), size)
  }

  private mutating func replace(_ indices: [AnyTensorIndex], with value: Tensor) {
    for case .tensor(let index) in indices {
      require(
        indices.count == 1, "subscript", "assigning by a tensor of indices takes no further entries")
      replace(at: index, with: value)
      return
    }
    let entries = expanded(indices)
    let isRecorded = Tensor.shouldRecord([self, value])
    let former = isRecorded ? self : nil
    // A leaf that is changed without recording stays the leaf it is.
    let leaf = node.flatMap { $0.isLeaf ? $0 : nil }
    node = nil
    if isRecorded || storage.isReadOnly || !isNonOverlappingAndDense || !isKnownUniquelyReferenced(&storage) {
      self = backend.copy(self, strides: denseStridesLikeSelf)
    }
    storage.willChange()
    let window = basicPart(entries)
    require(
      Tensor.broadcastShape(window.shape, value.shape, "subscript") == window.shape, "subscript",
      "a value of shape \(value.shape) does not fit the part of shape \(window.shape)")
    backend.assign(value.detach().to(dtype).to(device), to: window)
    guard let former else {
      node = leaf
      return
    }
    self = recorded("slice_assign", inputs: [former, value]) { g, c in
      var rest = g
      if c.needs(0) { rest.replace(entries, with: g.backend.fill([], 0, dtype: g.dtype)) }
      return [c.needs(0) ? rest : nil, c.needs(1) ? g.basicPart(entries) : nil]
    }
  }

  private mutating func replace(at index: Tensor, with value: Tensor) {
    if index.dtype == .bool {
      require(
        value.rank == 0 || value.count == 1 || value.shape == shape, "subscript",
        "assigning by a mask takes a scalar or a value of shape \(shape), not \(value.shape)")
      var mask = index
      while mask.rank < rank { mask = mask.unsqueeze(-1) }
      self = `where`(mask, value.to(dtype), self)
      return
    }
    let rows = index.reshape([-1])
    var target = shape
    target[0] = rows.count
    let source = value.to(dtype).expand(index.shape + Array(shape.dropFirst())).reshape(target)
    let places = rows.reshape([rows.count] + shape.dropFirst().map { _ in 1 }).expand(target)
    self = scatter(0, index: places, source: source)
  }
}
