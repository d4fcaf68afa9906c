import Foundation
import NNCore
import NNLayers
import TestSupport
import Testing

/// Courses of `Fixtures/lbfgs.json`, and what an optimizer of all data at once is for.
@Suite struct LBFGSTests {
  private static let cases: [JSONValue] = {
    (try? JSONValue(contentsOf: fixtureFolder.appendingPathComponent("lbfgs.json")))?.elements ?? []
  }()

  @Test func fixturesAreThere() { #expect(Self.cases.count == 8) }

  @Test(arguments: 0..<8)
  func followsPyTorch(place: Int) throws {
    let entry = try #require(Self.cases.indices.contains(place) ? Self.cases[place] : nil)
    let shapes = try #require(entry["shapes"]?.elements).map { $0.ints ?? [] }
    let parameters = shapes.map { shape in
      let start = (Tensor.arange(shape.reduce(1, *)).to(.float64) * 3).cos() * 1.2
      return Parameter(start.reshape(shape))
    }
    let settings = entry["settings"]?.entries ?? [:]
    let optimizer = LBFGS(
      parameters, learningRate: settings["lr"]?.double ?? 1, maxIterations: settings["max_iter"]?.int ?? 20,
      maxEvaluations: settings["max_eval"]?.int,
      gradientTolerance: settings["tolerance_grad"]?.double ?? 1e-7,
      changeTolerance: settings["tolerance_change"]?.double ?? 1e-9,
      historySize: settings["history_size"]?.int ?? 100,
      usesStrongWolfe: settings["line_search_fn"]?.string == "strong_wolfe")
    let loss = try Self.loss(#require(entry["function"]?.string), parameters)
    for (number, wanted) in try #require(entry["course"]?.elements).enumerated() {
      let before = optimizer.step(loss)
      let values = cat(parameters.map { $0.value.detach().reshape(-1) })
      let expected = try Tensor(#require(wanted["values"]?.doubles))
      #expect(abs(before - (wanted["loss"]?.double ?? .nan)) <= 1e-8 * max(1, before), "step \(number)")
      #expect(
        values.isClose(to: expected, relativeTolerance: 1e-6, absoluteTolerance: 1e-6),
        "step \(number): \(values), expected \(expected)")
      // Behind the minimum the last digits decide about one evaluation more or less.
      if number == 0 {
        #expect(optimizer.evaluations == wanted["evaluations"]?.int)
        #expect(optimizer.iterations == wanted["iterations"]?.int)
      }
    }
  }

  /// The functions of `Tests/Golden/lbfgs.py`.
  private static func loss(_ name: String, _ p: [Parameter]) throws -> () -> Tensor {
    switch name {
    case "valley":
      return {
        let x = p[0].value
        let (first, next) = (x.narrow(0, start: 0, length: 4), x.narrow(0, start: 1, length: 4))
        return (100 * (next - first.square()).square() + (1 - first).square()).sum()
      }
    case "logistic":
      let turn = Tensor.arange(12).to(.float64)
      let points = stack([turn.sin(), turn / 6, (2 * turn).cos()], axis: 1)
      let target = Tensor((0..<12).map { $0 * 7 % 3 })
      return {
        crossEntropy(points.linear(p[0].value, bias: p[1].value), target) + 0.01 * p[0].value.square().sum()
      }
    case "quartic":
      return {
        (p[0].value - 0.5).square().square().sum() + 0.1 * (p[0].value.sum() - 1).square()
      }
    default: throw FixtureError("no function \(name)")
    }
  }

  @Test func aForgottenStateBeginsAnew() {
    let parameter = Parameter(Tensor([3.0, -2]))
    let optimizer = LBFGS([parameter], maxIterations: 3, usesStrongWolfe: true)
    func run() -> Tensor {
      parameter.value = Tensor([3.0, -2])
      optimizer.step { (parameter.value - Tensor([1.0, 2])).square().square().sum() }
      return parameter.value.detach()
    }
    let first = run()
    let second = run()
    optimizer.resetState()
    let third = run()
    #expect(first.isEqual(to: third) && !first.isEqual(to: second) && parameter.value.isLeaf)
  }

  @Test(arguments: [
    "LBFGS: got no parameters", "LBFGS: learningRate must be positive, got 0.0",
    "LBFGS: the loss must be one number, its shape is [2]",
  ])
  func mistakesStop(message: String) {
    let error = #expect(throws: FixtureError.self) {
      try catchingMistakes {
        let parameter = Parameter(Tensor.ones(2))
        if message.contains("no parameters") { _ = LBFGS([]) }
        if message.contains("learningRate") { _ = LBFGS([parameter], learningRate: 0) }
        if message.contains("shape") { LBFGS([parameter]).step { parameter.value * 2 } }
      }
    }
    #expect(error.map { "\($0)".contains(message) } == true, "\(error.map { "\($0)" } ?? "nothing")")
  }
}
