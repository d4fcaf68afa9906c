import NNCore
import NNLayers

/// One golden trajectory of the group `optim` being followed.
package final class OptimizerTrajectory {
  package let steps: Int
  package let parameters: [Parameter]
  package let optimizer: any Optimizer
  private let fixture: FixtureCase
  private let dtype: DType
  private let device: Device
  private let missing: [[Int]]

  package init(_ fixture: FixtureCase, _ dtype: DType, on device: Device = .cpu) throws {
    self.fixture = fixture
    self.dtype = dtype
    self.device = device
    let none = fixture.entry["none_grads"]?.elements ?? []
    missing = none.compactMap(\.ints)
    let count = (0...).first { !fixture.hasStored("param\($0)") } ?? 0
    let courses = try (0..<count).map { try fixture.stored("param\($0)") }
    let steps = fixture.entry["steps"]?.int ?? 0
    guard steps > 0, count > 0, missing.count == none.count,
      courses.allSatisfy({ $0.rank > 0 && $0.shape[0] == steps + 1 })
    else { throw FixtureError("the case has no course of parameters") }
    self.steps = steps
    parameters = courses.map { Parameter($0.select(0, index: 0).to(dtype).to(device)) }
    optimizer = try makeOptimizer(fixture, parameters)
  }

  package func optimizerStep(_ step: Int) throws {
    for (place, parameter) in parameters.enumerated() {
      let gradient = try fixture.stored("grads\(place)").select(0, index: step).to(dtype).to(device)
      parameter.grad = missing.contains([step, place]) ? nil : gradient
    }
    optimizer.step()
  }

  package func differences(after step: Int) throws -> [String] {
    try parameters.enumerated().flatMap { place, parameter in
      tensorDifferences(
        parameter.value.detach(), try fixture.stored("param\(place)").select(0, index: step).to(dtype),
        name: "parameter \(place) after step \(step)", relativeTolerance: dtype == .float64 ? 2e-7 : 1e-5,
        absoluteTolerance: dtype == .float64 ? 1e-9 : fixture.absoluteTolerance)
    }
  }

  /// Follows a whole trajectory.
  ///
  /// - Returns: what differs, one line each.
  package static func differences(
    _ fixture: FixtureCase, _ dtype: DType, on device: Device = .cpu
  ) throws -> [String] {
    let run = try OptimizerTrajectory(fixture, dtype, on: device)
    return try (0..<run.steps).flatMap { step in
      try run.optimizerStep(step)
      return try run.differences(after: step + 1)
    }
  }

  /// Clips gradients as a case of `clip_grad_norm_` or `clip_grad_value_` says.
  ///
  /// - Returns: what differs, one line each.
  package static func clippingDifferences(
    _ fixture: FixtureCase, on device: Device = .cpu
  ) throws -> [String] {
    let count = (0...).first { !fixture.hasStored("in.grad\($0)") } ?? 0
    let parameters = try (0..<count).map { place in
      let gradient = try fixture.stored("in.grad\(place)").to(device)
      let parameter = Parameter(Tensor.zeros(gradient.shape).to(device))
      parameter.grad = gradient
      return parameter
    }
    let without = Parameter(Tensor.zeros(2).to(device))
    var found: [String] = []
    let norm = try fixture.withArguments { a -> Double? in
      a.ignore("foreach")
      switch fixture.operation {
      case "clip_grad_norm_":
        // The golden norms are finite.
        a.ignore("error_if_nonfinite")
        return try clipGradNorm(
          parameters + [without], maxNorm: a.double("max_norm"), normType: a.double("norm_type", 2))
      case "clip_grad_value_":
        try clipGradValue(parameters + [without], clipValue: a.double("clip_value"))
        return nil
      default: throw FixtureError("operation not supported: \(fixture.operation)")
      }
    }
    if let norm {
      let want = try fixture.stored("total_norm").item()
      if !(abs(norm - want) <= 1e-6 * want) { found.append("norm \(norm), expected \(want)") }
    }
    for (place, parameter) in parameters.enumerated() {
      found += try fixture.differences("out.grad\(place)", parameter.grad ?? Tensor(0.0), .float32)
    }
    return without.grad == nil ? found : found + ["a parameter without gradient has one"]
  }
}
