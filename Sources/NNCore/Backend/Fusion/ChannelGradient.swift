/// The gradient g of a normalisation's result, as it is or before what followed the normalisation.
package enum ChannelGradient: Sendable {
  /// g itself.
  case plain(Tensor)
  /// The gradient of max(map(x), 0): g is that where map(x) is above 0.
  case rectified(Tensor, ChannelMap)
  /// The gradient of a max-pooling of what g belongs to: each element of g is at its place, between zeros.
  case pooled(Tensor, places: Tensor, PoolingGeometry)

  /// The gradient of the result of the normalisation of `x`, in the form that its kernels can take.
  package init(of g: Tensor, _ x: Tensor?) {
    self = .plain(g)
    guard let open = g.pending(LazyGradient.self) else { return }
    if case .rectified = open.gradient, open.input?.storage !== x?.storage { return }
    self = open.gradient
  }

  /// The gradient that is given.
  package var tensor: Tensor {
    switch self {
    case .plain(let gradient), .rectified(let gradient, _), .pooled(let gradient, _, _): gradient
    }
  }

  /// The shape of g.
  package var shape: [Int] {
    guard case .pooled(let gradient, _, let geometry) = self else { return tensor.shape }
    return [gradient.shape[0], gradient.shape[1], geometry.rows.input, geometry.columns.input]
  }
}
