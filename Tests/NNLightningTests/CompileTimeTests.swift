import TestSupport
import Testing

/// What must not compile, and what the compiler then says.
@Suite struct CompileTimeTests {
  private func check(_ program: String) throws -> Command { try typecheck(["main.swift": program]) }

  private static let imports = """
    import NNCore
    import NNData
    import NNLayers
    import NNLightning

    """

  private static let model = """
    final class Net: Module, Classifier, TrainStep {
      let fc = Linear(2, 2)
      func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.1) }
    }
    let data = TensorDataset(Tensor.zeros(4, 2), Tensor([0, 1, 0, 1]))
    let loader = DataLoader(data, batchSize: 2)
    let trainer = Trainer()

    """

  @Test func whatFitsCompiles() throws {
    let answer = try check(Self.imports + Self.model + "try trainer.fit(Net(), train: loader)")
    #expect(answer.status == 0 && answer.output.isEmpty, "\(answer.output)")
  }

  @Test(arguments: [
    ("try trainer.test(Net(), loader)", "test needs a model with a test step: let it conform to TestStep"),
    ("try trainer.validate(Net(), loader)", "let it conform to ValidationStep"),
    ("_ = try trainer.predict(Net(), loader)", "let it conform to PredictStep"),
    (
      "try trainer.fit(Net(), train: loader, validation: loader)",
      "needs a model that conforms to TrainStep and ValidationStep"
    ),
    (
      "try trainer.fit(Net(), train: DataLoader(SyntheticNumbers(), batchSize: 2))",
      "a loader of its TrainBatch"
    ),
    (
      "final class Other: Module { let fc = Linear(2, 2) }\ntry trainer.fit(Other(), train: loader)",
      "let it conform to TrainStep"
    ),
    (
      "final class Other: Module, TrainStep { func configureOptimizers() -> any Optimizer { SGD(parameters()) } }",
      "type 'Other' does not conform to protocol 'TrainStep'"
    ),
  ])
  func whatDoesNotFitIsExplained(program: String, message: String) throws {
    let numbers = """
      struct SyntheticNumbers: Dataset {
        var count: Int { 4 }
        subscript(index: Int) -> Double { Double(index) }
      }

      """
    let answer = try check(Self.imports + Self.model + numbers + program)
    #expect(answer.status != 0)
    #expect(answer.output.contains(message), "\(answer.output)")
  }
}
