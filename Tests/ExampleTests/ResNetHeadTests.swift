import ExampleSupport
import Foundation
import NNCore
import NNData
import NNLayers
import NNLightning
import NNModels
import TestSupport
import Testing

/// A new head on a frozen ResNet18 against PyTorch, with weights made by a formula.
@Suite struct ResNetHeadTests {
  private struct Golden: Decodable {
    var features_l2: [Double]
    var features_first: [Double]
    var losses: [Double]
    var weight_first: [Double]
    var weight_l2: Double
    var bias: [Double]
  }

  /// Writes down the loss of each step.
  private final class Losses: Callback {
    var values: [Double] = []
    override func onTrainBatchEnd(
      _ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int
    ) { values.append(output["loss"]?.item() ?? .nan) }
  }

  private func isClose(_ a: Double, _ b: Double, _ tolerance: Double = 1e-4) -> Bool {
    abs(a - b) <= tolerance * Swift.max(1, abs(b))
  }

  /// Features and the head's way through nine steps are PyTorch's, whether features are computed in every epoch or once.
  @Test(arguments: [FeatureCaching.off, .memory])
  func followsPyTorch(caching: FeatureCaching) throws {
    let url = try #require(
      Bundle.module.url(forResource: "resnet18_head", withExtension: "json", subdirectory: "Fixtures"))
    let golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))

    let network = skipInit { resnet18() }
    try network.loadStateDict(FormulaNumbers.weights(of: network))
    let features = try network.features(at: "flatten")
    let net = FineTuneNet(
      features: features, outputs: 512, classes: 10, normalizes: false, learningRate: 2e-6)
    let head = try #require(net.module(named: "head.0"))
    try head.loadStateDict(FormulaNumbers.weights(of: head))

    let images = FormulaNumbers.uniform("finetune/images", [24, 3, 64, 64], -2, 2)
    let vectors = noGrad { features(images) }
    for row in 0..<24 {
      let length = vectors[row].array(of: Double.self).reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(isClose(length, golden.features_l2[row]))
    }
    for (got, want) in zip(vectors[0].array(of: Double.self), golden.features_first) {
      #expect(isClose(got, want))
    }

    let data = TensorDataset(images, Tensor((0..<24).map { $0 % 10 }))
    let losses = Losses()
    let trainer = Trainer(
      maxEpochs: 3, callbacks: [losses], enableProgressBar: false, cacheFrozenFeatures: caching)
    try trainer.fit(net, train: DataLoader(data, batchSize: 8))
    #expect(losses.values.count == 9)
    for (got, want) in zip(losses.values, golden.losses) { #expect(isClose(got, want)) }
    let state = head.stateDict()
    let weight = try #require(state["weight"])
    for (got, want) in zip(weight[0].array(of: Double.self), golden.weight_first) {
      #expect(isClose(got, want))
    }
    let length = weight.array(of: Double.self).reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(isClose(length, golden.weight_l2))
    for (got, want) in zip(try #require(state["bias"]).array(of: Double.self), golden.bias) {
      #expect(isClose(got, want))
    }
    #expect(trainer.notes.count == (caching == .off ? 0 : 1), "\(trainer.notes)")
  }
}
