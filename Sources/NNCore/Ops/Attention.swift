/// softmax(query · keyᵀ · scale + mask) · value (Vaswani et al. 2017).
/// As `torch.nn.functional.scaled_dot_product_attention`.
///
/// - Parameters:
///   - query: [..., L, E].
///   - key: [..., S, E].
///   - value: [..., S, Ev].
///   - mask: broadcasts to [..., L, S]: bool (false keeps a query from looking at a key) or added to the scores.
///   - dropout: probability with which a weight is set to 0, the others being divided by 1 - dropout; drawn from the
///     default generator. 0 outside of training.
///   - isCausal: lets query i look at keys 0...i only; not together with `mask`.
///   - scale: 1 / sqrt(E) if nil.
/// - Returns: [..., L, Ev].
public func scaledDotProductAttention(
  _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor? = nil, dropout: Double = 0,
  isCausal: Bool = false, scale: Double? = nil
) -> Tensor {
  let name: StaticString = "scaledDotProductAttention"
  require(
    query.rank >= 2 && key.rank >= 2 && value.rank >= 2 && query.shape.last == key.shape.last
      && key.shape[key.rank - 2] == value.shape[value.rank - 2], name,
    "query \(query.shape), key \(key.shape) and value \(value.shape) do not fit")
  require(mask == nil || !isCausal, name, "a mask and isCausal exclude each other")
  return attentionWeights(query, key, mask: mask, isCausal: isCausal, scale: scale)
    .dropout(p: dropout).matmul(value)
}

/// The weights [..., L, S] with which `scaledDotProductAttention` adds up the values.
package func attentionWeights(
  _ query: Tensor, _ key: Tensor, mask: Tensor? = nil, isCausal: Bool = false, scale: Double? = nil
) -> Tensor {
  let (rows, columns) = (query.shape[query.rank - 2], key.shape[key.rank - 2])
  let factor = scale ?? 1 / Double(query.shape[query.rank - 1]).squareRoot()
  var scores = (query * factor).matmul(key.transpose(-2, -1))
  let allowed = isCausal ? query.backend.fill([rows, columns], 1, dtype: .bool).tril() : mask
  if let allowed {
    scores =
      allowed.dtype == .bool ? scores.maskedFill(allowed.logicalNot(), with: -.infinity) : scores + allowed
  }
  return scores.softmax(-1)
}
