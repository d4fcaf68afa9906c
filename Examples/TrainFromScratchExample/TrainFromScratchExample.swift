import ArgumentParser
import ExampleSupport
import NNCore
import NNLayers
import NNLightning

/// The first experiment: a four-block CNN trained on CIFAR-10 from random weights.
@main
struct TrainFromScratchExample: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains a CNN of four blocks from scratch.",
    discussion: """
      40,000 of CIFAR-10's training images are trained on, 10,000 validate, and the 10,000 test images are tested \
      at the end. The numbers of an epoch follow PyTorch's with the same seed.

      Example: swift run -c release TrainFromScratchExample --root data --epochs 10 --output runs/scratch
      """)

  @OptionGroup var options: ExperimentOptions

  @Flag(help: "Also print the test metrics after every epoch.")
  var testEveryEpoch = false

  func run() throws {
    let accelerator = try options.device.accelerator
    try options.prepare()
    let source = try ImageSource(options)
    print(source.reason)
    let data = source.small(options)

    manualSeed(options.seed)
    let net = ScratchNet(classes: source.classes.count, learningRate: options.learningRate)
    print(net.summary(inputShape: [1, 3, 32, 32]))

    var callbacks: [Callback] = [EarlyStopping(monitor: "val_loss", patience: 3)]
    if testEveryEpoch { callbacks = [TestEveryEpoch(net, data)] }
    if let output = options.output { callbacks.append(ModelCheckpoint(directory: output)) }
    let logging = options.logging
    let trainer = try Trainer(
      maxEpochs: options.epochs, accelerator: accelerator, strategy: options.strategy,
      precision: options.precision, callbacks: callbacks, loggers: logging.loggers,
      logInterval: logging.interval)
    let outcome = try trainer.runExperiment("CNN from scratch", net, data)
    printComparison([outcome])
    if let path = options.metrics { try writeMetrics(trainer.callbackMetrics, to: path) }
  }
}

/// Tests behind each epoch, to set the curve beside another library's; the run then goes its full length.
private final class TestEveryEpoch: Callback {
  private let net: ScratchNet
  private let data: ExperimentData

  init(_ net: ScratchNet, _ data: ExperimentData) {
    self.net = net
    self.data = data
  }

  override func onTrainEpochEnd(_ trainer: Trainer, _ model: Module) throws {
    let tester = Trainer(
      accelerator: trainer.accelerator, strategy: trainer.strategy, precision: trainer.precision,
      enableProgressBar: false)
    var metrics = trainer.callbackMetrics
    metrics.merge(try tester.test(net, data))
    print("epoch \(trainer.currentEpoch): \(metrics)")
  }
}
