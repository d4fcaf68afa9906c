import Foundation

// Tensors of random numbers, drawn in PyTorch's order. With `device:` they are drawn on the host and moved, so that the same
// generator gives the same numbers on every device.

extension Tensor {
  // MARK: Uniform

  /// Uniform numbers of [0, 1), as `torch.rand`. Floating-point types only.
  public static func rand(
    _ shape: [Int], generator: Generator = .default, dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    uniform(shape, low: 0, high: 1, generator: generator, dtype: dtype, device: device)
  }
  public static func rand(
    _ shape: Int..., generator: Generator = .default, dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    rand(shape, generator: generator, dtype: dtype, device: device)
  }
  /// Uniform numbers of [0, 1) in the shape and type of another tensor.
  public static func rand(like other: Tensor, generator: Generator = .default) -> Tensor {
    rand(other.shape, generator: generator, dtype: other.dtype, device: other.device)
  }

  /// Uniform numbers of [low, high), as `torch.Tensor.uniform_`. float32 values have 24 random bits from one
  /// word of the generator, float64 values 53 from two.
  public static func uniform(
    _ shape: [Int], low: Double, high: Double, generator: Generator = .default, dtype: DType = .float32,
    device: Device = .cpu
  ) -> Tensor {
    require(low <= high, "uniform", "low \(low) is greater than high \(high)")
    requireFloat(dtype, "uniform")
    return drawn(.uniform(low: low, high: high), shape, dtype, generator, device)
  }

  // MARK: Normal

  /// Standard normal numbers, as `torch.randn`.
  public static func randn(
    _ shape: [Int], generator: Generator = .default, dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    normal(shape, mean: 0, std: 1, generator: generator, dtype: dtype, device: device)
  }
  public static func randn(
    _ shape: Int..., generator: Generator = .default, dtype: DType = .float32, device: Device = .cpu
  )
    -> Tensor
  {
    randn(shape, generator: generator, dtype: dtype, device: device)
  }
  /// Standard normal numbers in the shape and type of another tensor.
  public static func randn(like other: Tensor, generator: Generator = .default) -> Tensor {
    randn(other.shape, generator: generator, dtype: other.dtype, device: other.device)
  }

  /// Normal numbers, as `torch.Tensor.normal_`.
  ///
  /// PyTorch has two ways to make them, and so has this: fewer than 16 are drawn one by one in float64, each
  /// pair leaving a spare for the next call; from 16 on, blocks of 16 uniform numbers are transformed, and a
  /// remainder is made by drawing 16 more for the last 16 places. Values agree with PyTorch's to about 2e-7;
  /// the numbers drawn from the generator are the same.
  public static func normal(
    _ shape: [Int], mean: Double = 0, std: Double = 1, generator: Generator = .default,
    dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    require(std >= 0, "normal", "std must not be negative, got \(std)")
    requireFloat(dtype, "normal")
    return drawn(.normal(mean: mean, std: std), shape, dtype, generator, device)
  }

  /// Normal numbers with a mean and a standard deviation of their own each, as `torch.normal(mean, std)`; the
  /// two broadcast. No gradient is recorded.
  public static func normal(mean: Tensor, std: Tensor, generator: Generator = .default) -> Tensor {
    let shape = broadcastShape(mean.shape, std.shape, "normal")
    let dtype = resultType(mean, std).promotedToFloat
    let (mean, std) = (mean.detach().to(dtype), std.detach().to(dtype))
    require(
      std.count == 0 || !std.storage.isHost || std.amin().item() >= 0, "normal",
      "std must not be negative anywhere")
    return randn(shape, generator: generator, dtype: dtype, device: mean.device) * std + mean
  }

  /// Normal numbers cut off outside low...high, as `torch.nn.init.trunc_normal_`: the inverse of the
  /// distribution function applied to uniform numbers.
  public static func truncatedNormal(
    _ shape: [Int], mean: Double = 0, std: Double = 1, low: Double = -2, high: Double = 2,
    generator: Generator = .default, dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    require(std > 0 && low <= high, "truncatedNormal", "std \(std), low \(low), high \(high)")
    func distribution(_ x: Double) -> Double { (1 + Foundation.erf(x / 2.0.squareRoot())) / 2 }
    let bounds = (distribution((low - mean) / std), distribution((high - mean) / std))
    let unit = uniform(
      shape, low: 2 * bounds.0 - 1, high: 2 * bounds.1 - 1, generator: generator, dtype: dtype)
    return (unit.erfinv() * (std * 2.0.squareRoot()) + mean).clamp(min: low, max: high).to(device)
  }

  /// Numbers of the exponential distribution, as `torch.Tensor.exponential_`.
  public static func exponential(
    _ shape: [Int], rate: Double = 1, generator: Generator = .default, dtype: DType = .float32,
    device: Device = .cpu
  ) -> Tensor {
    require(rate > 0, "exponential", "rate must be positive, got \(rate)")
    requireFloat(dtype, "exponential")
    let unit = rand(shape, generator: generator, dtype: .float64)
    return ((-unit).log1p() * (-1 / rate)).to(dtype).to(device)
  }

  // MARK: Integers

  /// Integers of `low..<high`, as `torch.randint`.
  public static func randint(
    _ low: Int, _ high: Int, _ shape: [Int], generator: Generator = .default, dtype: DType = .int64,
    device: Device = .cpu
  ) -> Tensor {
    require(low < high, "randint", "the range \(low)..<\(high) is empty")
    let range = UInt64(bitPattern: Int64(high &- low))
    return drawn(.integers(low: low, range: range), shape, .int64, generator, device).to(dtype)
  }
  /// Integers of `0..<high`.
  public static func randint(
    _ high: Int, _ shape: [Int], generator: Generator = .default, dtype: DType = .int64, device: Device = .cpu
  ) -> Tensor {
    randint(0, high, shape, generator: generator, dtype: dtype, device: device)
  }

  /// Integers of `0..<2^63`, as `torch.Tensor.random_` on int64.
  public static func random(
    _ shape: [Int], generator: Generator = .default, device: Device = .cpu
  ) -> Tensor {
    drawn(.bits, shape, .int64, generator, device)
  }

  /// The numbers `0..<count` in random order, as `torch.randperm`.
  public static func randperm(_ count: Int, generator: Generator = .default, device: Device = .cpu) -> Tensor
  {
    require(count >= 0, "randperm", "count must not be negative, got \(count)")
    return drawn(.permutation, [count], .int64, generator, device)
  }

  // MARK: Bernoulli

  /// Ones with probability p, zeros otherwise, as `torch.Tensor.bernoulli_(p)`: two words of the generator
  /// each.
  public static func bernoulli(
    _ shape: [Int], p: Double, generator: Generator = .default, dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    requireProbability(p, "bernoulli")
    let type: DType = dtype == .float64 ? .float64 : .float32
    return drawn(.bernoulli(p: p, scale: 1), shape, type, generator, device).to(dtype)
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
    // The probabilities decide on the host, whose generator it is.
    let values = CPUBackend.shared.bernoulli(odds.to(dtype.ofArithmetic).to(.cpu), generator)
    return values.to(dtype).to(device)
  }

  /// Numbers drawn in the memory of the host.
  private static func drawn(
    _ draw: RandomDraw, _ shape: [Int], _ dtype: DType, _ generator: Generator, _ device: Device
  ) -> Tensor {
    let values = CPUBackend.shared.random(draw, shape, dtype: dtype, generator: generator)
    return device == .cpu ? values : values.to(device)
  }
}
