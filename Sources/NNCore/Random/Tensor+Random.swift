import CNNKernels
import Foundation

// Tensors of random numbers, drawn in PyTorch's order.

extension Tensor {
  // MARK: Uniform

  /// Uniform numbers of [0, 1), as `torch.rand`. Floating-point types only.
  public static func rand(
    _ shape: [Int], generator: Generator = .default, dtype: DType = .float32
  ) -> Tensor {
    uniform(shape, low: 0, high: 1, generator: generator, dtype: dtype)
  }
  public static func rand(_ shape: Int..., generator: Generator = .default, dtype: DType = .float32) -> Tensor
  {
    rand(shape, generator: generator, dtype: dtype)
  }
  /// Uniform numbers of [0, 1) in the shape and type of another tensor.
  public static func rand(like other: Tensor, generator: Generator = .default) -> Tensor {
    rand(other.shape, generator: generator, dtype: other.dtype)
  }

  /// Uniform numbers of [low, high), as `torch.Tensor.uniform_`. float32 values have 24 random bits from one
  /// word of the generator, float64 values 53 from two.
  public static func uniform(
    _ shape: [Int], low: Double, high: Double, generator: Generator = .default, dtype: DType = .float32
  ) -> Tensor {
    require(low <= high, "uniform", "low \(low) is greater than high \(high)")
    requireFloat(dtype, "uniform")
    let result = Tensor(uninitialized: shape, dtype: dtype)
    let count = Int64(result.count)
    if dtype == .float32 {
      let values = result.pointer(Float.self)
      generator.draw { nn_random_uniform_f32($0, count, Float(low), Float(high), values) }
    } else {
      let values = result.pointer(Double.self)
      generator.draw { nn_random_uniform_f64($0, count, low, high, values) }
    }
    return result
  }

  // MARK: Normal

  /// Standard normal numbers, as `torch.randn`.
  public static func randn(
    _ shape: [Int], generator: Generator = .default, dtype: DType = .float32
  ) -> Tensor {
    normal(shape, mean: 0, std: 1, generator: generator, dtype: dtype)
  }
  public static func randn(_ shape: Int..., generator: Generator = .default, dtype: DType = .float32)
    -> Tensor
  {
    randn(shape, generator: generator, dtype: dtype)
  }
  /// Standard normal numbers in the shape and type of another tensor.
  public static func randn(like other: Tensor, generator: Generator = .default) -> Tensor {
    randn(other.shape, generator: generator, dtype: other.dtype)
  }

  /// Normal numbers, as `torch.Tensor.normal_`.
  ///
  /// PyTorch has two ways to make them, and so has this: fewer than 16 are drawn one by one in float64, each
  /// pair leaving a spare for the next call; from 16 on, blocks of 16 uniform numbers are transformed, and a
  /// remainder is made by drawing 16 more for the last 16 places. Values agree with PyTorch's to about 2e-7;
  /// the numbers drawn from the generator are the same.
  public static func normal(
    _ shape: [Int], mean: Double = 0, std: Double = 1, generator: Generator = .default,
    dtype: DType = .float32
  ) -> Tensor {
    require(std >= 0, "normal", "std must not be negative, got \(std)")
    requireFloat(dtype, "normal")
    let result = Tensor(uninitialized: shape, dtype: dtype)
    if dtype == .float32 {
      fillNormal(result.pointer(Float.self), result.count, mean, std, generator)
    } else {
      fillNormal(result.pointer(Double.self), result.count, mean, std, generator)
    }
    return result
  }

  private static func fillNormal(
    _ y: UnsafeMutablePointer<Float>, _ count: Int, _ mean: Double, _ std: Double, _ generator: Generator
  ) {
    let tail = UnsafeMutablePointer<Float>.allocate(capacity: 16)
    defer { tail.deallocate() }
    generator.draw { engine in
      if count < 16 {
        for i in 0..<count { y[i] = Float(nn_random_normal(engine) * std + mean) }
        return
      }
      nn_random_uniform_f32(engine, Int64(count), 0, 1, y)
      if count % 16 != 0 { nn_random_uniform_f32(engine, 16, 0, 1, tail) }
    }
    if count < 16 { return }
    parallelBlocks(count / 16) { first, blocks in
      nn_random_box_muller_f32(Int64(blocks), Float(mean), Float(std), y + 16 * first)
    }
    if count % 16 != 0 {
      nn_random_box_muller_f32(1, Float(mean), Float(std), tail)
      (y + count - 16).update(from: tail, count: 16)
    }
  }

  private static func fillNormal(
    _ y: UnsafeMutablePointer<Double>, _ count: Int, _ mean: Double, _ std: Double, _ generator: Generator
  ) {
    let tail = UnsafeMutablePointer<Double>.allocate(capacity: 16)
    defer { tail.deallocate() }
    generator.draw { engine in
      if count < 16 {
        for i in 0..<count { y[i] = nn_random_normal(engine) * std + mean }
        return
      }
      nn_random_uniform_f64(engine, Int64(count), 0, 1, y)
      if count % 16 != 0 { nn_random_uniform_f64(engine, 16, 0, 1, tail) }
    }
    if count < 16 { return }
    parallelBlocks(count / 16) { first, blocks in
      nn_random_box_muller_f64(Int64(blocks), mean, std, y + 16 * first)
    }
    if count % 16 != 0 {
      nn_random_box_muller_f64(1, mean, std, tail)
      (y + count - 16).update(from: tail, count: 16)
    }
  }

  /// Normal numbers with a mean and a standard deviation of their own each, as `torch.normal(mean, std)`; the
  /// two broadcast. No gradient is recorded.
  public static func normal(mean: Tensor, std: Tensor, generator: Generator = .default) -> Tensor {
    let shape = broadcastShape(mean.shape, std.shape, "normal")
    let dtype = resultType(mean, std).promotedToFloat
    let (mean, std) = (mean.detach().to(dtype), std.detach().to(dtype))
    require(std.count == 0 || std.amin().item() >= 0, "normal", "std must not be negative anywhere")
    return randn(shape, generator: generator, dtype: dtype) * std + mean
  }

  /// Normal numbers cut off outside low...high, as `torch.nn.init.trunc_normal_`: the inverse of the
  /// distribution function applied to uniform numbers.
  public static func truncatedNormal(
    _ shape: [Int], mean: Double = 0, std: Double = 1, low: Double = -2, high: Double = 2,
    generator: Generator = .default, dtype: DType = .float32
  ) -> Tensor {
    require(std > 0 && low <= high, "truncatedNormal", "std \(std), low \(low), high \(high)")
    func distribution(_ x: Double) -> Double { (1 + Foundation.erf(x / 2.0.squareRoot())) / 2 }
    let bounds = (distribution((low - mean) / std), distribution((high - mean) / std))
    let unit = uniform(
      shape, low: 2 * bounds.0 - 1, high: 2 * bounds.1 - 1, generator: generator, dtype: dtype)
    return (unit.erfinv() * (std * 2.0.squareRoot()) + mean).clamp(min: low, max: high)
  }

  /// Numbers of the exponential distribution, as `torch.Tensor.exponential_`.
  public static func exponential(
    _ shape: [Int], rate: Double = 1, generator: Generator = .default, dtype: DType = .float32
  ) -> Tensor {
    require(rate > 0, "exponential", "rate must be positive, got \(rate)")
    requireFloat(dtype, "exponential")
    let unit = rand(shape, generator: generator, dtype: .float64)
    return ((-unit).log1p() * (-1 / rate)).to(dtype)
  }

  // MARK: Integers

  /// Integers of `low..<high`, as `torch.randint`.
  public static func randint(
    _ low: Int, _ high: Int, _ shape: [Int], generator: Generator = .default, dtype: DType = .int64
  ) -> Tensor {
    require(low < high, "randint", "the range \(low)..<\(high) is empty")
    let result = Tensor(uninitialized: shape, dtype: .int64)
    let (values, count) = (result.pointer(Int64.self), Int64(result.count))
    let range = UInt64(bitPattern: Int64(high &- low))
    generator.draw { nn_random_integers($0, count, Int64(low), range, values) }
    return result.to(dtype)
  }
  /// Integers of `0..<high`.
  public static func randint(
    _ high: Int, _ shape: [Int], generator: Generator = .default, dtype: DType = .int64
  ) -> Tensor {
    randint(0, high, shape, generator: generator, dtype: dtype)
  }

  /// Integers of `0..<2^63`, as `torch.Tensor.random_` on int64.
  public static func random(_ shape: [Int], generator: Generator = .default) -> Tensor {
    let result = Tensor(uninitialized: shape, dtype: .int64)
    let (values, count) = (result.pointer(Int64.self), Int64(result.count))
    generator.draw { nn_random_bits63($0, count, values) }
    return result
  }

  /// The numbers `0..<count` in random order, as `torch.randperm`.
  public static func randperm(_ count: Int, generator: Generator = .default) -> Tensor {
    require(count >= 0, "randperm", "count must not be negative, got \(count)")
    let result = Tensor(uninitialized: [count], dtype: .int64)
    let values = result.pointer(Int64.self)
    generator.draw { nn_random_permutation($0, Int64(count), values) }
    return result
  }

  // MARK: Bernoulli

  /// Ones with probability p, zeros otherwise, as `torch.Tensor.bernoulli_(p)`: two words of the generator
  /// each.
  public static func bernoulli(
    _ shape: [Int], p: Double, generator: Generator = .default, dtype: DType = .float32
  ) -> Tensor {
    requireProbability(p, "bernoulli")
    let result = Tensor(uninitialized: shape, dtype: dtype == .float64 ? .float64 : .float32)
    let count = Int64(result.count)
    if dtype == .float64 {
      let values = result.pointer(Double.self)
      generator.draw { nn_random_bernoulli_f64($0, count, p, 1, values) }
    } else {
      let values = result.pointer(Float.self)
      generator.draw { nn_random_bernoulli_f32($0, count, p, 1, values) }
    }
    return result.to(dtype)
  }

  /// Ones with the probabilities that this tensor holds, as `torch.bernoulli(p)`: one word of the generator
  /// per float32 value, two per float64 value. No gradient is recorded.
  public func bernoulli(generator: Generator = .default) -> Tensor {
    Tensor.requireFloat(dtype, "bernoulli")
    let odds = detach().contiguous()
    if count > 0 {
      let (low, high) = (odds.amin().item(), odds.amax().item())
      require(low >= 0 && high <= 1, "bernoulli", "probabilities \(low)...\(high) are outside 0...1")
    }
    let result = Tensor(uninitialized: shape, dtype: dtype)
    if dtype == .float32 {
      let (p, values) = (odds.pointer(Float.self), result.pointer(Float.self))
      generator.draw { nn_random_bernoulli_each_f32($0, Int64(count), p, values) }
    } else {
      let (p, values) = (odds.pointer(Double.self), result.pointer(Double.self))
      generator.draw { nn_random_bernoulli_each_f64($0, Int64(count), p, values) }
    }
    return withExtendedLifetime(odds) { result }
  }

  // MARK: Checks

  static func requireFloat(_ dtype: DType, _ operation: StaticString) {
    require(dtype.isFloatingPoint, operation, "needs a floating-point type, got \(dtype)")
  }
  static func requireProbability(_ p: Double, _ operation: StaticString) {
    require(p >= 0 && p <= 1, operation, "probability \(p) is outside 0...1")
  }

  /// Blocks are independent once the uniform numbers are there.
  private static func parallelBlocks(_ count: Int, _ body: (_ first: Int, _ blocks: Int) -> Void) {
    ThreadPool.shared.parallelFor(count: count, grain: 256) { body($0.lowerBound, $0.count) }
  }
}
