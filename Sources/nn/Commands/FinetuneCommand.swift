import ArgumentParser
import NNCore
import NNData
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
      names and labels (--labels) does as well. Archives (photos.zip, photos.tar) and shards of WebDataset \
      ('train-{000..009}.tar', or a folder of them) are read where they lie. What is trained on is shown first. The \
      pretrained network is frozen and gets a new head; what it says about an image is computed once and kept. --search \
      tries heads of all kinds and takes the best. --phases head:5,last:3,all:2 \
      trains the head for 5 epochs, then its last block too for 3, then all of it for 2, each with lower learning rates \
      (or the head with those given: last:3@0.001). The run's folder is that of `nn train`.
      """)

  @Option(
    help:
      "Folder of images, one folder per class; or such a folder as zip or tar file, or shards of WebDataset.")
  var data: String?
  @Flag(
    help: """
      Try heads of all kinds on what the frozen network says, show which is best on the validation images and whether \
      that may be luck, and take it.
      """)
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
    if all.head.isSolved {
      for name in Self.training where settings.isGiven(name) {
        throw CommandError(
          "\(name): expected a head that is trained, found \(all.head), which is solved at once")
      }
      if search { throw CommandError("search: expected no --head, as all are tried, found \(all.head)") }
      if options.resume || options.fastDevRun {
        throw CommandError(
          "\(options.resume ? "resume" : "fast-dev-run"): expected a head that is trained, found \(all.head), which is "
            + "solved at once")
      }
    }
    if let lora = all.lora, search || folds != nil {
      throw CommandError(
        "\(search ? "search" : "folds"): expected a network that stays as it is, found --lora \(lora)")
    }
    if all.multiLabel, search || folds != nil {
      throw CommandError(
        "\(search ? "search" : "folds"): expected images of one label each, found several (multiLabel)")
    }
    return all
  }

  func run() throws {
    let settings = try configuration()
    var run = try TrainingRun(options: options, settings: settings, command: "finetune")
    guard search || folds != nil || settings.head.isSolved else { return try run.run() }
    var heads = try HeadRun(settings, run.images, device: run.accelerator.device, triesNodes: search)
    if search {
      run.settings = try heads.searched(options.folder)
      heads.settings = run.settings
    }
    if let folds { try heads.crossValidate(folds, options.folder) }
    try run.settings.head.isSolved ? run.solve(heads) : run.run()
  }

  /// What says how a head is trained, and means nothing for one that is solved.
  private static let training = [
    "epochs", "optimizer", "learningRate", "momentum", "weightDecay", "schedule", "accumulate", "clipNorm",
    "ema", "patience", "labelSmoothing",
  ]
}
