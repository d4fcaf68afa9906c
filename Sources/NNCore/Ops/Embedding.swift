/// Rows of a table of vectors. As `torch.nn.functional.embedding`.
///
/// - Parameters:
///   - index: which rows, integers of any shape.
///   - weight: the table, [rows, size].
///   - paddingIndex: a row that gets no gradient; negative numbers count from the end.
/// - Returns: [shape of index, size].
public func embedding(_ index: Tensor, _ weight: Tensor, paddingIndex: Int? = nil) -> Tensor {
  require(weight.rank == 2, "embedding", "the table must be a matrix, its shape is \(weight.shape)")
  require(
    !index.dtype.isFloatingPoint && index.dtype != .bool, "embedding",
    "indices must be integers, got \(index.dtype)")
  if isTracing,
    let result = traced(
      "embedding", [index], parameters: [weight],
      body: { embedding($0[0], $0[1], paddingIndex: paddingIndex) })
  {
    return result
  }
  let (rows, size) = (weight.shape[0], weight.shape[1])
  let places = index.asIndices.reshape([-1])
  if places.count > 0, let seen = places.indicesToCheck {
    let (low, high) = (Int(seen.amin().item()), Int(seen.amax().item()))
    guard
      fits(
        low >= 0 && high < rows, "embedding", .label,
        "index \(low < 0 ? low : high) is outside the \(rows) rows of the table")
    else { return weight.backend.fill(index.shape + [size], 0, dtype: weight.dtype) }
  }
  let padding = paddingIndex.map { $0 < 0 ? $0 + rows : $0 }
  if let padding {
    require((0..<rows).contains(padding), "embedding", "padding index \(padding) is outside the \(rows) rows")
  }
  let picked = weight.backend.indexSelect(weight, axis: 0, index: places)
  return picked.reshape(index.shape + [size]).recorded("embedding", inputs: [weight], saving: [places]) {
    g, c in
    let places = c.saved(0)
    var source = g.reshape([places.count, size])
    if let padding { source = `where`((places .== padding).unsqueeze(1), source.scalar(0), source) }
    return [g.backend.fill([rows, size], 0, dtype: g.dtype).indexAdd(0, index: places, source: source)]
  }
}
