/// A device with kernels that take several operations on images in one pass. It leaves results lazy, and what follows
/// either is fused with them here or asks for the values.
///
/// A conformance has the kernels; the functions of the extension below are what it makes of `Backend`'s operations with
/// them. Images that a kernel gets may lie in any memory order, and hold values; results are channels-last.
package protocol FusingBackend: Backend {
  /// map(x), plus `addend` of x's shape if there is one, and then 0 in place of what is below if `rectified`.
  func mapped(_ x: Tensor, _ map: ChannelMap, adding addend: Tensor?, rectified: Bool) -> Tensor
  /// g where map(x) is above 0, else 0.
  func gated(_ g: Tensor, _ x: Tensor, _ map: ChannelMap) -> Tensor
  /// The greatest elements of the windows of x, or of max(map(x), 0), and their places.
  func maxPooled(
    _ x: Tensor, rectifiedBy map: ChannelMap?, _ geometry: PoolingGeometry, keepingPlaces: Bool
  ) -> (output: Tensor, places: Tensor?)
  /// Sums of the gradient and of gradient · (x - mean), as `Backend.channelGradientSums`.
  func gradientSums(_ gradient: ChannelGradient, _ x: Tensor?, mean: Tensor) -> (sums: Tensor, dots: Tensor)
  /// The gradient of a normalisation's input, as `Backend.channelCombination`.
  func combined(_ gradient: ChannelGradient, _ combination: ChannelCombination) -> Tensor
  /// A convolution and its finish.
  ///
  /// - Parameter target: a view with adjacent channels that is written; new memory if nil.
  func convolution(
    _ x: Tensor, _ weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, outputSize: Size2,
    finish: ConvolutionFinish, into target: Tensor?
  ) -> Tensor
}

extension FusingBackend {
  package func conv2d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, outputSize: Size2,
    mayBeLazy: Bool
  ) -> Tensor {
    mayBeLazy
      ? LazyConvolution(x, weight, bias: bias, geometry, outputSize: outputSize, on: self).result
      : convolution(
        x, weight, bias: bias, geometry, outputSize: outputSize, finish: ConvolutionFinish(), into: nil)
  }

  /// The sum with a convolution or normalisation that is still lazy; nil if neither is.
  package func lazySum(_ a: Tensor, _ b: Tensor) -> Tensor? {
    guard a.rank == 4, a.storage.pending != nil || b.storage.pending != nil, a.shape == b.shape else {
      return nil
    }
    for (x, addend) in [(a, b), (b, a)] {
      if let sum = x.pending(LazyConvolution.self)?.adding(addend) { return sum }
      if let pending = x.pending(LazyNormalization.self), !pending.isRectified, pending.addend == nil {
        return LazyNormalization(pending.input, pending.map, adding: addend.detach(), on: self).result
      }
    }
    return nil
  }

  package func fusedRectifier(_ x: Tensor, ceiling: Double, _ own: @escaping Fused.Rule) -> Fused? {
    if let result = x.pending(LazyConvolution.self)?.rectified(ceiling: ceiling) {
      // The result tells where the slope is 0.
      return Fused(output: result, saved: [], savesOutput: true) { g, c in own(g, c.saved(0)) }
    }
    guard ceiling == .infinity, let pending = x.pending(LazyNormalization.self), !pending.isRectified else {
      return nil
    }
    let (input, map) = (pending.input, pending.map)
    let result = LazyNormalization(input, map, adding: pending.addend, rectified: true, on: self).result
    if pending.addend != nil {
      return Fused(output: result, saved: [], savesOutput: true) { g, c in own(g, c.saved(0)) }
    }
    // The slope is known from the normalisation's input, so neither side of the rectifier needs to be kept.
    return Fused(output: result, saved: [input, map.mean, map.scale, map.shift], savesOutput: false) {
      g, c in
      let (x, map) = (c.saved(0), ChannelMap(mean: c.saved(1), scale: c.saved(2), shift: c.saved(3)))
      if isGradientEnabled { return own(g, self.mapped(x, map, adding: nil, rectified: true)) }
      if let behind = g.pending(LazyGradient.self), let pooled = behind.pooled,
        case .pooled(let gradient, let places, let geometry) = behind.gradient,
        pooled.source == TensorIdentity(node: c.node.id, outputIndex: 0)
      {
        // An element that was pooled is above 0 exactly if the pooling's result is.
        let gated = self.activateBackward(.relu, gradient, pooled.output)
        return LazyGradient(.pooled(gated, places: places, geometry), on: self).result
      }
      return LazyGradient(.rectified(g, map), input: x, on: self).result
    }
  }

  package func maxPool2d(
    _ x: Tensor, _ geometry: PoolingGeometry, keepingPlaces: Bool, _ own: @escaping Fused.Rule
  ) -> (output: Tensor, places: Tensor?, fused: Fused.Gradient?) {
    guard let lazy = x.pending(LazyNormalization.self), lazy.isRectified, lazy.addend == nil else {
      let (output, places) = maxPooled(x, rectifiedBy: nil, geometry, keepingPlaces: keepingPlaces)
      return (output, places, nil)
    }
    let (output, places) = maxPooled(
      lazy.input, rectifiedBy: lazy.map, geometry, keepingPlaces: keepingPlaces)
    guard keepingPlaces, let source = x.identity else { return (output, places, nil) }
    // Left lazy for the normalisation's gradient.
    return (
      output, places,
      { g, c in
        if isGradientEnabled { return own(g, c.saved(0)) }
        let gradient = ChannelGradient.pooled(g, places: c.saved(0), geometry)
        return LazyGradient(gradient, pooled: (c.saved(1).detach(), source), on: self).result
      }
    )
  }

  package func channelAffine(_ x: Tensor, _ map: ChannelMap, isRecorded: Bool) -> Tensor {
    if !isRecorded, let result = x.pending(LazyConvolution.self)?.mapped(map) { return result }
    if x.rank == 4 && map.mean.shape[0] == 1 { return LazyNormalization(x.detach(), map, on: self).result }
    return mapped(x, map, adding: nil, rectified: false)
  }

  package func channelGradientSums(
    _ g: Tensor, _ x: Tensor?, mean: Tensor
  ) -> (sums: Tensor, dots: Tensor) {
    gradientSums(ChannelGradient(of: g, x), x, mean: mean)
  }

  package func channelCombination(_ g: Tensor, _ combination: ChannelCombination) -> Tensor {
    let gradient = ChannelGradient(of: g, combination.x)
    if g.rank == 4, let sums = combination.sums {
      return LazyCombination(gradient, combination, sums: sums, on: self).result
    }
    return combined(gradient, combination)
  }

  /// What a lazy gradient adds up to per channel, [1, C, 1, 1], where that is known without computing it.
  package func knownSums(_ op: ReduceOp, _ x: Tensor, axes: [Int]) -> Tensor? {
    guard op == .sum, x.rank == 4, axes == [0, 2, 3], let sums = x.pending(LazyCombination.self)?.sums else {
      return nil
    }
    return sums.view(shape: [1, x.shape[1], 1, 1], strides: [0, sums.strides[0], 0, 0])
  }
}
