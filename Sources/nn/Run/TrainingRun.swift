import ArgumentParser
import Foundation
import NNCore
import NNFiles
import NNLightning
import NNModels

/// A training with all that it leaves in its folder, for every command that trains.
struct TrainingRun {
  let options: RunOptions
  var settings: RunConfiguration
  /// The command that goes on with the run.
  let command: String
  /// What is computed on.
  let accelerator: Accelerator
  /// The images by part and class.
  let images: RunImages
  let preprocessing: Preprocessing
  /// What was changed since the run began, for its configuration file.
  private let history: [String]
  /// Keeps other processes out of the folder; nil for a run that writes nothing.
  private let lock: RunLock?

  private var folder: RunFolder { options.folder }

  /// Finds the images and shows them, before anything is computed; makes the run's folder, and the calling thread's
  /// random numbers those of the seed.
  init(options: RunOptions, settings: RunConfiguration, command: String) throws {
    self.options = options
    self.settings = settings
    self.command = command
    accelerator = try settings.device.accelerator
    let folder = options.folder
    // What is there already belongs to another process, perhaps; a folder that is not there is made when images are found.
    let isThere = !options.fastDevRun && FileManager.default.fileExists(atPath: folder.path)
    let early = isThere ? try RunLock(folder.path) : nil
    if !options.resume, !options.fastDevRun { try folder.checkIsFree() }
    if let threads = settings.threads { ThreadPool.shared.threadCount = threads }
    history = try Self.history(settings, options)
    let kept = options.resume && FileManager.default.fileExists(atPath: folder.split) ? folder.split : nil
    preprocessing = try settings.preprocessing
    images = try RunImages(settings, preprocessing, split: kept, cache: .forTraining)
    try images.show()
    manualSeed(settings.seed)
    lock = options.fastDevRun ? nil : try early ?? RunLock(folder.path)
    if options.fastDevRun { return }
    if early == nil, !options.resume { try folder.checkIsFree() }
    if kept == nil, let files = images.files { try SplitFiles.write(files, to: folder.split) }
  }

  /// Tells and notes down which settings are others than those the run has; refuses what cannot change.
  private static func history(_ settings: RunConfiguration, _ options: RunOptions) throws -> [String] {
    let path = options.folder.config
    guard options.resume, FileManager.default.fileExists(atPath: path) else { return [] }
    let changes = try settings.changes(from: RunConfiguration(contentsOf: path))
    let now = Date.now.formatted(.iso8601)
    for change in changes { say("Changed since the run began: \(change)") }
    return RunConfiguration.history(of: path) + changes.map { "# resumed \(now) with \($0)" }
  }

  /// Trains, writes the model of the best epoch, and tests it.
  func run() throws {
    manualSeed(settings.seed)
    let data = try RunData(images, settings)
    let model = try RunModel(
      settings, classes: data.classes.count, classWeights: images.classWeights(settings),
      batchesPerEpoch: data.batchesPerEpoch)
    let description = model.description(classes: data.classes, preprocessing)
    let trainer = try trainer(data, model, description)
    let result = try fit(trainer, model, data)
    say("Training ended: \(result.stopReason), step \(result.steps)")
    if result.stopReason == .interrupted {
      say("Go on with: nn \(command) --resume --output \(printable(folder.path))")
      throw ExitCode(130)
    }
    if let best = result.bestCheckpoint { try model.loadStateDict(Checkpoint(contentsOf: best).model) }
    model.form.module.mergeLoRA()
    try checkIsFinite(model)
    if settings.multiLabel, !options.fastDevRun {
      let thresholds = try model.thresholds(on: data.validation, device: accelerator.device)
      model.thresholds = thresholds
      let rows = zip(data.classes, thresholds).map { [printable($0), String(format: "%.3f", $1)] }
      print("Labels are named from these probabilities on, which do best on the validation images:")
      print(textTable(["label", "threshold"], Array(rows.prefix(40)), rightAligned: [1]))
    }
    let final = model.description(classes: data.classes, preprocessing)
    // The model is safe before the test begins, which may meet a damaged image.
    if !options.fastDevRun {
      try SavedModel(model.form, final).write(to: folder.model)
      say("Wrote \(printable(folder.model))" + (result.bestCheckpoint == nil ? "" : ", the best epoch"))
    }
    if let test = data.test { try trainer.test(model, test) }
    print(trainer.callbackMetrics)
  }

  /// Solves a head in place of training one, and writes the model.
  func solve(_ heads: HeadRun) throws {
    try heads.solve { network, settings in
      let model = RunModel(.transfer(network), settings)
      try checkIsFinite(model)
      try settings.write(to: folder.config, history: history)
      try SavedModel(model.form, model.description(classes: images.classes, preprocessing)).write(
        to: folder.model)
      say("Wrote \(printable(folder.model))")
    }
  }

  /// Writes the settings down and trains; a run that is refused keeps the settings it had.
  private func fit(_ trainer: Trainer, _ model: RunModel, _ data: RunData) throws -> FitResult {
    let before = try? String(contentsOfFile: folder.config, encoding: .utf8)
    if !options.fastDevRun { try settings.write(to: folder.config, history: history) }
    do {
      return try trainer.fit(
        model, train: data.train, validation: data.validation, resume: options.resume ? .last : .never,
        restartSchedules: options.restartSchedule)
    } catch TrainerError.scheduleOfAnotherLength(let name, let was, let now) {
      if let before { try AtomicFile.write(folder.config) { try $0.write(Array(before.utf8)) } }
      throw CommandError(
        "\(name): expected the schedule that the run began with, made for \(was), found one for \(now); give the epochs "
          + "that it had, or --restart-schedule to begin a new one for the further epochs")
    }
  }

  /// Refuses weights that became infinite or NaN as the result of a run.
  private func checkIsFinite(_ model: RunModel) throws {
    for (key, value) in model.form.module.stateDict() where value.dtype.isFloatingPoint {
      guard value.isFinite().all().item() != 0 else {
        throw CommandError(
          "expected a trained model of finite numbers, found others in \(key); a lower learning rate or --clip-norm may "
            + "help; no model was written")
      }
    }
  }

  private func trainer(
    _ data: RunData, _ model: RunModel, _ description: SavedModel.Description
  ) throws -> Trainer {
    var callbacks: [Callback] = [
      Preflight(), LearningRateMonitor(), ThroughputMonitor(), ModelCheckpoint(directory: folder.path),
      DescriptionInCheckpoints(description),
    ]
    if let plan = try settings.phasePlan(), case .transfer(let network) = model.form {
      callbacks.append(
        plan.callback(
          network, learningRate: settings.learningRate, groups: model.groups,
          course: settings.schedule.course, stepsPerEpoch: model.stepsPerEpoch))
    }
    if options.ui == .tui { callbacks.append(TerminalDashboard()) }
    if let decay = settings.ema { callbacks.append(ExponentialMovingAverage(decay: decay)) }
    if let patience = settings.patience { callbacks.append(EarlyStopping(patience: patience)) }
    return Trainer(
      maxEpochs: settings.epochs, accelerator: accelerator, precision: settings.precision,
      callbacks: callbacks,
      loggers: [
        CSVLogger(folder.log), TensorBoardLogger(folder.tensorBoard),
        RunReport(
          folder.report, title: "\(settings.arch) on \(settings.dataset)", classNames: data.classes,
          notes: images.notes),
      ],
      fastDevRun: options.fastDevRun ? 1 : nil, accumulateGradBatches: settings.accumulate,
      gradientClip: settings.clipNorm.map { .norm($0) },
      logInterval: max(1, min(50, data.batchesPerEpoch / 4)), detectAnomaly: settings.detectAnomaly,
      cacheFrozenFeatures: settings.cache.caching(
        views: settings.augmented(preprocessing) == nil ? nil : settings.views))
  }
}
