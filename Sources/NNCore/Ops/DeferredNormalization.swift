// A batch normalisation of images, and what follows it, in one pass: `batchNorm`, `+`, `relu` and `maxPool2d` leave their
// results open where they can, and whoever comes next either goes on from there or asks for the values. The recorded
// graph does not know: every operation keeps its node, and a gradient that nobody looks at between two of them is left
// open in the same way.

/// (x - mean) · scale + shift per channel, plus `addend`, rectified: values that nobody asked for yet.
final class DeferredNormalization: DeferredValues {
  let input: Tensor
  let map: ChannelMap
  let addend: Tensor?
  let isRectified: Bool

  /// - Parameter input: images [N, C, H, W], detached.
  init(_ input: Tensor, _ map: ChannelMap, adding addend: Tensor? = nil, rectified: Bool = false) {
    self.input = input
    self.map = map
    self.addend = addend
    isRectified = rectified
  }

  func evaluate() -> Tensor {
    input.backend.channelAffine(input, map, adding: addend, rectified: isRectified)
  }

  /// The result, not recorded.
  var result: Tensor {
    Tensor(deferring: self, shape: input.shape, strides: Tensor.channelsLastStrides(input.shape), input.dtype)
  }
}

/// The gradient of the input of a rectifier or a max-pooling, which the normalisation before it can take as it is.
final class DeferredGradient: DeferredValues {
  let gradient: ChannelGradient
  /// What `ChannelGradient.rectified` is a matter of.
  let input: Tensor?
  /// The result of the pooling, and the tensor that was pooled.
  let pooled: (output: Tensor, source: TensorIdentity)?

  init(
    _ gradient: ChannelGradient, input: Tensor? = nil, pooled: (output: Tensor, source: TensorIdentity)? = nil
  ) {
    self.gradient = gradient
    self.input = input
    self.pooled = pooled
  }

  func evaluate() -> Tensor {
    switch gradient {
    case .plain(let g): return g.backend.copy(g, strides: Tensor.channelsLastStrides(g.shape))
    case .rectified(let g, let map):
      guard let input else { fail("DeferredGradient", "a rectified gradient needs the input") }
      return g.backend.channelGate(g, input, map)
    case .pooled(let g, let places, let geometry):
      return g.backend.maxPool2dGradient(g, places: places, geometry)
    }
  }

  var result: Tensor {
    let shape = gradient.shape
    return Tensor(
      deferring: self, shape: shape, strides: Tensor.channelsLastStrides(shape), gradient.tensor.dtype)
  }
}

/// The gradient of the input of a normalisation over the batch, which the convolution before it may read piece by piece.
final class DeferredCombination: DeferredValues {
  let combination: ChannelCombination
  /// What the gradient adds up to per channel, [C].
  let sums: Tensor

  init(_ combination: ChannelCombination, sums: Tensor) {
    self.combination = combination
    self.sums = sums
  }

  func evaluate() -> Tensor { combination.mean.backend.channelCombination(combination) }

  var result: Tensor {
    let (shape, dtype) = (combination.gradient.shape, combination.gradient.tensor.dtype)
    return Tensor(deferring: self, shape: shape, strides: Tensor.channelsLastStrides(shape), dtype)
  }
}

/// Tells recorded tensors apart.
struct TensorIdentity: Equatable, Sendable {
  let node: UInt64
  let outputIndex: Int
}

extension Tensor {
  init(deferring values: any DeferredValues, shape: [Int], strides: [Int], _ dtype: DType) {
    self.init(
      storage: Storage(deferring: values, byteCount: shape.reduce(1, *) * dtype.byteCount), shape: shape,
      strides: strides, dtype: dtype)
  }

  var identity: TensorIdentity? { node.map { TensorIdentity(node: $0.id, outputIndex: outputIndex) } }

  /// The values this tensor is all of, if nobody asked for them so far.
  func pending<Values: DeferredValues>(_ type: Values.Type) -> Values? {
    guard rank == 4, offset == 0, strides == Tensor.channelsLastStrides(shape),
      storage.byteCount == count * dtype.byteCount
    else { return nil }
    return storage.pending as? Values
  }

  /// max(x, 0) of a normalisation that is still open. Its slope is known from the normalisation's input, so that
  /// neither side of the rectifier needs to be kept.
  func rectifiedNormalization() -> Tensor? {
    guard let pending = pending(DeferredNormalization.self), !pending.isRectified else { return nil }
    let (x, map) = (pending.input, pending.map)
    let result = DeferredNormalization(x, map, adding: pending.addend, rectified: true).result
    if pending.addend != nil {
      return result.recorded("relu", inputs: [self], savingOutput: true) { g, c in
        [Tensor.rectifiedSlope(g, c.saved(0))]
      }
    }
    return result.recorded("relu", inputs: [self], saving: [x, map.mean, map.scale, map.shift]) { g, c in
      let (x, map) = (c.saved(0), ChannelMap(mean: c.saved(1), scale: c.saved(2), shift: c.saved(3)))
      if isGradientEnabled {
        return [Tensor.rectifiedSlope(g, x.backend.channelAffine(x, map, adding: nil, rectified: true))]
      }
      if let behind = g.pending(DeferredGradient.self), let pooled = behind.pooled,
        case .pooled(let gradient, let places, let geometry) = behind.gradient,
        pooled.source == TensorIdentity(node: c.node.id, outputIndex: 0)
      {
        // An element that was pooled is above 0 exactly if the pooling's result is.
        let gated = Tensor.rectifiedSlope(gradient, pooled.output)
        return [DeferredGradient(.pooled(gated, places: places, geometry)).result]
      }
      return [DeferredGradient(.rectified(g, map), input: x).result]
    }
  }

  /// The sum with a normalisation that is still open, not recorded.
  static func addedToPending(_ a: Tensor, _ b: Tensor) -> Tensor? {
    guard a.rank == 4, a.shape == b.shape, a.dtype == b.dtype else { return nil }
    for (x, addend) in [(a, b), (b, a)] {
      if let sum = x.pending(DeferredConvolution.self)?.adding(addend) { return sum }
      if let pending = x.pending(DeferredNormalization.self), !pending.isRectified, pending.addend == nil {
        return DeferredNormalization(pending.input, pending.map, adding: addend.detach()).result
      }
    }
    return nil
  }

  /// The gradient of this normalisation's result as the kernels of the normalisation of `x` can take it.
  func channelGradient(_ x: Tensor?) -> ChannelGradient {
    guard let open = pending(DeferredGradient.self) else { return .plain(self) }
    if case .rectified = open.gradient, open.input?.storage !== x?.storage { return .plain(self) }
    return open.gradient
  }
}
