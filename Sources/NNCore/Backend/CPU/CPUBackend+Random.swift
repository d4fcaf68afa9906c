import CNNKernels

// Random numbers on the host, in PyTorch's order.

extension CPUBackend {
  func random(
    _ draw: RandomDraw, _ shape: [Int], dtype: DType, generator: Generator
  ) -> Tensor {
    if dtype == .bfloat16 { return bfloat16Backend.random(draw, shape, dtype: dtype, generator: generator) }
    let result = Tensor(uninitialized: shape, dtype: dtype)
    let count = Int64(result.count)
    switch (draw, dtype) {
    case (.uniform(let low, let high), .float32):
      let values = result.hostPointer(Float.self)
      generator.draw { nn_random_uniform_f32($0, count, Float(low), Float(high), values) }
    case (.uniform(let low, let high), .float64):
      let values = result.hostPointer(Double.self)
      generator.draw { nn_random_uniform_f64($0, count, low, high, values) }
    case (.normal(let mean, let std), .float32):
      fillNormal(
        result.hostPointer(Float.self), result.count, mean, std, generator, uniform: nn_random_uniform_f32,
        boxMuller: nn_random_box_muller_f32)
    case (.normal(let mean, let std), .float64):
      fillNormal(
        result.hostPointer(Double.self), result.count, mean, std, generator, uniform: nn_random_uniform_f64,
        boxMuller: nn_random_box_muller_f64)
    case (.bernoulli(let p, let scale), .float32):
      let values = result.hostPointer(Float.self)
      generator.draw { nn_random_bernoulli_f32($0, count, p, Float(scale), values) }
    case (.bernoulli(let p, let scale), .float64):
      let values = result.hostPointer(Double.self)
      generator.draw { nn_random_bernoulli_f64($0, count, p, scale, values) }
    case (.integers(let low, let range), .int64):
      let values = result.hostPointer(Int64.self)
      generator.draw { nn_random_integers($0, count, Int64(low), range, values) }
    case (.bits, .int64):
      let values = result.hostPointer(Int64.self)
      generator.draw { nn_random_bits63($0, count, values) }
    case (.permutation, .int64):
      let values = result.hostPointer(Int64.self)
      generator.draw { nn_random_permutation($0, count, values) }
    default: fail("random", "\(draw) does not give \(dtype)")
    }
    return result
  }

  /// Ones with the probabilities of `odds`, row-major: one word of the generator per float32 value, two per float64 value.
  func bernoulli(_ odds: Tensor, _ generator: Generator) -> Tensor {
    let (odds, count) = (odds.isContiguous ? odds : copy(odds, strides: nil), Int64(odds.count))
    let result = Tensor(uninitialized: odds.shape, dtype: odds.dtype)
    if odds.dtype == .float32 {
      let (p, values) = (odds.hostPointer(Float.self), result.hostPointer(Float.self))
      generator.draw { nn_random_bernoulli_each_f32($0, count, p, values) }
    } else {
      let (p, values) = (odds.hostPointer(Double.self), result.hostPointer(Double.self))
      generator.draw { nn_random_bernoulli_each_f64($0, count, p, values) }
    }
    return withExtendedLifetime(odds) { result }
  }

  /// As PyTorch draws them: a few one after the other in float64, others in blocks of 16 from uniform numbers, the last of
  /// which overlaps its neighbour if the count is no multiple.
  private func fillNormal<T: BinaryFloatingPoint>(
    _ y: UnsafeMutablePointer<T>, _ count: Int, _ mean: Double, _ std: Double, _ generator: Generator,
    uniform: (UnsafeMutablePointer<nn_generator>, Int64, T, T, UnsafeMutablePointer<T>) -> Void,
    boxMuller: (_ blocks: Int64, _ mean: T, _ std: T, UnsafeMutablePointer<T>) -> Void
  ) {
    if count < 16 {
      generator.draw { engine in
        for i in 0..<count { y[i] = T(nn_random_normal(engine) * std + mean) }
      }
      return
    }
    let tail = UnsafeMutablePointer<T>.allocate(capacity: 16)
    defer { tail.deallocate() }
    generator.draw { engine in
      uniform(engine, Int64(count), 0, 1, y)
      if count % 16 != 0 { uniform(engine, 16, 0, 1, tail) }
    }
    parallelBlocks(count / 16) { first, blocks in boxMuller(Int64(blocks), T(mean), T(std), y + 16 * first) }
    if count % 16 != 0 {
      boxMuller(1, T(mean), T(std), tail)
      (y + count - 16).update(from: tail, count: 16)
    }
  }

  /// Blocks are independent once the uniform numbers are there.
  private func parallelBlocks(_ count: Int, _ body: (_ first: Int, _ blocks: Int) -> Void) {
    ThreadPool.shared.parallelFor(count: count, grain: 256) { body($0.lowerBound, $0.count) }
  }
}

extension Backend {
  /// Drawn by the host and copied to the device: the same bits on each, if not the fastest way.
  package func random(
    _ draw: RandomDraw, _ shape: [Int], dtype: DType, generator: Generator
  ) -> Tensor {
    CPUBackend.shared.random(draw, shape, dtype: dtype, generator: generator).copied(to: self)
  }
}
