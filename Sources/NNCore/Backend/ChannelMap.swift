/// A map of each channel of [N, C, …]: (x - mean) · scale + shift, with float64 values [1, C], or [N, C] per sample.
package struct ChannelMap: Sendable {
  package let mean: Tensor
  package let scale: Tensor
  package let shift: Tensor
}

/// The gradient of a normalisation's input: g · a + (x - mean) · b + c per channel, or g · a without x; factors are
/// float64 of mean's shape, [1, C] or [N, C] per sample.
package struct ChannelCombination: Sendable {
  package let gradient: ChannelGradient
  package let x: Tensor?
  package let mean: Tensor
  package let a: Tensor
  package let b: Tensor
  package let c: Tensor
}

/// The gradient g of a normalisation's result, as it is or before what followed the normalisation.
package enum ChannelGradient: Sendable {
  /// g itself.
  case plain(Tensor)
  /// The gradient of max(map(x), 0): g is that where map(x) is above 0.
  case rectified(Tensor, ChannelMap)
  /// The gradient of a max-pooling of what g belongs to: each element of g is at its place, between zeros.
  case pooled(Tensor, places: Tensor, PoolingGeometry)

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
