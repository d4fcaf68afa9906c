import NNCore
import NNData
import NNLayers

import NNLightning

/// Batches from an array.
struct ListLoader<Batch>: BatchLoader {
  struct Iterator: BatchIterator {
    var rest: ArraySlice<Batch>
    mutating func next() throws -> Batch? { rest.popFirst() }
  }

  let batches: [Batch]
  var knowsCount = true
  var batchCount: Int? { knowsCount ? batches.count : nil }
  func makeBatchIterator() -> any BatchIterator<Batch> { Iterator(rest: batches[...]) }
}

/// Two separable classes of points, in uneven batches.
func points(_ count: Int, seed: Int) -> ListLoader<Sample> {
  let generator = Generator(seed: seed)
  let x = Tensor.randn([count, 2], generator: generator)
  let t = (x.sum(1) .> 0).to(.int64)
  let sizes = [count / 2, count - count / 2 - 1, 1]
  return ListLoader(
    batches: zip(x.split(sizes), t.split(sizes)).map { Sample(input: $0, target: $1) })
}

/// The same points in batches of one size, through a loader that shuffles.
func pointLoader(_ count: Int, batchSize: Int, seed: Int, shuffle: Bool = true) -> DataLoader<Sample> {
  let batches = points(count, seed: seed).batches
  let data = TensorDataset(cat(batches.map(\.input)), cat(batches.map(\.target)))
  return DataLoader(data, batchSize: batchSize, shuffle: shuffle)
}

final class LinearNet: Module, Classifier, TrainStep, ValidationStep, TestStep, PredictStep {
  let fc = Linear(2, 2)
  func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
  func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.5) }
}

/// Writes down which hooks run.
final class Recorder: Callback {
  var hooks: [String] = []
  private func note(_ hook: String) { hooks.append(hook) }
  override func setup(_ trainer: Trainer, _ model: Module, stage: RunningStage) { note("setup \(stage)") }
  override func teardown(_ trainer: Trainer, _ model: Module, stage: RunningStage) {
    note("teardown \(stage)")
  }
  override func onFitStart(_ trainer: Trainer, _ model: Module) { note("fitStart") }
  override func onFitEnd(_ trainer: Trainer, _ model: Module) { note("fitEnd") }
  override func onSanityCheckStart(_ trainer: Trainer, _ model: Module) { note("sanityCheckStart") }
  override func onSanityCheckEnd(_ trainer: Trainer, _ model: Module) { note("sanityCheckEnd") }
  override func onException(_ trainer: Trainer, _ model: Module, error: any Error) { note("exception") }
  override func onTrainStart(_ trainer: Trainer, _ model: Module) { note("trainStart") }
  override func onTrainEnd(_ trainer: Trainer, _ model: Module) { note("trainEnd") }
  override func onTrainEpochStart(_ trainer: Trainer, _ model: Module) {
    note("epochStart training=\(model.isTraining)")
  }
  override func onTrainEpochEnd(_ trainer: Trainer, _ model: Module) { note("epochEnd") }
  override func onTrainBatchStart(_ trainer: Trainer, _ model: Module, batchIndex: Int) {
    note("batchStart \(batchIndex)")
  }
  override func onTrainBatchEnd(_ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int) {
    note("batchEnd \(output.batchSize ?? 0)")
  }
  override func onBeforeZeroGrad(_ trainer: Trainer, _ model: Module, optimizer: any Optimizer) {
    note("zeroGrad")
  }
  override func onBeforeBackward(_ trainer: Trainer, _ model: Module, loss: Tensor) { note("backward") }
  override func onAfterBackward(_ trainer: Trainer, _ model: Module) { note("afterBackward") }
  override func onBeforeOptimizerStep(_ trainer: Trainer, _ model: Module, optimizer: any Optimizer) {
    note("step")
  }
  override func onStepBoundary(_ trainer: Trainer, _ model: Module, isEpochEnd: Bool) {
    note(isEpochEnd ? "boundary epoch" : "boundary")
  }
  override func onValidationStart(_ trainer: Trainer, _ model: Module) { note("validationStart") }
  override func onValidationBatchStart(_ trainer: Trainer, _ model: Module, batchIndex: Int) {
    note("validationBatchStart training=\(model.isTraining)")
  }
  override func onValidationBatchEnd(_ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int)
  { note("validationBatchEnd") }
  override func onValidationEnd(_ trainer: Trainer, _ model: Module) { note("validationEnd") }
  override func onTestStart(_ trainer: Trainer, _ model: Module) { note("testStart") }
  override func onTestBatchStart(_ trainer: Trainer, _ model: Module, batchIndex: Int) {
    note("testBatchStart")
  }
  override func onTestBatchEnd(_ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int) {
    note("testBatchEnd")
  }
  override func onTestEnd(_ trainer: Trainer, _ model: Module) { note("testEnd") }
  override func onPredictStart(_ trainer: Trainer, _ model: Module) { note("predictStart") }
  override func onPredictBatchStart(_ trainer: Trainer, _ model: Module, batchIndex: Int) {
    note("predictBatchStart")
  }
  override func onPredictBatchEnd(_ trainer: Trainer, _ model: Module, batchIndex: Int) {
    note("predictBatchEnd")
  }
  override func onPredictEnd(_ trainer: Trainer, _ model: Module) { note("predictEnd") }
  override func onSaveCheckpoint(_ trainer: Trainer, _ model: Module, checkpoint: inout Checkpoint) {
    note("saveCheckpoint")
  }
  override func onLoadCheckpoint(_ trainer: Trainer, _ model: Module, checkpoint: Checkpoint) {
    note("loadCheckpoint")
  }
}
