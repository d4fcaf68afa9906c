import Foundation
import TestSupport
import Testing

/// What must not compile, and what the compiler then says; and that the examples of the documentation do.
@Suite struct CompileTimeTests {
  /// The compiler's answer to a program that imports the library as it was built beside the tests.
  private func check(_ program: String) throws -> Command {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("main.swift")
      try program.write(to: file, atomically: true, encoding: .utf8)
      let build = URL(fileURLWithPath: product(""))
      let system = packageRoot.appendingPathComponent("Sources/System")
      var maps = try FileManager.default.contentsOfDirectory(atPath: system.path).map {
        system.appendingPathComponent("\($0)/module.modulemap").path
      }
      maps.append(build.appendingPathComponent("CNNKernels.build/module.modulemap").path)
      let flags = maps.flatMap { ["-Xcc", "-fmodule-map-file=\($0)"] }
      return try Command(
        ["swiftc", "-typecheck", "-swift-version", "6", "-I", build.appendingPathComponent("Modules").path]
          + flags
          + [file.path])
    }
  }

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

  /// Every block of Swift in the page compiles behind the model that the page begins with.
  @Test func theExamplesOfThePageCompile() throws {
    let blocks = try Self.blocks(of: "Lightning.md")
    try #require(blocks.count > 10)
    try expectToCompile(Self.imports + blocks[0] + "\n" + blocks.dropFirst().map(Self.scoped).joined())
  }

  @Test func theExamplesOfTheGuideToFineTuningCompile() throws {
    let blocks = try Self.blocks(of: "FineTuning.md")
    try #require(blocks.count > 1)
    try expectToCompile(Self.imports + "import NNModels\n" + blocks.map(Self.scoped).joined())
  }

  private static func blocks(of page: String) throws -> [String] {
    try String(
      contentsOf: packageRoot.appendingPathComponent("Sources/NNLightning/NNLightning.docc/\(page)"),
      encoding: .utf8
    )
    .components(separatedBy: "```swift\n").dropFirst().map { $0.components(separatedBy: "\n```")[0] }
  }

  private static func scoped(_ block: String) -> String { "do {\n\(block)\n}\n" }

  private func expectToCompile(_ program: String) throws {
    let answer = try check(program)
    #expect(answer.status == 0, "\(answer.output)")
    #expect(!answer.output.contains("warning:"), "\(answer.output)")
  }
}
