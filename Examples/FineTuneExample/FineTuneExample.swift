import ArgumentParser
import ExampleSupport
import NNCore
import NNLayers
import NNLightning

extension FineTuneHead: ExpressibleByArgument {}

/// The second experiment: a frozen pretrained network with a new head, beside the CNN from scratch on the
/// same images.
@main
struct FineTuneExample: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Fine-tunes a pretrained network: frozen, as feature extractor, with a new linear head.",
    discussion: """
      Images are resized to 224x224 and normalised as the weights want it, go through the frozen network, and its \
      1000 outputs feed a new linear layer (or see --head). Without pretrained weights (none on disk, no Internet) the experiment runs \
      on the data set that the library draws itself, with a small network that was pretrained on other classes.

      Example: swift run -c release FineTuneExample --root data --arch tf_efficientnet_lite0 \
      --weights tf_efficientnet_lite0.safetensors --head features --limit-train 4000 --limit-test 1000 --epochs 3 \
      --batch-size 64
      """)

  @OptionGroup var options: ExperimentOptions

  @OptionGroup var pretrained: PretrainedOptions

  @Option(
    help: """
      What the new layers stand on: outputs (a linear layer on the network's 1000 outputs), \
      normalized-outputs (batch normalisation and a linear layer on them), or features (batch normalisation and a \
      linear layer in place of the network's last layer). Default: outputs, normalized-outputs for SqueezeNet.
      """)
  var head: FineTuneHead?

  @Flag(inversion: .prefixedNo, help: "Also train the CNN from scratch on the same images, to compare.")
  var compare = true

  @Flag(
    inversion: .prefixedNo,
    help: """
      Also train with frozen parameters, but batch norms that go on moving their statistics, as `requires_grad = False` \
      in PyTorch does. Then nothing can be cached. The default for small images only.
      """)
  var movingStatistics: Bool?

  func run() throws {
    let accelerator = try options.device.accelerator
    try options.prepare()
    let experiment = try FineTuneSource.choose(options, pretrained, head: head)
    for line in experiment.reasons { print(line) }

    var outcomes: [Outcome] = []
    if compare {
      print("\n== CNN from scratch")
      manualSeed(options.seed)
      let net = ScratchNet(classes: experiment.classes.count, learningRate: options.learningRate)
      let trainer = try Trainer(
        maxEpochs: options.epochs, accelerator: accelerator, strategy: options.strategy,
        precision: options.precision,
        callbacks: [EarlyStopping(patience: experiment.patience)])
      outcomes.append(try trainer.runExperiment("CNN from scratch", net, experiment.small))
    }

    print("\n== Fine-tuning \(experiment.name)")
    let (trainer, outcome) = try fineTune(
      experiment, .network, "\(experiment.name), frozen, new head", accelerator)
    outcomes.append(outcome)
    if trainer.stopReason == .interrupted { return }

    let hasStatistics = experiment.features.modules.contains { $0 is BatchNorm }
    if movingStatistics ?? (experiment.inputShape[3] <= 32), hasStatistics {
      print("\n== Frozen parameters, moving statistics of batch normalisation")
      let name = "\(experiment.name), moving statistics"
      outcomes.append(try fineTune(experiment, .parameters, name, accelerator).outcome)
    } else if movingStatistics == true {
      print("\n\(experiment.name) has no batch normalisation: there are no statistics to move")
    }

    printComparison(outcomes)
    if let path = options.metrics { try writeMetrics(trainer.callbackMetrics, to: path) }
  }

  private func fineTune(
    _ experiment: FineTuneSource, _ freezing: Freezing, _ name: String, _ accelerator: Accelerator
  ) throws -> (trainer: Trainer, outcome: Outcome) {
    manualSeed(options.seed)
    let net = FineTuneNet(
      features: experiment.features, outputs: experiment.outputs, classes: experiment.classes.count,
      normalizes: experiment.normalizes, learningRate: options.learningRate, freezing: freezing)
    if freezing == .network { print(net.summary(inputShape: experiment.inputShape)) }
    var callbacks: [Callback] = [EarlyStopping(patience: experiment.patience)]
    if let output = options.output, freezing == .network {
      callbacks.append(ModelCheckpoint(directory: output))
    }
    let logging = freezing == .network ? options.logging : (loggers: [], interval: 50)
    let trainer = try Trainer(
      maxEpochs: options.epochs, accelerator: accelerator, strategy: options.strategy,
      precision: options.precision, callbacks: callbacks, loggers: logging.loggers,
      logInterval: logging.interval,
      cacheFrozenFeatures: options.caching)
    return (trainer, try trainer.runExperiment(name, net, experiment.data))
  }
}
