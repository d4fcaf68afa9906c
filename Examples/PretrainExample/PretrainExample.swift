import ArgumentParser
import ExampleSupport
import NNCore
import NNData
import NNLayers
import NNLightning
import NNModels

/// Trains the small network whose weights travel with the library, on classes that the fine-tuning example does not
/// use.
@main
struct PretrainExample: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Pretrains ShapesNet on the pretraining classes of the drawn data set.",
    discussion: """
      This is how Sources/NNModels/Resources/shapesnet.safetensors was made:

      swift run -c release PretrainExample --weights Sources/NNModels/Resources/shapesnet.safetensors
      """)

  @Option(help: "Number of training images.")
  var images = 15_000

  @Option(help: "Number of epochs.")
  var epochs = 10

  @Option(help: "Seed of the shuffles and the initial weights.")
  var seed = 0

  @OptionGroup var device: DeviceOptions

  @Option(help: "File for the weights (.safetensors).")
  var weights = "shapesnet.safetensors"

  func validate() throws {
    guard images >= 64 else { throw ValidationError("--images: expected at least 64, found \(images)") }
    guard epochs >= 1 else { throw ValidationError("--epochs: expected at least 1, found \(epochs)") }
    guard seed >= 0 else { throw ValidationError("--seed: expected at least 0, found \(seed)") }
  }

  func run() throws {
    let train = SyntheticShapes(.pretraining, count: images)
    let held = SyntheticShapes(.pretraining, train: false, count: 1_000)
    manualSeed(seed)
    let net = PretrainNet(classes: train.classes.count, steps: epochs * ((images + 63) / 64))
    print(net.net.summary(inputShape: [1, 3, 32, 32]))
    let trainer = try Trainer(maxEpochs: epochs, accelerator: device.accelerator)
    try trainer.fit(
      net, train: DataLoader(train, batchSize: 64, shuffle: true, workers: 1),
      validation: DataLoader(held, batchSize: 250, generator: Generator(seed: 1)))
    print(trainer.callbackMetrics)
    try net.net.stateDict().write(safetensors: weights)
    print("Weights are in \(weights)")
  }
}

private final class PretrainNet: Module, Classifier, TrainStep, ValidationStep {
  let net: ShapesNet
  private let steps: Int

  init(classes: Int, steps: Int) {
    net = ShapesNet(classes: classes)
    self.steps = steps
  }

  func callAsFunction(_ x: Tensor) -> Tensor { net(x) }

  func configureOptimizers() -> any Optimizer {
    SGD(parameters(), learningRate: 0.1) {
      $0.momentum = 0.9
      $0.weightDecay = 5e-4
      $0.nesterov = true
    }
  }

  func configureSchedulers(for optimizer: any Optimizer) -> [ScheduledRate] {
    [ScheduledRate(OneCycleLR(optimizer, maxLearningRate: 0.1, totalSteps: steps), interval: .step)]
  }
}
