// Views and rearrangements. Views share memory; their gradients are the inverse rearrangements.

extension Tensor {
  /// The elements in new row-major memory, or itself if they lie like that already.
  public func contiguous() -> Tensor {
    isContiguous ? self : rearranged(strides: nil)
  }

  /// A 4-D tensor with its memory in the order N, H, W, C; the shape stays (N, C, H, W). Itself if it lies so.
  public func channelsLast() -> Tensor {
    require(rank == 4, "channelsLast", "needs 4 dimensions, the shape is \(shape)")
    return isChannelsLast ? self : rearranged(strides: Tensor.channelsLastStrides(shape))
  }

  private func rearranged(strides: [Int]?) -> Tensor {
    if isTracing {
      let attributes = strides == nil ? [:] : ["channelsLast": TraceAttribute.flag(isChannelsLast)]
      let keepsRows = strides == nil || strides == Tensor.channelsLastStrides(shape)
      if let result = traced(
        "contiguous", [self], attributes, obstacle: keepsRows ? nil : "copies in a layout of its own",
        body: { $0[0].rearranged(strides: strides == nil ? nil : Tensor.channelsLastStrides($0[0].shape)) })
      {
        return result
      }
    }
    return backend.copy(self, strides: strides).recorded("contiguous", inputs: [self]) { g, _ in [g] }
  }

  /// A copy with memory of its own.
  public func clone() -> Tensor { rearranged(strides: denseStridesLikeSelf) }

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
    if isTracing, rank > 0 {
      let keepsRows = target.first == shape[0]
      let rest = Array(target.dropFirst())
      if let result = traced(
        "reshape", [self], ["shape": .ints(rest)],
        obstacle: keepsRows ? nil : "moves elements from row to row",
        body: { $0[0].reshape([$0[0].shape[0]] + rest) })
      {
        return result
      }
    }
    let old = shape
    let result: Tensor
    if let strides = stridesForView(target) {
      result = view(shape: target, strides: strides)
    } else {
      result = Tensor(storage: backend.copy(self, strides: nil).storage, shape: target, dtype: dtype)
    }
    return result.recorded("reshape", inputs: [self]) { g, _ in [g.reshape(old)] }
  }
  public func reshape(_ sizes: Int...) -> Tensor { reshape(sizes) }

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

  /// Dimensions in another order; a view.
  public func permute(_ order: [Int]) -> Tensor {
    let axes = order.map { axis($0, "permute") }
    require(axes.sorted() == Array(0..<rank), "permute", "\(order) is no order of the dimensions of \(shape)")
    if isTracing,
      let result = traced(
        "permute", [self], ["order": .ints(axes)],
        obstacle: axes.first == 0 ? nil : "moves the rows to another axis", body: { $0[0].permute(axes) })
    {
      return result
    }
    var inverse = axes
    for (place, axis) in axes.enumerated() { inverse[axis] = place }
    return view(shape: axes.map { shape[$0] }, strides: axes.map { strides[$0] })
      .recorded("permute", inputs: [self]) { [inverse] g, _ in [g.permute(inverse)] }
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
    if isTracing,
      let result = traced(
        "squeeze", [self], ["axis": .int(a)], obstacle: a > 0 ? nil : "drops the axis of the rows",
        body: { $0[0].squeeze(a) })
    {
      return result
    }
    var sizes = shape
    var steps = strides
    sizes.remove(at: a)
    steps.remove(at: a)
    return view(shape: sizes, strides: steps).recorded("squeeze", inputs: [self]) { g, _ in [g.unsqueeze(a)] }
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
    let a = self.axis(axis, "unsqueeze", extra: 1)
    if isTracing,
      let result = traced(
        "unsqueeze", [self], ["axis": .int(a)], obstacle: a > 0 ? nil : "moves the rows to another axis",
        body: { $0[0].unsqueeze(a) })
    {
      return result
    }
    var sizes = shape
    var steps = strides
    sizes.insert(1, at: a)
    steps.insert(a < rank ? shape[a] * strides[a] : 1, at: a)
    return view(shape: sizes, strides: steps).recorded("unsqueeze", inputs: [self]) { g, _ in [g.squeeze(a)] }
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
    if isTracing, rank > 0 {
      let rest = Array(target.dropFirst())
      let keepsRows = target.count == rank && target[0] == shape[0]
      if let result = traced(
        "expand", [self], ["shape": .ints(rest)], obstacle: keepsRows ? nil : "repeats the rows",
        body: { $0[0].expand([$0[0].shape[0]] + rest) })
      {
        return result
      }
    }
    // The engine sums the gradient back to the input's shape.
    return view(shape: target, strides: broadcastStrides(to: target)).recorded("expand", inputs: [self]) {
      g, _ in [g]
    }
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

  // MARK: Parts

  /// The number of an axis that is there: scalars have none.
  private func dimension(_ axis: Int, _ name: StaticString) -> Int {
    require(rank > 0, name, "a scalar has no dimension to take parts of")
    return self.axis(axis, name)
  }

  /// `length` elements along an axis from `start`, which counts from the end if it is negative; a view.
  public func narrow(_ axis: Int, start: Int, length: Int) -> Tensor {
    let size = shape[dimension(axis, "narrow")]
    return slice(axis, from: start < 0 ? start + size : start, length: length, step: 1)
  }

  /// Every `step`-th of the elements along an axis; a view.
  func slice(_ axis: Int, from start: Int, length: Int, step: Int) -> Tensor {
    let a = self.axis(axis, "slice")
    let end = length == 0 ? start : start + (length - 1) * step + 1
    require(rank > 0 && start >= 0 && length >= 0, "slice", "\(start)..<\(end) of shape \(shape)")
    guard
      fits(
        end <= shape[a], "slice", "\(start)..<\(end) is out of range for axis \(axis) of shape \(shape)")
    else {
      return backend.fill(Array(shape[..<a]) + [length] + Array(shape[(a + 1)...]), 0, dtype: dtype)
    }
    if start == 0 && length == shape[a] && step == 1 { return self }
    if isTracing,
      let result = traced(
        "slice", [self],
        ["axis": .int(a), "start": .int(start), "length": .int(length), "step": .int(step)],
        obstacle: a > 0 ? nil : "takes some of the rows",
        body: { $0[0].slice(a, from: start, length: length, step: step) })
    {
      return result
    }
    var sizes = shape
    var steps = strides
    sizes[a] = length
    steps[a] *= step
    let full = shape
    return view(shape: sizes, strides: steps, offset: offset + start * strides[a])
      .recorded("slice", inputs: [self]) { g, _ in
        [g.padded(a, to: full, start: start, step: step)]
      }
  }

  /// Zeros of the given shape with this tensor in a slice of them: the transpose of `slice`.
  private func padded(_ axis: Int, to full: [Int], start: Int, step: Int) -> Tensor {
    let isInner = hasInnerChannels && !isContiguous
    var result = backend.fill(full, 0, dtype: dtype)
    if isInner { result = result.view(shape: full, strides: Tensor.channelsLastStrides(full)) }
    var steps = result.strides
    steps[axis] *= step
    backend.assign(self, to: result.view(shape: shape, strides: steps, offset: start * result.strides[axis]))
    let length = shape[axis]
    return result.recorded("slice_backward", inputs: [self]) { g, _ in
      [g.slice(axis, from: start, length: length, step: step)]
    }
  }

  /// One element along an axis, which is dropped; a view.
  public func select(_ axis: Int, index: Int) -> Tensor {
    let a = dimension(axis, "select")
    let place = index < 0 ? index + shape[a] : index
    guard
      fits(
        place >= 0 && place < shape[a], "select",
        "index \(index) is out of range for axis \(axis) of shape \(shape)")
    else { return backend.fill(Array(shape[..<a]) + Array(shape[(a + 1)...]), 0, dtype: dtype) }
    let part = slice(a, from: place, length: 1, step: 1)
    return part.reshape(shape.indices.filter { $0 != a }.map { shape[$0] })
  }

  /// Pieces of the given sizes along an axis; views.
  public func split(_ sizes: [Int], axis: Int = 0) -> [Tensor] {
    let a = dimension(axis, "split")
    guard
      fits(
        sizes.reduce(0, +) == shape[a], "split",
        "sizes \(sizes) do not add up to axis \(axis) of shape \(shape)")
    else {
      return sizes.map { backend.fill(Array(shape[..<a]) + [$0] + Array(shape[(a + 1)...]), 0, dtype: dtype) }
    }
    var start = 0
    return sizes.map { size in
      defer { start += size }
      return narrow(a, start: start, length: size)
    }
  }
  /// Pieces of one size along an axis; the last may be smaller.
  public func split(_ size: Int, axis: Int = 0) -> [Tensor] {
    let a = dimension(axis, "split")
    require(size > 0, "split", "piece size must be positive, got \(size)")
    let starts = Array(Swift.stride(from: 0, to: shape[a], by: size))
    return starts.isEmpty ? [self] : split(starts.map { Swift.min(size, shape[a] - $0) }, axis: a)
  }
  /// At most `chunks` pieces of equal size along an axis; the last may be smaller.
  public func chunk(_ chunks: Int, axis: Int = 0) -> [Tensor] {
    require(chunks > 0, "chunk", "number of chunks must be positive, got \(chunks)")
    let size = shape[dimension(axis, "chunk")]
    return split(Swift.max(1, (size + chunks - 1) / chunks), axis: axis)
  }
  /// All slices along an axis, which is dropped.
  public func unbind(_ axis: Int = 0) -> [Tensor] {
    (0..<shape[dimension(axis, "unbind")]).map { select(axis, index: $0) }
  }

  // MARK: Order

  /// Elements in reverse order along the axes.
  public func flip(_ axes: [Int]) -> Tensor {
    let all = axes.map { axis($0, "flip") }
    if isTracing,
      let result = traced(
        "flip", [self], ["axes": .ints(all)], obstacle: all.contains(0) ? "reorders the rows" : nil,
        body: { $0[0].flip(all) })
    {
      return result
    }
    var steps = strides
    var start = offset
    for a in all where shape[a] > 0 {
      start += (shape[a] - 1) * strides[a]
      steps[a] = -strides[a]
    }
    return backend.copy(view(shape: shape, strides: steps, offset: start), strides: nil)
      .recorded("flip", inputs: [self]) { g, _ in [g.flip(all)] }
  }
  /// Elements shifted along the axes; what leaves at the end comes in at the start. Without axes over the flat
  /// tensor.
  public func roll(_ shifts: [Int], axes: [Int] = []) -> Tensor {
    if axes.isEmpty {
      require(shifts.count == 1, "roll", "one shift is needed without axes, got \(shifts)")
      return reshape([-1]).roll(shifts, axes: [0]).reshape(shape)
    }
    require(shifts.count == axes.count, "roll", "\(shifts.count) shifts for \(axes.count) axes")
    if rank == 0 { return self }
    return zip(shifts, axes).reduce(self) { x, pair in
      let a = x.axis(pair.1, "roll")
      let size = x.shape[a]
      if size == 0 { return x }
      let shift = ((pair.0 % size) + size) % size
      if shift == 0 { return x }
      return cat(
        [x.narrow(a, start: size - shift, length: shift), x.narrow(a, start: 0, length: size - shift)],
        axis: a)
    }
  }
  /// Rotated by quarter turns in the plane of two axes, from the first towards the second.
  public func rot90(_ k: Int = 1, axes: (Int, Int) = (0, 1)) -> Tensor {
    let (a, b) = (axis(axes.0, "rot90"), axis(axes.1, "rot90"))
    require(a != b, "rot90", "needs two different axes")
    switch ((k % 4) + 4) % 4 {
    case 1: return flip([b]).transpose(a, b)
    case 2: return flip([a, b])
    case 3: return transpose(a, b).flip([b])
    default: return self
    }
  }
}
