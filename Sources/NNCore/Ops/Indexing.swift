// Elements picked and placed by tensors of indices.

extension Tensor {
  private func checkedIndex(_ index: Tensor, _ name: StaticString) -> Tensor {
    require(
      !index.dtype.isFloatingPoint && index.dtype != .bool, name,
      "indices must be integers, got \(index.dtype)")
    return index.asIndices
  }

  /// Whether all int64 elements are indices of an axis of some size.
  private func hasIndices(below size: Int, _ name: StaticString) -> Bool {
    let wrong = indicesToCheck?.withElements(of: Int.self) { $0.first { $0 < -size || $0 >= size } }
    guard let wrong = wrong ?? nil else { return true }
    misfit(name, .label, "index \(wrong) is out of range for size \(size)")
    return false
  }

  /// out[…, i, …] = self[…, index[…, i, …], …] along an axis. As `torch.gather`.
  public func gather(_ axis: Int, index: Tensor) -> Tensor {
    let a = self.axis(axis, "gather")
    let places = checkedIndex(index, "gather")
    if rank == 0 { return reshape([1]).gather(0, index: places.reshape([-1])).reshape(index.shape) }
    guard
      fits(
        index.rank == rank && shape.indices.allSatisfy { $0 == a || index.shape[$0] <= shape[$0] }, "gather",
        "index of shape \(index.shape) does not fit shape \(shape) along axis \(axis)"),
      places.hasIndices(below: shape[a], "gather")
    else { return backend.fill(index.shape, 0, dtype: dtype) }
    return Tensor.applyUnwatched(Gather(axis: a), [self, places])
  }
  /// `gather` whose index broadcasts against this tensor. As `torch.take_along_dim`.
  public func takeAlongAxis(_ index: Tensor, _ axis: Int) -> Tensor {
    let a = self.axis(axis, "takeAlongAxis")
    var (mine, others) = (shape, index.shape)
    require(index.rank == rank, "takeAlongAxis", "shapes \(shape) and \(index.shape) differ in rank")
    mine[a] = 1
    others[a] = 1
    var common = Tensor.broadcastShape(mine, others, "takeAlongAxis")
    common[a] = shape[a]
    let x = expand(common)
    common[a] = index.shape[a]
    return x.gather(a, index: index.expand(common))
  }
  /// A copy into which `source` is added at `index` along an axis. As `torch.scatter_add`.
  public func scatterAdd(_ axis: Int, index: Tensor, source: Tensor) -> Tensor {
    let a = self.axis(axis, "scatterAdd")
    let places = checkedIndex(index, "scatterAdd")
    checkScatter(a, places, source, "scatterAdd")
    return Tensor.applyUnwatched(ScatterAdd(axis: a), [self, places, source])
  }
  /// A copy into which `source` is put at `index` along an axis. As `torch.scatter`.
  public func scatter(_ axis: Int, index: Tensor, source: Tensor) -> Tensor {
    let a = self.axis(axis, "scatter")
    let places = checkedIndex(index, "scatter")
    checkScatter(a, places, source, "scatter")
    return Tensor.applyUnwatched(Scatter(axis: a), [self, places, source])
  }
  private func checkScatter(_ axis: Int, _ index: Tensor, _ source: Tensor, _ name: StaticString) {
    require(source.dtype == dtype, name, "source is \(source.dtype), the tensor \(dtype)")
    require(
      index.rank == rank && source.rank == rank
        && shape.indices.allSatisfy {
          index.shape[$0] <= source.shape[$0] && ($0 == axis || index.shape[$0] <= shape[$0])
        }, name,
      "index of shape \(index.shape), source of shape \(source.shape) and shape \(shape) do not fit")
  }
  /// Zeros behind the end of each dimension up to a shape.
  fileprivate func padded(to full: [Int]) -> Tensor {
    if shape == full { return self }
    let result = backend.fill(full, 0, dtype: dtype)
    backend.assign(self, to: result.view(shape: shape, strides: result.strides))
    return result
  }

  /// Slices at the given places of an axis. As `torch.index_select`.
  public func indexSelect(_ axis: Int, index: Tensor) -> Tensor {
    let a = self.axis(axis, "indexSelect")
    let places = checkedIndex(index, "indexSelect")
    require(index.rank <= 1, "indexSelect", "the index must be a vector, its shape is \(index.shape)")
    require(rank > 0, "indexSelect", "a scalar has no axis")
    guard places.hasIndices(below: shape[a], "indexSelect") else {
      return backend.fill(Array(shape[..<a]) + [index.count] + Array(shape[(a + 1)...]), 0, dtype: dtype)
    }
    return Tensor.applyUnwatched(IndexSelect(axis: a), [self, places.reshape([-1])])
  }
  /// A copy to whose slices at `index` along an axis those of `source` are added. As `torch.index_add`.
  public func indexAdd(_ axis: Int, index: Tensor, source: Tensor) -> Tensor {
    let a = self.axis(axis, "indexAdd")
    let places = checkedIndex(index, "indexAdd")
    var expected = shape
    expected[a] = index.count
    require(
      source.shape == expected && source.dtype == dtype, "indexAdd",
      "source must be \(dtype) of shape \(expected), it is \(source.dtype) of shape \(source.shape)")
    return Tensor.applyUnwatched(IndexAdd(axis: a), [self, places, source])
  }

  /// Elements at the places named by one index tensor per leading dimension; the index tensors broadcast.
  /// As `x[i0, i1]` with integer tensors in PyTorch.
  public func indexed(by indices: [Tensor]) -> Tensor {
    require(
      !indices.isEmpty && indices.count <= rank, "index", "\(indices.count) index tensors for shape \(shape)")
    let common = indices.dropFirst().reduce(indices[0].shape) { Tensor.broadcastShape($0, $1.shape, "index") }
    var flat = backend.fill(common, 0, dtype: .int64)
    for (axis, index) in indices.enumerated() {
      let places = checkedIndex(index, "index")
      if places.count > 0, let seen = places.indicesToCheck {
        let (low, high) = (Int(seen.amin().item()), Int(seen.amax().item()))
        require(
          low >= -shape[axis] && high < shape[axis], "index",
          "indices \(low)...\(high) are out of range for axis \(axis) of shape \(shape)")
      }
      flat = flat * shape[axis] + `where`(places .< 0, places + shape[axis], places)
    }
    let rest = Array(shape[indices.count...])
    let rows = reshape([shape[..<indices.count].reduce(1, *)] + rest)
    return rows.indexSelect(0, index: flat.reshape([-1])).reshape(common + rest)
  }

  /// The elements where the mask holds, in row-major order; tensor and mask are broadcast against each other. As
  /// `torch.masked_select`.
  public func maskedSelect(_ mask: Tensor) -> Tensor {
    let common = Tensor.broadcastShape(shape, mask.shape, "maskedSelect")
    return expand(common).rows(where: mask.expand(common))
  }

  /// The parts where a mask of the leading dimensions holds, as `x[mask]`.
  func rows(where mask: Tensor) -> Tensor {
    let flags = mask.to(.bool)
    require(
      mask.rank <= rank && Array(shape.prefix(mask.rank)) == mask.shape, "subscript",
      "mask of shape \(mask.shape) does not fit shape \(shape)")
    let rest = Array(shape[mask.rank...])
    let places = backend.nonzeroPlaces(flags)
    return reshape([mask.count] + rest).indexSelect(0, index: places)
  }

  /// Coordinates of the elements that are not zero, int64 [count, rank].
  public func nonzero() -> Tensor {
    var places = backend.nonzeroPlaces(self.detach())
    var columns: [Tensor] = []
    for size in shape.reversed() {
      columns.insert(places.remainder(places.scalar(size)), at: 0)
      places = places.div(places.scalar(size), rounding: .floor)
    }
    return columns.isEmpty ? backend.fill([places.count, 0], 0, dtype: .int64) : stack(columns, axis: 1)
  }

  /// Rows with a 1 at the place each element names: int64, shape + [classCount]. Without a count there are as many
  /// classes as the greatest element asks for.
  public func oneHot(_ classCount: Int? = nil) -> Tensor {
    let places = checkedIndex(self, "oneHot")
    require(classCount != nil || count > 0, "oneHot", "needs a number of classes for no elements")
    let classCount = classCount ?? Int(places.to(.cpu).amax().item()) + 1
    if count > 0, let seen = places.indicesToCheck {
      let (low, high) = (Int(seen.amin().item()), Int(seen.amax().item()))
      guard
        fits(
          low >= 0 && high < classCount, "oneHot", .label,
          "classes \(low)...\(high) are outside 0..<\(classCount)")
      else { return backend.fill(shape + [classCount], 0, dtype: .int64) }
    }
    return (places.unsqueeze(-1) .== Tensor.arange(classCount).to(device)).to(.int64)
  }

  /// How often each number from 0 occurs, int64.
  public func bincount(minLength: Int = 0) -> Tensor {
    let places = checkedIndex(self, "bincount")
    require(rank == 1, "bincount", "needs a vector, the shape is \(shape)")
    let size = Swift.max(minLength, count == 0 ? 0 : Int(places.to(.cpu).amax().item()) + 1)
    return backend.fill([size], 0, dtype: .int64)
      .scatterAdd(0, index: places, source: backend.fill([count], 1, dtype: .int64))
  }

  // MARK: Sorting

  /// Elements in order along an axis, with their former places. Stable; NaN counts as greatest.
  public func sort(_ axis: Int = -1, descending: Bool = false) -> (values: Tensor, indices: Tensor) {
    let a = self.axis(axis, "sort")
    if rank == 0 { return (self, backend.fill([], 0, dtype: .int64)) }
    let indices = backend.sort(detach(), axis: a, descending: descending).indices
    return (gather(a, index: indices), indices)
  }
  public func argsort(_ axis: Int = -1, descending: Bool = false) -> Tensor {
    sort(axis, descending: descending).indices
  }
  /// The k greatest (or smallest) elements along an axis, in order, with their places.
  public func topk(_ k: Int, axis: Int = -1, largest: Bool = true) -> (values: Tensor, indices: Tensor) {
    let a = self.axis(axis, "topk")
    if rank == 0 { return sort(axis) }
    require(k >= 0 && k <= shape[a], "topk", "k = \(k) is outside 0...\(shape[a]), the size of axis \(axis)")
    let indices = backend.sort(detach(), axis: a, descending: largest).indices.narrow(a, start: 0, length: k)
    return (gather(a, index: indices), indices)
  }
  /// The k-th smallest element (from 1) along an axis, with its place.
  public func kthvalue(_ k: Int, axis: Int = -1, keepDim: Bool = false) -> (values: Tensor, indices: Tensor) {
    let a = self.axis(axis, "kthvalue")
    let size = rank > 0 ? shape[a] : 1
    require(k >= 1 && k <= size, "kthvalue", "k = \(k) is outside 1...\(size)")
    if rank == 0 { return sort(axis) }
    let indices = backend.sort(detach(), axis: a, descending: false).indices.narrow(
      a, start: k - 1, length: 1)
    let values = gather(a, index: indices)
    return keepDim ? (values, indices) : (values.squeeze(a), indices.squeeze(a))
  }
  /// The lower middle element along an axis, with its place.
  public func median(_ axis: Int, keepDim: Bool = false) -> (values: Tensor, indices: Tensor) {
    let a = self.axis(axis, "median")
    return kthvalue(rank == 0 ? 1 : (shape[a] + 1) / 2, axis: axis, keepDim: keepDim)
  }
}

// MARK: - Primitives

private struct Gather: VariadicPrimitive {
  let axis: Int

  var name: StaticString { "gather" }

  func evaluate(_ operands: [Tensor]) -> Evaluation {
    let (x, index) = (operands[0], operands[1])
    return Evaluation(x.backend.gather(x, axis: axis, index: index), saving: [index]) { [axis] g, c in
      [g.zeros(c.inputShape(0)).scatterAdd(axis, index: c.saved(0), source: g), nil]
    }
  }
}

private struct ScatterAdd: VariadicPrimitive {
  let axis: Int

  var name: StaticString { "scatter_add" }

  func evaluate(_ operands: [Tensor]) -> Evaluation {
    let (x, index) = (operands[0], operands[1])
    let sums = x.backend.scatter(x, axis: axis, index: index, source: operands[2], adding: true)
    return Evaluation(sums, saving: [index]) { [axis] g, c in
      [g, nil, c.needs(2) ? g.gather(axis, index: c.saved(0)).padded(to: c.inputShape(2)) : nil]
    }
  }
}

private struct Scatter: VariadicPrimitive {
  let axis: Int

  var name: StaticString { "scatter" }

  func evaluate(_ operands: [Tensor]) -> Evaluation {
    let (x, index) = (operands[0], operands[1])
    let changed = x.backend.scatter(x, axis: axis, index: index, source: operands[2], adding: false)
    return Evaluation(changed, saving: [index]) { [axis] g, c in
      let index = c.saved(0)
      return [
        c.needs(0) ? g.scatter(axis, index: index, source: g.zeros(index.shape)) : nil, nil,
        c.needs(2) ? g.gather(axis, index: index).padded(to: c.inputShape(2)) : nil,
      ]
    }
  }
}

private struct IndexSelect: VariadicPrimitive {
  let axis: Int

  var name: StaticString { "index_select" }

  func evaluate(_ operands: [Tensor]) -> Evaluation {
    let (x, index) = (operands[0], operands[1])
    return Evaluation(x.backend.indexSelect(x, axis: axis, index: index), saving: [index]) { [axis] g, c in
      [g.zeros(c.inputShape(0)).indexAdd(axis, index: c.saved(0), source: g), nil]
    }
  }
}

private struct IndexAdd: VariadicPrimitive {
  let axis: Int

  var name: StaticString { "index_add" }

  func evaluate(_ operands: [Tensor]) -> Evaluation {
    let (x, index) = (operands[0], operands[1])
    let sums = x.backend.indexAdd(x, axis: axis, index: index, source: operands[2])
    return Evaluation(sums, saving: [index]) { [axis] g, c in
      [g, nil, c.needs(2) ? g.indexSelect(axis, index: c.saved(0)) : nil]
    }
  }
}

extension Tensor {
  /// Zeros of this tensor's type where it is.
  fileprivate func zeros(_ shape: [Int]) -> Tensor { backend.fill(shape, 0, dtype: dtype) }
}
