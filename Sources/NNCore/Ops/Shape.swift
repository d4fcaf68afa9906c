// Views and rearrangements. Views share memory; their gradients are the inverse rearrangements.

extension Tensor {
  /// The elements in new row-major memory, or itself if they lie like that already.
  public func contiguous() -> Tensor {
    isContiguous ? self : copied(strides: nil)
  }

  /// A 4-D tensor with its memory in the order N, H, W, C; the shape stays (N, C, H, W). Itself if it lies so.
  public func channelsLast() -> Tensor {
    require(rank == 4, "channelsLast", "needs 4 dimensions, the shape is \(shape)")
    return isChannelsLast ? self : copied(strides: Tensor.channelsLastStrides(shape))
  }

  /// A copy with memory of its own.
  public func clone() -> Tensor { copied(strides: denseStridesLikeSelf) }

  private func copied(strides: [Int]?) -> Tensor {
    Tensor.apply(Copy(strides: strides, isOfChannelsLast: isChannelsLast), self)
  }

  /// The same elements in row-major order under another shape; one size may be -1. A view where strides allow.
  public func reshape(_ sizes: [Int]) -> Tensor {
    var target = sizes
    let unknown = sizes.indices.filter { sizes[$0] == -1 }
    require(
      unknown.count <= 1 && sizes.allSatisfy { $0 >= -1 }, "reshape", "cannot read shape \(sizes)")
    if let axis = unknown.first {
      let known = sizes.filter { $0 != -1 }.reduce(1, *)
      guard
        fits(
          known > 0 && count % known == 0, "reshape",
          "\(shape) has \(count) elements, they do not fit \(sizes)")
      else { return backend.fill(sizes.map { Swift.max(1, $0) }, 0, dtype: dtype) }
      target[axis] = count / known
    }
    if target == shape { return self }
    guard
      fits(
        target.reduce(1, *) == count, "reshape",
        "shape \(shape) has \(count) elements, \(sizes) has another number")
    else { return backend.fill(target, 0, dtype: dtype) }
    return Tensor.apply(Reshape(target: target, keepsRows: rank > 0 && target.first == shape[0]), self)
  }
  public func reshape(_ sizes: Int...) -> Tensor { reshape(sizes) }

  /// Dimensions in another order; a view.
  public func permute(_ order: [Int]) -> Tensor {
    let axes = order.map { axis($0, "permute") }
    require(axes.sorted() == Array(0..<rank), "permute", "\(order) is no order of the dimensions of \(shape)")
    return Tensor.apply(Permutation(order: axes), self)
  }
  public func permute(_ order: Int...) -> Tensor { permute(order) }

  /// Two dimensions exchanged; a view.
  public func transpose(_ a: Int, _ b: Int) -> Tensor {
    var order = Array(0..<rank)
    if rank == 0 { return self }
    order.swapAt(axis(a, "transpose"), axis(b, "transpose"))
    return permute(order)
  }
  /// The transposed matrix; vectors and scalars stay as they are.
  public var t: Tensor {
    require(rank <= 2, "t", "needs at most 2 dimensions, the shape is \(shape)")
    return rank == 2 ? transpose(0, 1) : self
  }
  /// One dimension moved to another place; a view.
  public func movedim(_ source: Int, _ destination: Int) -> Tensor {
    movedim([source], [destination])
  }

  /// Several dimensions moved, each to its new place; the others keep their order. A view.
  public func movedim(_ sources: [Int], _ destinations: [Int]) -> Tensor {
    let from = sources.map { axis($0, "movedim") }
    let to = destinations.map { axis($0, "movedim") }
    require(
      from.count == to.count && Set(from).count == from.count && Set(to).count == to.count, "movedim",
      "cannot move dimensions \(sources) to \(destinations)")
    if rank == 0 { return self }
    var rest = shape.indices.filter { !from.contains($0) }[...]
    return permute(
      shape.indices.map { place in to.firstIndex(of: place).map { from[$0] } ?? rest.removeFirst() })
  }

  /// Without the dimension, if its size is 1.
  public func squeeze(_ axis: Int) -> Tensor {
    let a = self.axis(axis, "squeeze")
    if rank == 0 || shape[a] != 1 { return self }
    return Tensor.apply(Squeeze(axis: a), self)
  }
  /// Without those of the dimensions whose size is 1.
  public func squeeze(_ axes: [Int]) -> Tensor {
    Set(axes.map { axis($0, "squeeze") }).sorted(by: >).reduce(self) { $0.squeeze($1) }
  }
  /// Without any dimension of size 1.
  public func squeeze() -> Tensor {
    shape.indices.reversed().reduce(self) { $0.shape[$1] == 1 ? $0.squeeze($1) : $0 }
  }
  /// With a new dimension of size 1 before `axis`.
  public func unsqueeze(_ axis: Int) -> Tensor {
    Tensor.apply(Unsqueeze(axis: self.axis(axis, "unsqueeze", extra: 1)), self)
  }
  /// Several neighbouring dimensions as one.
  public func flatten(from start: Int = 0, to end: Int = -1) -> Tensor {
    if rank == 0 { return reshape([1]) }
    let (a, b) = (axis(start, "flatten"), axis(end, "flatten"))
    require(a <= b, "flatten", "from \(start) lies behind to \(end) for shape \(shape)")
    return reshape(Array(shape[..<a]) + [shape[a...b].reduce(1, *)] + Array(shape[(b + 1)...]))
  }
  /// One dimension as several; one of the sizes may be -1.
  public func unflatten(_ axis: Int, sizes: [Int]) -> Tensor {
    let a = self.axis(axis, "unflatten")
    var parts = sizes
    if let unknown = parts.firstIndex(of: -1) {
      parts[unknown] = shape[a] / Swift.max(1, sizes.filter { $0 != -1 }.reduce(1, *))
    }
    guard
      fits(
        parts.reduce(1, *) == shape[a], "unflatten", "size \(shape[a]) of axis \(axis) does not fit \(sizes)")
    else { return backend.fill(Array(shape[..<a]) + parts + Array(shape[(a + 1)...]), 0, dtype: dtype) }
    return reshape(Array(shape[..<a]) + parts + Array(shape[(a + 1)...]))
  }

  /// Repeats dimensions of size 1 without copying; -1 keeps a size.
  public func expand(_ sizes: [Int]) -> Tensor {
    if sizes == shape { return self }
    let lead = sizes.count - rank
    guard fits(lead >= 0, "expand", "shape \(shape) has more dimensions than \(sizes)") else {
      return backend.fill(sizes.map { Swift.max(1, $0) }, 0, dtype: dtype)
    }
    let target = sizes.indices.map { sizes[$0] == -1 && $0 >= lead ? shape[$0 - lead] : sizes[$0] }
    for axis in shape.indices {
      guard
        fits(
          shape[axis] == target[axis + lead] || shape[axis] == 1, "expand",
          "shape \(shape) does not expand to \(sizes)")
      else { return backend.fill(target, 0, dtype: dtype) }
    }
    let keepsRows = rank > 0 && target.count == rank && target[0] == shape[0]
    return Tensor.apply(Expansion(target: target, keepsRows: keepsRows), self)
  }
  public func expand(_ sizes: Int...) -> Tensor { expand(sizes) }

  /// Copies laid side by side along each dimension, as `torch.Tensor.repeat` and `torch.tile`.
  public func tile(_ repeats: [Int]) -> Tensor {
    let rank = Swift.max(self.rank, repeats.count)
    let sizes = Array(repeating: 1, count: rank - self.rank) + shape
    let times = Array(repeating: 1, count: rank - repeats.count) + repeats
    let spread = zip(times, sizes).flatMap { [$0, $1] }
    return reshape(sizes.flatMap { [1, $0] }).expand(spread).reshape(zip(times, sizes).map { $0 * $1 })
  }
  /// Each element (or slice along an axis) repeated in place.
  public func repeatInterleave(_ repeats: Int, axis: Int? = nil) -> Tensor {
    guard let axis else { return reshape([-1]).repeatInterleave(repeats, axis: 0) }
    if rank == 0 { return reshape([1]).repeatInterleave(repeats, axis: axis) }
    let a = self.axis(axis, "repeatInterleave")
    require(repeats >= 0, "repeatInterleave", "repeats must not be negative, got \(repeats)")
    var spread = shape
    spread.insert(repeats, at: a + 1)
    var sizes = shape
    sizes[a] *= repeats
    return unsqueeze(a + 1).expand(spread).reshape(sizes)
  }
}

// MARK: - Primitives

/// A copy in another memory order.
private struct Copy: UnaryPrimitive {
  /// Row-major if nil.
  let strides: [Int]?
  let isOfChannelsLast: Bool

  var name: StaticString { "contiguous" }
  var attributes: [String: TraceAttribute] {
    strides == nil ? [:] : ["channelsLast": .flag(isOfChannelsLast)]
  }
  var gradients: Gradients { { g, _ in [g] } }

  func obstacle(_ operands: [Tensor]) -> String? {
    let x = operands[0]
    // These are the same for any number of rows.
    let keepsRows =
      strides == nil || strides == Tensor.contiguousStrides(x.shape)
      || x.rank == 4 && strides == Tensor.channelsLastStrides(x.shape)
    return keepsRows ? nil : "copies in a layout of its own"
  }
  func evaluate(_ x: Tensor) -> Tensor { x.backend.copy(x, strides: strides) }
}

private struct Reshape: UnaryPrimitive {
  let target: [Int]
  /// Whether the first size is that of the operand, whatever it is.
  let keepsRows: Bool

  var name: StaticString { "reshape" }
  var attributes: [String: TraceAttribute] { ["shape": .ints(Array(target.dropFirst()))] }
  var gradients: Gradients { { g, context in [g.reshape(context.inputShape(0))] } }

  func obstacle(_ operands: [Tensor]) -> String? { keepsRows ? nil : "moves elements from row to row" }
  func evaluate(_ x: Tensor) -> Tensor {
    var target = target
    if keepsRows { target[0] = x.shape[0] }
    return x.rearranged(target)
  }
}

private struct Permutation: UnaryPrimitive {
  let order: [Int]

  var name: StaticString { "permute" }
  var attributes: [String: TraceAttribute] { ["order": .ints(order)] }
  var gradients: Gradients {
    { [order] g, _ in
      var inverse = order
      for (place, axis) in order.enumerated() { inverse[axis] = place }
      return [g.permute(inverse)]
    }
  }

  func obstacle(_ operands: [Tensor]) -> String? {
    order.first == 0 ? nil : "moves the rows to another axis"
  }
  func evaluate(_ x: Tensor) -> Tensor {
    x.view(shape: order.map { x.shape[$0] }, strides: order.map { x.strides[$0] })
  }
}

private struct Squeeze: UnaryPrimitive {
  let axis: Int

  var name: StaticString { "squeeze" }
  var attributes: [String: TraceAttribute] { ["axis": .int(axis)] }
  var gradients: Gradients { { [axis] g, _ in [g.unsqueeze(axis)] } }

  func obstacle(_ operands: [Tensor]) -> String? { axis > 0 ? nil : "drops the axis of the rows" }
  func evaluate(_ x: Tensor) -> Tensor {
    var (sizes, steps) = (x.shape, x.strides)
    sizes.remove(at: axis)
    steps.remove(at: axis)
    return x.view(shape: sizes, strides: steps)
  }
}

private struct Unsqueeze: UnaryPrimitive {
  let axis: Int

  var name: StaticString { "unsqueeze" }
  var attributes: [String: TraceAttribute] { ["axis": .int(axis)] }
  var gradients: Gradients { { [axis] g, _ in [g.squeeze(axis)] } }

  func obstacle(_ operands: [Tensor]) -> String? { axis > 0 ? nil : "moves the rows to another axis" }
  func evaluate(_ x: Tensor) -> Tensor {
    var (sizes, steps) = (x.shape, x.strides)
    sizes.insert(1, at: axis)
    steps.insert(axis < x.rank ? x.shape[axis] * x.strides[axis] : 1, at: axis)
    return x.view(shape: sizes, strides: steps)
  }
}

private struct Expansion: UnaryPrimitive {
  let target: [Int]
  /// Whether the first size is that of the operand, whatever it is.
  let keepsRows: Bool

  var name: StaticString { "expand" }
  var attributes: [String: TraceAttribute] { ["shape": .ints(Array(target.dropFirst()))] }
  // The engine sums the gradient back to the input's shape.
  var gradients: Gradients { { g, _ in [g] } }

  func obstacle(_ operands: [Tensor]) -> String? { keepsRows ? nil : "repeats the rows" }
  func evaluate(_ x: Tensor) -> Tensor {
    var target = target
    if keepsRows { target[0] = x.shape[0] }
    return x.view(shape: target, strides: x.broadcastStrides(to: target))
  }
}

extension Tensor {
  /// The elements in row-major order under another shape, not recorded: a view where strides allow.
  func rearranged(_ target: [Int]) -> Tensor {
    if target == shape { return detach() }
    if let strides = stridesForView(target) { return view(shape: target, strides: strides) }
    return Tensor(storage: backend.copy(self, strides: nil).storage, shape: target, dtype: dtype)
  }

  /// Strides that show this tensor's elements under another shape without moving them, if there are any.
  private func stridesForView(_ target: [Int]) -> [Int]? {
    if count == 0 { return Tensor.contiguousStrides(target) }
    var result = Array(repeating: 0, count: target.count)
    var axis = target.count - 1
    var chunk = 1
    var view = 1
    var base = 1
    for old in shape.indices.reversed() {
      if chunk == 1 { base = strides[old] }
      chunk *= shape[old]
      // A chunk is a run of dimensions that could be one.
      if old == 0 || (shape[old - 1] != 1 && strides[old - 1] != chunk * base) {
        while axis >= 0 && (view < chunk || target[axis] == 1) {
          result[axis] = view * base
          view *= target[axis]
          axis -= 1
        }
        if view != chunk { return nil }
        chunk = 1
        view = 1
      }
    }
    while axis >= 0 && target[axis] == 1 {
      result[axis] = 1
      axis -= 1
    }
    return axis < 0 ? result : nil
  }
}
