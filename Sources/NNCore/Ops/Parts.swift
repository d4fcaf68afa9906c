// Parts of tensors along an axis, and their order.

extension Tensor {
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
    return Tensor.apply(Slicing(axis: a, start: start, length: length, step: step), self)
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
    Tensor.apply(Flip(axes: axes.map { axis($0, "flip") }), self)
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

// MARK: - Primitives

private struct Slicing: UnaryPrimitive {
  let axis: Int
  let start: Int
  let length: Int
  let step: Int

  var name: StaticString { "slice" }
  var attributes: [String: TraceAttribute] {
    ["axis": .int(axis), "start": .int(start), "length": .int(length), "step": .int(step)]
  }
  var gradients: Gradients {
    { [axis, start, step] g, context in
      [g.padded(axis, to: context.inputShape(0), start: start, step: step)]
    }
  }

  func obstacle(_ operands: [Tensor]) -> String? { axis > 0 ? nil : "takes some of the rows" }
  func evaluate(_ x: Tensor) -> Tensor {
    var (sizes, steps) = (x.shape, x.strides)
    sizes[axis] = length
    steps[axis] *= step
    return x.view(shape: sizes, strides: steps, offset: x.offset + start * x.strides[axis])
  }
}

private struct Flip: UnaryPrimitive {
  let axes: [Int]

  var name: StaticString { "flip" }
  var attributes: [String: TraceAttribute] { ["axes": .ints(axes)] }
  var gradients: Gradients { { [axes] g, _ in [g.flip(axes)] } }

  func obstacle(_ operands: [Tensor]) -> String? { axes.contains(0) ? "reorders the rows" : nil }
  func evaluate(_ x: Tensor) -> Tensor {
    var (steps, start) = (x.strides, x.offset)
    for axis in axes where x.shape[axis] > 0 {
      start += (x.shape[axis] - 1) * x.strides[axis]
      steps[axis] = -x.strides[axis]
    }
    return x.backend.copy(x.view(shape: x.shape, strides: steps, offset: start), strides: nil)
  }
}

extension Tensor {
  /// Zeros of the given shape with this tensor in a slice of them: the transpose of `slice`.
  fileprivate func padded(_ axis: Int, to full: [Int], start: Int, step: Int) -> Tensor {
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
}
