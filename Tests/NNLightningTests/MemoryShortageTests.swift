import Foundation
import NNCUDA
import NNCore
import NNData
import NNLayers
import NNLightning
import TestSupport
import Testing

/// Fits on an emulated card that has too little memory.
@Suite struct MemoryShortageTests {
  private final class Wide: Module, Classifier, TrainStep, ValidationStep {
    let (first, second) = (Conv2d(3, 64, kernelSize: 3, padding: 1), Conv2d(64, 2, kernelSize: 3, padding: 1))
    func callAsFunction(_ x: Tensor) -> Tensor { second(first(x).sigmoid()).mean([2, 3]) }
    func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.1) { $0.momentum = 0.9 } }
  }

  private func data(_ count: Int) -> TensorDataset {
    let x = Tensor.randn([count, 3, 32, 32], generator: Generator(seed: 3))
    return TensorDataset(x, (x.sum([1, 2, 3]) .> 0).to(.int64))
  }

  private func weights(_ net: Wide) -> [[Float]] { net.parameters().map { $0.value.array(of: Float.self) } }

  @Test("A batch that is too large is an error that says which one would fit", arguments: [false, true])
  func inTraining(graphs: Bool) throws {
    let (_, backend) = EmulatedCUDA.another(memory: 160 << 20)
    let trainer = Trainer(
      maxEpochs: 1, accelerator: Accelerator("emulated", backend.device), enableProgressBar: false,
      usesCUDAGraphs: graphs)
    let net = Wide()
    let before = weights(net)
    let error = #expect(throws: TrainerError.self) {
      try trainer.fit(net, train: DataLoader(data(512), batchSize: 512))
    }
    guard case .outOfMemory(let shortage) = error else {
      Issue.record("\(error.map { "\($0)" } ?? "no error")")
      return
    }
    #expect(shortage.batchSize == 512 && shortage.batch == 0 && shortage.epoch == 0)
    #expect(shortage.problem.contains("MiB asked for") && shortage.problem.contains("held here"))
    let fitting = shortage.fittingBatchSize ?? 0
    #expect((1..<512).contains(fitting))
    // Nothing of the step stays, and what fits can be trained.
    #expect(weights(net) == before && net.parameters().allSatisfy { $0.grad == nil })
    try trainer.fit(net, train: DataLoader(data(16), batchSize: 8))
    #expect(weights(net) != before)
  }

  @Test("The last checkpoint is the last boundary, and is gone on from with smaller batches")
  func checkpointStays() throws {
    try withTemporaryFolder { folder in
      let (_, backend) = EmulatedCUDA.another(memory: 160 << 20)
      func trainer() -> Trainer {
        Trainer(
          maxEpochs: 2, accelerator: Accelerator("emulated", backend.device),
          callbacks: [ModelCheckpoint(directory: folder.path)], enableProgressBar: false,
          sanityValidationSteps: 0)
      }
      // The validation is too large, behind an epoch of small batches.
      let error = #expect(throws: TrainerError.self) {
        try trainer().fit(
          Wide(), train: DataLoader(data(16), batchSize: 8),
          validation: DataLoader(data(700), batchSize: 700))
      }
      guard case .outOfMemory(let shortage) = error else {
        Issue.record("\(error.map { "\($0)" } ?? "no error")")
        return
      }
      #expect(shortage.stage == "validation" && (1..<700).contains(shortage.fittingBatchSize ?? 0))
      let last = try Checkpoint(contentsOf: folder.path + "/last.safetensors")
      #expect(last.globalStep == 2)
      let resumed = trainer()
      try resumed.fit(
        Wide(), train: DataLoader(data(16), batchSize: 8), validation: DataLoader(data(16), batchSize: 8),
        resume: .last)
      #expect(resumed.globalStep == 4)
    }
  }
}
