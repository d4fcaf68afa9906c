import Foundation
import NNCore
import NNData
import NNLayers
import NNLightning
import NNModels

extension Reader {
  /// What this library writes about models and runs, and strangers may have changed.
  static func models(_ scratch: Scratch) throws -> [Reader] {
    let json = words(
      "-1", "0", "9223372036854775807", "-9223372036854775808", "9007199254740993", "1e400", "\"nan\"",
      "\"inf\"",
      "null", "true", "[]", "{}", "\"\\u001b[2J\"", "\"../\\u0301x\"", "\"resnet18\"", "\"shapesnet\"", "1.5")
    let path = "\(scratch.folder)/seed.safetensors"
    let description = SavedModel.Description(
      arch: "shapesnet", classes: ["a", "b"], preprocessing: Preprocessing(size: 8, normalize: true),
      form: nil, configuration: [:], libraryVersion: "1")
    let network = try withDefaultGenerator(Generator(seed: 1)) {
      try makeModel("shapesnet", classes: 2)
    }
    try SavedModel(.whole(network), description).write(to: path)
    let model = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    return [
      Reader(name: "model", layout: .described, tokens: json, seeds: [model]) { input, scratch in
        let path = try scratch.write(input, "model.safetensors")
        _ = try SavedModel.description(of: path)
        let saved = try SavedModel(contentsOf: path)
        _ = saved.description.preprocessing.transform
        _ = try saved.classifier()
      },
      Reader(
        name: "checkpoint", layout: .described, tokens: json, writes: true, seeds: try checkpoints(scratch)
      ) { input, scratch in
        try resume(scratch.write(input, "run/last.safetensors"), steps: 5, scratch)
      },
    ]
  }

  /// Checkpoints in the middle of an epoch and behind one.
  private static func checkpoints(_ scratch: Scratch) throws -> [[UInt8]] {
    let run = "\(scratch.folder)/run"
    try scratch.makeFolder(run)
    return try [2, 3].map { steps in
      try resume(nil, steps: steps, scratch)
      let file = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(run)/last.safetensors")))
      var parts = Layout.described.split(file) ?? []
      // How long it took is the one thing that is another each time.
      if let place = parts.firstIndex(of: Array("\"seconds\":".utf8)), let end = parts[place + 1].last {
        parts[place + 1] = Array("0.5".utf8) + [end]
      }
      return Layout.described.join(parts)
    }
  }

  private static func resume(_ path: String?, steps: Int, _ scratch: Scratch) throws {
    let run = "\(scratch.folder)/run"
    let trainer = Trainer(
      maxEpochs: 3, maxSteps: steps,
      callbacks: [
        ModelCheckpoint(directory: run, saveTopK: 2), EarlyStopping(patience: 50),
        ExponentialMovingAverage(),
      ],
      loggers: [
        CSVLogger("\(run)/log.csv"), JSONLinesLogger("\(run)/log.jsonl"), RunReport("\(run)/report.html"),
      ],
      enableProgressBar: false)
    let points = Tensor.randn([12, 2], generator: Generator(seed: 1))
    let data = TensorDataset(points, (points.sum(1) .> 0).to(.int64))
    try withDefaultGenerator(Generator(seed: 1)) {
      _ = try trainer.fit(
        Net(), train: DataLoader(data, batchSize: 4, shuffle: true),
        validation: DataLoader(data, batchSize: 6),
        resume: path.map(Resume.from) ?? .never)
    }
  }
}

/// A net with all that a checkpoint can hold.
private final class Net: Module, Classifier, TrainStep, ValidationStep {
  let fc = Linear(2, 2)
  let norm = BatchNorm1d(2)
  func callAsFunction(_ x: Tensor) -> Tensor { norm(fc(x)) }
  func configureOptimizers() -> any Optimizer { Adam(parameters(), learningRate: 0.1) }

  func configureSchedulers(for optimizer: any Optimizer) -> [ScheduledRate] {
    [
      ScheduledRate(CosineAnnealingWarmRestarts(optimizer, firstPeriod: 2, periodFactor: 3), interval: .step),
      ScheduledRate(ReduceLROnPlateau(optimizer), monitor: "val_loss"),
    ]
  }

  func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
    let scores = self(batch.input)
    context.log("seen", Accuracy(scores, batch.target), onStep: false, onEpoch: true)
    context.log("f1", F1Score(classes: 2, scores, batch.target), onStep: false, onEpoch: true)
    return ["loss": loss(scores, batch.target)]
  }
}
