// A batch normalisation of images, and what follows it, in one pass: normalisation, sum, rectifier and max-pooling are
// lazy where they can be, and whoever comes next either goes on from there or asks for the values. The recorded graph does
// not know: every operation keeps its node, and a gradient that nobody looks at between two of them is lazy too.

/// (x - mean) · scale + shift per channel, plus `addend`, rectified: values that nobody asked for yet.
package final class LazyNormalization: LazyValues {
  let input: Tensor
  let map: ChannelMap
  let addend: Tensor?
  let isRectified: Bool
  private let backend: any FusingBackend

  /// - Parameter input: images [N, C, H, W], detached.
  init(
    _ input: Tensor, _ map: ChannelMap, adding addend: Tensor? = nil, rectified: Bool = false,
    on backend: any FusingBackend
  ) {
    self.backend = backend
    self.input = input
    self.map = map
    self.addend = addend
    isRectified = rectified
  }

  package func evaluate() -> Tensor {
    backend.mapped(input, map, adding: addend, rectified: isRectified)
  }

  /// The result, not recorded.
  var result: Tensor { Tensor(lazyImages: self, shape: input.shape, input.dtype, on: backend) }
}

/// The gradient of the input of a rectifier or a max-pooling, which the normalisation before it can take as it is.
package final class LazyGradient: LazyValues {
  let gradient: ChannelGradient
  /// The input of the normalisation that was rectified, if `gradient` is of that kind.
  let input: Tensor?
  /// The result of the pooling, and the tensor that was pooled.
  let pooled: (output: Tensor, source: TensorIdentity)?
  private let backend: any FusingBackend

  init(
    _ gradient: ChannelGradient, input: Tensor? = nil,
    pooled: (output: Tensor, source: TensorIdentity)? = nil,
    on backend: any FusingBackend
  ) {
    self.backend = backend
    self.gradient = gradient
    self.input = input
    self.pooled = pooled
  }

  package func evaluate() -> Tensor {
    switch gradient {
    case .plain(let g): return backend.copy(g, strides: Tensor.channelsLastStrides(g.shape))
    case .rectified(let g, let map):
      guard let input else { fail("LazyGradient", "a rectified gradient needs the input") }
      return backend.gated(g, input, map)
    case .pooled(let g, let places, let geometry):
      return backend.maxPool2dGradient(g, places: places, geometry)
    }
  }

  var result: Tensor { Tensor(lazyImages: self, shape: gradient.shape, gradient.tensor.dtype, on: backend) }
}

/// The gradient of the input of a normalisation over the batch, which the convolution before it may read piece by piece.
package final class LazyCombination: LazyValues {
  let gradient: ChannelGradient
  let combination: ChannelCombination
  /// What the gradient adds up to per channel, [C].
  package let sums: Tensor
  private let backend: any FusingBackend

  init(
    _ gradient: ChannelGradient, _ combination: ChannelCombination, sums: Tensor,
    on backend: any FusingBackend
  ) {
    self.backend = backend
    self.gradient = gradient
    self.combination = combination
    self.sums = sums
  }

  package func evaluate() -> Tensor { backend.combined(gradient, combination) }

  var result: Tensor { Tensor(lazyImages: self, shape: gradient.shape, gradient.tensor.dtype, on: backend) }
}

extension Tensor {
  /// Lazy images, whose channels will lie last in memory.
  init(lazyImages values: any LazyValues, shape: [Int], _ dtype: DType, on backend: any Backend) {
    self.init(
      lazy: values, shape: shape, strides: Tensor.channelsLastStrides(shape), dtype, on: backend)
  }

  /// The lazy values this tensor is all of, if nobody asked for them so far.
  package func pending<Values: LazyValues>(_ type: Values.Type) -> Values? {
    guard rank == 4, let pending = storage.pending, offset == 0,
      strides == Tensor.channelsLastStrides(shape), storage.byteCount == count * dtype.byteCount
    else { return nil }
    return pending as? Values
  }
}
