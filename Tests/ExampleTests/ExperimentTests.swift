import ExampleSupport
import Foundation
import NNCore
import NNData
import NNLayers
import NNLightning
import TestSupport
import Testing

/// The experiments of the examples on real CIFAR-10 against PyTorch's figures.
@Suite(.serialized) struct ExperimentTests {
  static let data = sharedFolder.map { $0.appendingPathComponent("data").path }
  static let why: Comment = "needs CIFAR-10 beside the checkout: set NN_SHARED_DIR"

  private struct Golden: Decodable {
    var split_first5: [Int]
    var first_losses: [Double]
  }

  private func golden() throws -> Golden {
    let url = try #require(
      Bundle.module.url(forResource: "cifar10_scratch", withExtension: "json", subdirectory: "Fixtures"))
    return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
  }

  @Test(.enabled(if: data != nil, why))
  func scratchCNNFollowsPyTorchsFirstLosses() throws {
    let golden = try golden()
    let options = try ExperimentOptions.parse(["--root", #require(Self.data), "--dataset", "cifar10"])
    let data = try ImageSource(options).small(options)
    let train = try #require(data.train as? Subset<CIFAR10>)
    #expect(Array(train.indices.prefix(5)) == golden.split_first5)

    try withDefaultGenerator(Generator(seed: 0)) {
      let net = ScratchNet()
      let optimizer = net.configureOptimizers()
      net.train()
      let batches = try #require(data.trainLoader()).makeBatchIterator()
      try follow(golden.first_losses.prefix(30), net, optimizer, batches)
    }
  }

  private func follow(
    _ losses: some Sequence<Double>, _ net: ScratchNet, _ optimizer: any Optimizer,
    _ iterator: any BatchIterator<Sample>
  ) throws {
    var batches = iterator
    for (step, expected) in losses.enumerated() {
      let batch = try #require(try batches.next())
      optimizer.zeroGrad()
      let loss = try #require(try net.trainingStep(batch, context: StepContext(batchIndex: step))["loss"])
      loss.backward()
      optimizer.step()
      let error = abs(loss.item() - expected) / expected
      // Rounding grows from step to step: PyTorch's own run in float64 leaves these figures by more than 1e-3 at step
      // 16, and one in float32 on another processor and one thread at step 13, see Documentation/Results.md.
      #expect(error <= (step < 10 ? 1e-3 : 1e-2), "step \(step): \(loss.item()), expected \(expected)")
    }
  }

  @Test(.enabled(if: sharedFolder != nil, why))
  func squeezeNetSeesASamoyed() throws {
    let shared = try #require(sharedFolder).path
    for weights in ["pth", "safetensors"] {
      let run = try Command([
        product("PredictExample"), "--arch", "squeezenet1_0", "--weights",
        "\(shared)/weights/squeezenet1_0-deepcompressed.\(weights)", "\(shared)/images/dog.jpg",
      ])
      #expect(run.status == 0, "\(run.output)")
      #expect(run.output.contains("0.991  Samoyed"), "\(run.output)")
    }
  }

  /// Each head learns on what it stands on: six steps are far above chance, 0.1.
  @Test(.enabled(if: sharedFolder != nil, why), arguments: FineTuneHead.allCases.map(\.rawValue))
  func everyHeadLearns(_ head: String) throws {
    let shared = try #require(sharedFolder).path
    try withTemporaryFolder { folder in
      let metrics = folder.path + "/metrics.json"
      let run = try Command([
        product("FineTuneExample"), "--root", shared + "/data", "--arch", "tf_efficientnet_lite0",
        "--weights",
        "\(shared)/weights/tf_efficientnet_lite0.safetensors", "--head", head, "--limit-train", "192",
        "--limit-val", "64", "--limit-test", "64", "--batch-size", "32", "--epochs", "1", "--no-compare",
        "--metrics", metrics,
      ])
      #expect(run.status == 0, "\(run.output)")
      // A linear layer of 10 outputs, on 1000 outputs or 1280 features with two numbers each for normalising.
      let trainable = ["outputs": "10,010", "normalized-outputs": "12,010", "features": "15,370"][head]
      #expect(run.output.contains("trainable: \(try #require(trainable)),"), "\(run.output)")
      let values = try JSONDecoder().decode(
        [String: Double].self, from: Data(contentsOf: URL(fileURLWithPath: metrics)))
      #expect(try #require(values["test_acc"]) > 0.2)
    }
  }

  @Test(.enabled(if: sharedFolder != nil, why))
  func fineTuningRunsOnRealImages() throws {
    let shared = try #require(sharedFolder).path
    try withTemporaryFolder { folder in
      let metrics = folder.path + "/metrics.json"
      let run = try Command([
        product("FineTuneExample"), "--root", shared + "/data", "--arch", "squeezenet1_0", "--weights",
        "\(shared)/weights/squeezenet1_0-deepcompressed.pth", "--limit-train", "192", "--limit-val", "64",
        "--limit-test", "64", "--batch-size", "64", "--epochs", "2", "--no-compare", "--output",
        folder.path + "/run",
        "--metrics", metrics,
      ])
      #expect(run.status == 0, "\(run.output)")
      let values = try JSONDecoder().decode(
        [String: Double].self, from: Data(contentsOf: URL(fileURLWithPath: metrics)))
      #expect(Set(values.keys) == ["loss", "val_loss", "val_acc", "test_loss", "test_acc"])
      // Chance is 0.1; a head on good features is far above it after six steps.
      #expect(try #require(values["test_acc"]) > 0.2)
      #expect(FileManager.default.fileExists(atPath: folder.path + "/run/best.safetensors"))
    }
  }
}
