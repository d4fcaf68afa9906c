/// Starting values of parameters, as `torch.nn.init`: each function returns a new tensor of the given shape,
/// drawn as PyTorch draws it.
///
/// Weights have the shape [out, in, …]; what follows the first two dimensions is the kernel.
///
/// Source: https://docs.pytorch.org/docs/stable/nn.init.html
public enum Init {
  /// Which count of connections a Kaiming initialisation keeps the variance of.
  public enum FanMode: Sendable { case fanIn, fanOut }

  /// Functions that `calculateGain` knows the gain of. Linear layers and convolutions count as `linear`.
  public enum Nonlinearity: Sendable { case linear, sigmoid, tanh, relu, leakyReLU, selu }

  /// The recommended gain for a nonlinearity; `parameter` is the negative slope of a leaky ReLU (0.01 if
  /// nil).
  public static func calculateGain(_ nonlinearity: Nonlinearity, _ parameter: Double? = nil) -> Double {
    switch nonlinearity {
    case .linear, .sigmoid: return 1
    case .tanh: return 5.0 / 3
    case .relu: return 2.0.squareRoot()
    case .leakyReLU:
      let slope = parameter ?? 0.01
      return (2.0 / (1 + slope * slope)).squareRoot()
    case .selu: return 3.0 / 4
    }
  }

  /// Numbers of inputs and outputs that a weight [out, in, …] connects, times the size of the kernel.
  public static func calculateFanInAndFanOut(_ shape: [Int]) -> (fanIn: Int, fanOut: Int) {
    require(shape.count >= 2, "Init", "fans need a shape [out, in, …], got \(shape)")
    let kernel = shape[2...].reduce(1, *)
    return (shape[1] * kernel, shape[0] * kernel)
  }

  // MARK: Constant values

  public static func constant(_ shape: [Int], _ value: Double, dtype: DType = .float32) -> Tensor {
    Tensor.full(shape, value, dtype: dtype)
  }
  public static func zeros(_ shape: [Int], dtype: DType = .float32) -> Tensor {
    Tensor.zeros(shape, dtype: dtype)
  }
  public static func ones(_ shape: [Int], dtype: DType = .float32) -> Tensor {
    Tensor.ones(shape, dtype: dtype)
  }

  // MARK: Plain distributions

  /// Uniform numbers of [low, high).
  public static func uniform(
    _ shape: [Int], low: Double = 0, high: Double = 1, generator: Generator = .default,
    dtype: DType = .float32
  ) -> Tensor {
    if isSkipped { return placeholder(shape, dtype) }
    return Tensor.uniform(shape, low: low, high: high, generator: generator, dtype: dtype)
  }

  /// Normal numbers.
  public static func normal(
    _ shape: [Int], mean: Double = 0, std: Double = 1, generator: Generator = .default,
    dtype: DType = .float32
  ) -> Tensor {
    if isSkipped { return placeholder(shape, dtype) }
    return Tensor.normal(shape, mean: mean, std: std, generator: generator, dtype: dtype)
  }

  /// Normal numbers cut off outside low...high.
  public static func truncNormal(
    _ shape: [Int], mean: Double = 0, std: Double = 1, low: Double = -2, high: Double = 2,
    generator: Generator = .default, dtype: DType = .float32
  ) -> Tensor {
    if isSkipped { return placeholder(shape, dtype) }
    return Tensor.truncatedNormal(
      shape, mean: mean, std: std, low: low, high: high, generator: generator, dtype: dtype)
  }

  // MARK: Scaled by the fans

  /// Uniform in ±gain · √(6 / (fanIn + fanOut)). Glorot and Bengio, "Understanding the difficulty of training
  /// deep feedforward neural networks", 2010.
  public static func xavierUniform(
    _ shape: [Int], gain: Double = 1, generator: Generator = .default, dtype: DType = .float32
  ) -> Tensor {
    let bound = 3.0.squareRoot() * xavierStd(shape, gain)
    return uniform(shape, low: -bound, high: bound, generator: generator, dtype: dtype)
  }

  /// Normal with standard deviation gain · √(2 / (fanIn + fanOut)). Glorot and Bengio, 2010.
  public static func xavierNormal(
    _ shape: [Int], gain: Double = 1, generator: Generator = .default, dtype: DType = .float32
  ) -> Tensor {
    normal(shape, std: xavierStd(shape, gain), generator: generator, dtype: dtype)
  }

  /// Uniform in ±gain · √(3 / fan). He et al., "Delving deep into rectifiers", 2015.
  ///
  /// - Parameter a: negative slope of the leaky ReLU behind the layer; no effect for other nonlinearities.
  public static func kaimingUniform(
    _ shape: [Int], a: Double = 0, mode: FanMode = .fanIn, nonlinearity: Nonlinearity = .leakyReLU,
    generator: Generator = .default, dtype: DType = .float32
  ) -> Tensor {
    let bound = 3.0.squareRoot() * kaimingStd(shape, a, mode, nonlinearity)
    return uniform(shape, low: -bound, high: bound, generator: generator, dtype: dtype)
  }

  /// Normal with standard deviation gain / √fan. He et al., 2015; parameters as in `kaimingUniform`.
  public static func kaimingNormal(
    _ shape: [Int], a: Double = 0, mode: FanMode = .fanIn, nonlinearity: Nonlinearity = .leakyReLU,
    generator: Generator = .default, dtype: DType = .float32
  ) -> Tensor {
    let std = kaimingStd(shape, a, mode, nonlinearity)
    return normal(shape, std: std, generator: generator, dtype: dtype)
  }

  private static func xavierStd(_ shape: [Int], _ gain: Double) -> Double {
    let (fanIn, fanOut) = calculateFanInAndFanOut(shape)
    return fanIn + fanOut == 0 ? 0 : gain * (2 / Double(fanIn + fanOut)).squareRoot()
  }

  private static func kaimingStd(
    _ shape: [Int], _ a: Double, _ mode: FanMode, _ nonlinearity: Nonlinearity
  ) -> Double {
    let fans = calculateFanInAndFanOut(shape)
    let fan = mode == .fanIn ? fans.fanIn : fans.fanOut
    return fan == 0 ? 0 : calculateGain(nonlinearity, a) / Double(fan).squareRoot()
  }

  // MARK: What layers start from

  /// The weight that PyTorch's Linear, Conv and ConvTranspose layers start from: `kaimingUniform` with a =
  /// √5.
  public static func defaultWeight(
    _ shape: [Int], generator: Generator = .default, dtype: DType = .float32
  ) -> Tensor {
    kaimingUniform(shape, a: 5.0.squareRoot(), generator: generator, dtype: dtype)
  }

  /// The bias beside a weight of shape [out, in, …]: uniform in ±1 / √fanIn. It is drawn after the weight.
  public static func defaultBias(
    _ count: Int, weightShape: [Int], generator: Generator = .default, dtype: DType = .float32
  ) -> Tensor {
    let fanIn = calculateFanInAndFanOut(weightShape).fanIn
    let bound = fanIn > 0 ? 1 / Double(fanIn).squareRoot() : 0
    return uniform([count], low: -bound, high: bound, generator: generator, dtype: dtype)
  }
}
