import Foundation

extension Generator {
  /// One number of Beta(a, b), as `torch.distributions.Beta(a, b).sample()` draws it.
  public func beta(_ a: Float, _ b: Float) -> Float {
    require(a > 0 && b > 0, "beta", "parameters must be positive, got \(a) and \(b)")
    let (x, y) = (gamma(Double(a)), gamma(Double(b)))
    // PyTorch keeps the share away from 0 and 1.
    return min(max(Float(x / (x + y)), .leastNormalMagnitude), 1 - .ulpOfOne / 2)
  }

  /// Shares that add up to 1, one number of the Dirichlet distribution, as `torch.distributions.Dirichlet` draws it.
  package func dirichlet(_ concentrations: [Float]) -> [Float] {
    require(
      concentrations.allSatisfy { $0 > 0 }, "dirichlet", "parameters must be positive, got \(concentrations)")
    let parts = concentrations.map { gamma(Double($0)) }
    let sum = parts.reduce(0, +)
    return parts.map { min(max(Float($0 / sum), .leastNormalMagnitude), 1 - .ulpOfOne / 2) }
  }

  /// One number of the gamma distribution with scale 1: Marsaglia and Tsang, A Simple Method for Generating Gamma
  /// Variables, 2000, with PyTorch's draws and its constants in float32.
  private func gamma(_ shape: Double) -> Double {
    var (shape, scale) = (shape, 1.0)
    if shape < 1 {
      scale = pow(1 - uniform53(), 1 / shape)
      shape += 1
    }
    let d = shape - Double(Float(1) / 3)
    let c = 1 / (9 * d).squareRoot()
    while true {
      var (x, y) = (0.0, 0.0)
      repeat {
        x = normal()
        y = 1 + c * x
      } while y <= 0
      let v = y * y * y
      let u = 1 - uniform53()
      let square = x * x
      if u < 1 - Double(Float(0.0331)) * square * square || log(u) < 0.5 * square + d * (1 - v + log(v)) {
        return max(scale * d * v, .leastNormalMagnitude)
      }
    }
  }

  /// One number of [0, 1) with 53 bits.
  private func uniform53() -> Double { Double(next() & (1 << 53 - 1)) * 0x1p-53 }
}
