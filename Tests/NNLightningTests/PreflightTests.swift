import Foundation
import NNCore
import NNData
import NNFiles
import NNLayers
import TestSupport
import Testing

import NNLightning

@Suite struct PreflightTests {
  private final class Net: Module, Classifier, TrainStep, ValidationStep {
    let a = Linear(2, 4)
    let norm = BatchNorm1d(4)
    let b = Linear(4, 2)
    let softens: Bool
    let trained: [String]
    init(softens: Bool = false, trained: [String] = ["a", "norm", "b"]) {
      self.softens = softens
      self.trained = trained
    }
    func callAsFunction(_ x: Tensor) -> Tensor {
      let y = b(norm(a(x)))
      return softens ? y.softmax(1) : y
    }
    func configureOptimizers() -> any Optimizer {
      SGD(
        namedParameters().filter { trained.contains(String($0.name.prefix { $0 != "." })) }.map(\.parameter))
    }
  }

  private func preflight(_ net: Net, validation: DataLoader<Sample>? = nil) throws -> Preflight {
    let preflight = Preflight(steps: 2) { _ in }
    let trainer = Trainer(maxEpochs: 1, callbacks: [preflight], enableProgressBar: false)
    try trainer.fit(
      net, train: pointLoader(16, batchSize: 4, seed: 1),
      validation: validation ?? pointLoader(8, batchSize: 4, seed: 2, shuffle: false))
    return preflight
  }

  @Test func factsAreSaidInPlainWords() throws {
    let lines = try preflight(Net()).lines
    #expect(lines.first == "Parameters: 30, of which 30 are trained")
    #expect(lines.contains { $0.hasPrefix("Batches: 4 per epoch, 2 of validation") })
    #expect(lines.contains { $0.hasPrefix("Speed: ") } && lines.contains { $0.hasPrefix("Duration: about ") })
    #expect(!lines.contains { $0.hasPrefix("Warning") })
  }

  @Test func softmaxBeforeCrossEntropyIsFound() throws {
    let findings = try preflight(Net(softens: true)).findings
    #expect(findings.count == 1 && findings[0].contains("cross-entropy expects"))
  }

  @Test func parametersWithoutOptimizerAreFound() throws {
    let findings = try preflight(Net(trained: ["b"])).findings
    #expect(findings.count == 1 && findings[0].contains("a.weight, a.bias, norm.weight and 1 more"))
  }

  @Test func halfFrozenNetworksAreFound() throws {
    let net = Net()
    net.norm.requiresGrad(false)
    let findings = try preflight(net).findings
    #expect(findings.count == 2, "\(findings)")
    #expect(findings[0].contains("frozen parameters norm.weight, norm.bias"))
    #expect(findings[1].contains("statistics of the batch norms norm will move"))
    let frozen = Net(trained: ["a", "b"])
    frozen.norm.freeze()
    #expect(try preflight(frozen).findings.isEmpty)
  }

  @Test func aShuffledValidationIsFound() throws {
    let findings = try preflight(Net(), validation: pointLoader(8, batchSize: 4, seed: 2)).findings
    #expect(findings.count == 1 && findings[0].contains("validation loader shuffles"))
  }

  @Test func labelsOutsideTheHeadAreRefused() {
    let data = TensorDataset(Tensor.zeros(4, 2), Tensor([0, 1, 2, 1]))
    let trainer = Trainer(callbacks: [Preflight { _ in }], enableProgressBar: false)
    #expect(throws: TrainerError.labelOutsideHead(label: 2, classes: 2)) {
      try trainer.fit(Net(), train: DataLoader(data, batchSize: 4))
    }
  }

  @Test func itLeavesNoTrace() throws {
    func run(_ callbacks: [Callback]) throws -> StateDict {
      try withDefaultGenerator(Generator(seed: 2)) {
        let net = Net()
        try Trainer(maxEpochs: 1, callbacks: callbacks, enableProgressBar: false)
          .fit(net, train: pointLoader(16, batchSize: 4, seed: 1))
        return net.stateDict()
      }
    }
    let (with, without) = (try run([Preflight { _ in }]), try run([]))
    for (key, value) in without { #expect(try value.isEqual(to: #require(with[key])), "\(key)") }
  }
}
