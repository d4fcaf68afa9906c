// Diagonals, and what lies on one side of them.

extension Tensor {
  /// The diagonal of two dimensions as the last dimension; a view. `offset` > 0 lies above the main diagonal.
  public func diagonal(offset shift: Int = 0, axes: (Int, Int) = (0, 1)) -> Tensor {
    let (a, b) = (axis(axes.0, "diagonal"), axis(axes.1, "diagonal"))
    require(a != b, "diagonal", "needs two different axes")
    let length = Swift.max(
      0, shift >= 0 ? Swift.min(shape[a], shape[b] - shift) : Swift.min(shape[a] + shift, shape[b]))
    let rest = shape.indices.filter { $0 != a && $0 != b }
    let start = length == 0 ? 0 : (shift >= 0 ? shift * strides[b] : -shift * strides[a])
    let full = shape
    return view(
      shape: rest.map { shape[$0] } + [length], strides: rest.map { strides[$0] } + [strides[a] + strides[b]],
      offset: offset + start
    ).recorded("diagonal", inputs: [self]) { g, _ in
      [g.placedOnDiagonal(of: full, offset: shift, axes: (a, b))]
    }
  }
  private func placedOnDiagonal(of full: [Int], offset shift: Int, axes: (Int, Int)) -> Tensor {
    let result = backend.fill(full, 0, dtype: dtype)
    backend.assign(self, to: result.diagonal(offset: shift, axes: axes))
    return result.recorded("diagonal_backward", inputs: [self]) { g, _ in
      [g.diagonal(offset: shift, axes: axes)]
    }
  }
  /// Elements on and below a diagonal of the last two dimensions, zeros above.
  public func tril(_ diagonal: Int = 0) -> Tensor { triangle("tril") { $0 .>= $1 - diagonal } }
  /// Elements on and above a diagonal of the last two dimensions, zeros below.
  public func triu(_ diagonal: Int = 0) -> Tensor { triangle("triu") { $0 .<= $1 - diagonal } }
  private func triangle(_ name: StaticString, _ keep: (_ row: Tensor, _ column: Tensor) -> Tensor) -> Tensor {
    require(rank >= 2, name, "needs at least 2 dimensions, the shape is \(shape)")
    let rows = Tensor.arange(shape[rank - 2]).to(device).unsqueeze(1)
    return `where`(
      keep(rows, Tensor.arange(shape[rank - 1]).to(device)), self, backend.fill([], 0, dtype: dtype))
  }
}
