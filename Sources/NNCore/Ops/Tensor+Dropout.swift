extension Tensor {
  /// Sets elements to zero with probability p and divides the others by 1 - p, as
  /// `torch.nn.functional.dropout`; the tensor itself when not training or when p is 0.
  ///
  /// The mask is drawn in row-major order, two words of the generator per element.
  public func dropout(p: Double = 0.5, training: Bool = true, generator: Generator = .default) -> Tensor {
    dropped(p: p, training: training, maskShape: shape, generator: generator, "dropout")
  }

  /// Sets whole channels to zero: one draw per plane of a tensor [N, C, …]. As
  /// `torch.nn.functional.dropout2d`.
  public func dropout2d(p: Double = 0.5, training: Bool = true, generator: Generator = .default) -> Tensor {
    require(rank >= 2, "dropout2d", "needs a tensor [N, C, …], the shape is \(shape)")
    let planes = Array(shape[..<2]) + Array(repeating: 1, count: rank - 2)
    return dropped(p: p, training: training, maskShape: planes, generator: generator, "dropout2d")
  }

  private func dropped(
    p: Double, training: Bool, maskShape: [Int], generator: Generator, _ name: StaticString
  ) -> Tensor {
    Tensor.requireProbability(p, name)
    Tensor.requireFloat(dtype, name)
    if !training || p == 0 || count == 0 { return self }
    return Tensor.apply(Dropout(name: name, p: p, maskShape: maskShape, generator: generator), [self])
  }
}

// MARK: - Primitives

private struct Dropout: VariadicPrimitive {
  let name: StaticString
  let p: Double
  let maskShape: [Int]
  let generator: Generator

  func obstacle(_ operands: [Tensor]) -> String? { "it draws random numbers" }

  func evaluate(_ operands: [Tensor]) -> Evaluation {
    let (x, backend) = (operands[0], operands[0].backend)
    // PyTorch draws nothing for p = 1.
    let factors =
      p == 1
      ? backend.fill(maskShape, 0, dtype: x.dtype)
      : backend.random(
        .bernoulli(p: 1 - p, scale: x.scale(of: 1 - p)), maskShape, dtype: x.dtype, generator: generator)
    // In the layout of the input, so that the product runs over both in memory order.
    let mask = x.isChannelsLast && !x.isContiguous && maskShape == x.shape ? factors.channelsLast() : factors
    return Evaluation(backend.binary(.mul, x, mask), saving: [mask]) { g, context in [g * context.saved(0)] }
  }
}

extension Tensor {
  /// 1 / share, in the precision of this tensor.
  fileprivate func scale(of share: Double) -> Double {
    dtype == .float32 ? Double(1 / Float(share)) : 1 / share
  }
}

extension Tensor {
  static func requireFloat(_ dtype: DType, _ operation: StaticString) {
    require(dtype.isFloatingPoint, operation, "needs a floating-point type, got \(dtype)")
  }
  static func requireProbability(_ p: Double, _ operation: StaticString) {
    require(p >= 0 && p <= 1, operation, "probability \(p) is outside 0...1")
  }
}
