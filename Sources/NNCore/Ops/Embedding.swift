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
  let rows = weight.shape[0]
  let padding = paddingIndex.map { $0 < 0 ? $0 + rows : $0 }
  if let padding {
    require((0..<rows).contains(padding), "embedding", "padding index \(padding) is outside the \(rows) rows")
  }
  return Tensor.apply(Lookup(padding: padding), [index, weight])
}

private struct Lookup: VariadicPrimitive {
  /// A row that gets no gradient.
  let padding: Int?

  var name: StaticString { "embedding" }
  var operandsWithRows: Int? { 1 }

  func evaluate(_ operands: [Tensor]) -> Evaluation {
    let (index, weight) = (operands[0], operands[1])
    let (rows, size) = (weight.shape[0], weight.shape[1])
    let places = index.asIndices.reshape([-1])
    if places.count > 0, let seen = places.indicesToCheck {
      let (low, high) = (Int(seen.amin().item()), Int(seen.amax().item()))
      guard
        fits(
          low >= 0 && high < rows, "embedding", .label,
          "index \(low < 0 ? low : high) is outside the \(rows) rows of the table")
      else {
        let zeros = weight.backend.fill(index.shape + [size], 0, dtype: weight.dtype)
        return Evaluation(zeros) { _, _ in [nil, nil] }
      }
    }
    let picked = weight.backend.indexSelect(weight, axis: 0, index: places)
    return Evaluation(picked.reshape(index.shape + [size]), saving: [places]) { [padding] g, context in
      let places = context.saved(0)
      var source = g.reshape([places.count, size])
      if let padding { source = `where`((places .== padding).unsqueeze(1), source.scalar(0), source) }
      let zeros = g.backend.fill([rows, size], 0, dtype: g.dtype)
      return [nil, zeros.indexAdd(0, index: places, source: source)]
    }
  }
}
