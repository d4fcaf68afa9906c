// Fusion with lazy operands. Each returns nil if no operand is lazy in a way that fits.

extension CPUBackend {
  /// The sum with a convolution or normalisation that is still lazy.
  func lazySum(_ a: Tensor, _ b: Tensor) -> Tensor? {
    guard a.rank == 4, a.storage.pending != nil || b.storage.pending != nil, a.shape == b.shape else {
      return nil
    }
    for (x, addend) in [(a, b), (b, a)] {
      if let sum = x.pending(LazyConvolution.self)?.adding(addend) { return sum }
      if let pending = x.pending(LazyNormalization.self), !pending.isRectified, pending.addend == nil {
        return LazyNormalization(pending.input, pending.map, adding: addend.detach()).result
      }
    }
    return nil
  }

  func fusedRectifier(_ x: Tensor, ceiling: Double, _ own: @escaping Fused.Rule) -> Fused? {
    if let result = x.pending(LazyConvolution.self)?.rectified(ceiling: ceiling) {
      // The result tells where the slope is 0.
      return Fused(output: result, saved: [], savesOutput: true) { g, c in own(g, c.saved(0)) }
    }
    guard ceiling == .infinity, let pending = x.pending(LazyNormalization.self), !pending.isRectified else {
      return nil
    }
    let (input, map) = (pending.input, pending.map)
    let result = LazyNormalization(input, map, adding: pending.addend, rectified: true).result
    if pending.addend != nil {
      return Fused(output: result, saved: [], savesOutput: true) { g, c in own(g, c.saved(0)) }
    }
    // The slope is known from the normalisation's input, so neither side of the rectifier needs to be kept.
    return Fused(output: result, saved: [input, map.mean, map.scale, map.shift], savesOutput: false) {
      g, c in
      let (x, map) = (c.saved(0), ChannelMap(mean: c.saved(1), scale: c.saved(2), shift: c.saved(3)))
      if isGradientEnabled { return own(g, CPUBackend.shared.mapped(x, map, adding: nil, rectified: true)) }
      if let behind = g.pending(LazyGradient.self), let pooled = behind.pooled,
        case .pooled(let gradient, let places, let geometry) = behind.gradient,
        pooled.source == TensorIdentity(node: c.node.id, outputIndex: 0)
      {
        // An element that was pooled is above 0 exactly if the pooling's result is.
        let gated = CPUBackend.shared.activateBackward(.relu, gradient, pooled.output)
        return LazyGradient(.pooled(gated, places: places, geometry)).result
      }
      return LazyGradient(.rectified(g, map), input: x).result
    }
  }

  /// The gradient of a max-pooling that took a rectified normalisation along: left lazy for that one's gradient.
  ///
  /// - Parameter x: what was pooled; nil if it is not recorded.
  func fusedPoolingGradient(
    of x: Tensor, _ geometry: PoolingGeometry, _ own: @escaping Fused.Rule
  ) -> Fused.Gradient? {
    guard let source = x.identity else { return nil }
    return { g, c in
      if isGradientEnabled { return own(g, c.saved(0)) }
      let gradient = ChannelGradient.pooled(g, places: c.saved(0), geometry)
      return LazyGradient(gradient, pooled: (c.saved(1).detach(), source)).result
    }
  }

  func channelAffine(_ x: Tensor, _ map: ChannelMap, isRecorded: Bool) -> Tensor {
    if !isRecorded, let result = x.pending(LazyConvolution.self)?.mapped(map) { return result }
    if x.rank == 4 && map.mean.shape[0] == 1 { return LazyNormalization(x.detach(), map).result }
    return mapped(x, map, adding: nil, rectified: false)
  }

  func channelCombination(_ g: Tensor, _ combination: ChannelCombination) -> Tensor {
    let gradient = ChannelGradient(of: g, combination.x)
    if g.rank == 4, let sums = combination.sums {
      return LazyCombination(gradient, combination, sums: sums).result
    }
    return combined(gradient, combination)
  }

  /// What a lazy gradient adds up to per channel, [1, C, 1, 1], where that is known without computing it.
  func knownSums(_ op: ReduceOp, _ x: Tensor, axes: [Int]) -> Tensor? {
    guard op == .sum, x.rank == 4, axes == [0, 2, 3], let sums = x.pending(LazyCombination.self)?.sums else {
      return nil
    }
    return sums.view(shape: [1, x.shape[1], 1, 1], strides: [0, sums.strides[0], 0, 0])
  }
}
