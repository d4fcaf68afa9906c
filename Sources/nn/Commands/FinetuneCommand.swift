import ArgumentParser
import NNCore
import NNData
import NNDistributed
import NNLayers
import NNLightning
import NNModels

struct FinetuneCommand: TrainingCommand {
  static let configuration = CommandConfiguration(
    commandName: "finetune",
    abstract: "Teaches a pretrained network the classes of your own images.",
    discussion: """
      nn finetune --data photos --arch squeezenet1_0 --output runs/photos
      nn predict runs/photos new.jpg

      The folder of images has one folder per class, or folders train, val and test of such folders; or a table of file \
      names and labels (--labels) does as well. What is trained on is shown first. The pretrained network \
      is frozen and gets a new head; what it says about an image is computed once and kept. --phases head:5,last:3,all:2 \
      trains the head for 5 epochs, then its last block too for 3, then all of it for 2, each with lower learning rates \
      (or the head with those given: last:3@0.001). The run's folder is that of `nn train`.
      """)

  @Option(help: "Folder of images, one folder per class.")
  var data: String?
  @Flag(help: "Try several heads and settings on what the frozen network says, and train the best.")
  var search = false
  @Option(
    help: """
      Train the head so many times first, each time without another part of the images, and show how much its accuracy \
      on that part varies.
      """)
  var folds: Int?
  @OptionGroup var options: RunOptions
  @OptionGroup(title: "Settings") var settings: SettingOptions<FinetuneCommand>

  func validate() throws {
    for (option, isGiven) in [("search", search), ("folds", folds != nil)]
    where isGiven && (options.resume || options.fastDevRun) {
      throw ValidationError(
        "--\(option) comes before a run, and does not go with --resume or --fast-dev-run")
    }
    if let folds, !(2...100).contains(folds) {
      throw ValidationError("--folds: expected a number in 2...100, found \(folds)")
    }
    if data != nil, settings.isGiven("dataset") || settings.isGiven("root") {
      throw ValidationError("--data is --dataset folder --root, and does not go with these")
    }
    if settings.isGiven("phases"), settings.isGiven("epochs") {
      throw ValidationError("--phases says the number of epochs, and does not go with --epochs")
    }
    let saysImages = data != nil || settings.isGiven("dataset") || settings.isGiven("labels")
    if !saysImages, options.config == nil, !options.resume {
      throw ValidationError("expected the images: --data FOLDER, --labels TABLE, or --dataset")
    }
  }

  static let name = TrainingCommandName.finetune
  /// What suits a new head on frozen layers.
  static var defaults: RunConfiguration {
    var settings = RunConfiguration()
    (settings.pretrained, settings.freeze) = (true, true)
    settings.arch = "resnet18"
    settings.epochs = 10
    settings.learningRate = 0.01
    settings.weightDecay = 1e-4
    settings.schedule = .constant
    settings.decoding = .scaled
    settings.workers = min(ThreadPool.shared.threadCount, 8)
    return settings
  }

  private func configuration() throws -> RunConfiguration {
    var all = try settings.configuration(options)
    guard all.pretrained else {
      throw CommandError(
        "\(printable(options.config ?? options.folder.config)): expected a run of nn finetune, found another")
    }
    if let data { (all.dataset, all.root) = (.folder, data) }
    if settings.isGiven("weights") {
      all = try all.pinningHub(isArchGiven: settings.isGiven("arch"))
    }
    // A run says what network it trained.
    if settings.isGiven("weights"), !settings.isGiven("arch"), let weights = try all.weightsPath,
      let model = try SavedModel.description(of: weights)
    {
      all.arch = model.arch
    }
    if settings.isGiven("phases"), let plan = try all.phasePlan() { all.epochs = plan.epochs }
    try all.check()
    if all.multiLabel, search || folds != nil {
      throw CommandError(
        "\(search ? "search" : "folds"): expected images of one label each, found several (multiLabel)")
    }
    return all
  }

  func run() throws {
    try self.options.launch()
    let settings = try configuration()
    var run = try TrainingRun(options: options, settings: settings, command: "finetune")
    if search || folds != nil { run.settings = try searched(run) }
    try run.run()
  }

  /// Looks at heads on what the frozen network says: the settings with the head and optimizer that do best on the
  /// validation images, if a search was asked for.
  private func searched(_ run: TrainingRun) throws -> RunConfiguration {
    var settings = run.settings
    let data = try RunData(run.images, settings.withoutAugmentation)
    let model = try RunModel(settings, classes: data.classes.count, batchesPerEpoch: data.batchesPerEpoch)
    guard case .transfer(let network) = model.form else { return settings }
    let device = run.accelerator.device
    network.to(device).eval()
    func features(_ name: String, _ loader: DataLoader<Sample>) throws -> LabelledFeatures {
      say("\(search ? "Head search" : "Folds"): computes the features of the \(name) images")
      return try LabelledFeatures(loader, classes: data.classes.count) {
        network.features($0.to(device)).to(.cpu)
      }
    }
    let train = try features("training", data.train)
    let validation = try features("validation", data.validation)
    if search { settings = try searched(settings, train, validation, classes: data.classes.count) }
    if let folds {
      try crossValidate(
        settings, folds, train.joined(validation), network, classes: data.classes.count)
    }
    return settings
  }

  /// Shows how much the accuracy of the head varies.
  private func crossValidate(
    _ settings: RunConfiguration, _ folds: Int, _ features: LabelledFeatures, _ network: TransferNetwork,
    classes: Int
  ) throws {
    let candidate = HeadSearch.Candidate(
      normalizes: network.head["norm"] != nil, optimizer: settings.optimizer == .sgd ? .sgd : .adamw,
      learningRate: settings.learningRate,
      weightDecay: settings.optimizer == .adam ? 0 : settings.weightDecay)
    let result = try CrossValidation(
      features, classes: classes, folds: folds, candidate: candidate, epochs: settings.epochs,
      batchSize: settings.batchSize, momentum: settings.momentum, balance: settings.balance,
      seed: settings.seed
    ).run()
    print(result.table)
    let (accuracy, loss) = (result.accuracy, result.loss)
    print(
      String(
        format: "%d folds: val_acc %.4f ± %.4f, val_loss %.4f ± %.4f (mean and standard deviation)", folds,
        accuracy.mean, accuracy.spread, loss.mean, loss.spread))
    if Processes.isFirst { try result.write(csv: options.folder.folds) }
  }

  private func searched(
    _ settings: RunConfiguration, _ train: LabelledFeatures, _ validation: LabelledFeatures, classes: Int
  ) throws -> RunConfiguration {
    let trials = try HeadSearch(
      train: train, validation: validation, classes: classes, batchSize: settings.batchSize,
      momentum: settings.momentum, balance: settings.balance, seed: settings.seed
    ).run()
    print(HeadSearch.table(trials))
    if Processes.isFirst {
      try HeadSearch.write(csv: options.folder.searchTable, trials)
      try HeadSearch.write(plot: options.folder.searchPlot, trials)
    }
    var best = settings
    for case .trained(let candidate) in trials.map(\.head) {
      best.head = candidate.normalizes ? .batchnorm : .linear
      switch candidate.optimizer {
      case .sgd: best.optimizer = .sgd
      case .adamw: best.optimizer = .adamw
      }
      best.learningRate = candidate.learningRate
      best.weightDecay = candidate.weightDecay
      break
    }
    if let first = trials.first, case .ridge = first.head {
      say("Head search: a ridge regression did best; the best trained head goes on.")
    }
    return best
  }
}
