import Foundation
import NNCore
import NNData
import NNLayers
import NNLightning
import NNModels

/// Heads on what a frozen network says about the images of a run, which is computed once.
struct HeadRun {
  var settings: RunConfiguration
  private let data: RunData
  private let network: any ImageClassifier
  private let device: Device
  /// Gives the features: what the last layer is given comes last.
  private let source: TransferNetwork
  /// How many features the last layer is given.
  private let lastCount: Int
  private let views: Int
  private let train, validation: LabelledFeatures

  /// Sends the images through the network.
  ///
  /// - Parameter triesNodes: looks at several blocks too, whatever the settings say.
  init(_ settings: RunConfiguration, _ images: RunImages, device: Device, triesNodes: Bool) throws {
    self.settings = settings
    self.device = device
    // Random changes stay, each image comes once, and none is mixed with another.
    var measured = settings
    (measured.balance, measured.mixup, measured.cutmix) = (.none, nil, nil)
    let data = try RunData(images, measured)
    self.data = data
    network = try settings.pretrainedNetwork()
    lastCount = try TransferNetwork(network, classes: 1, form: TransferForm(suiting: network)).featureCount
    var wanted = settings
    if triesNodes, !network.deepNodes().isEmpty { wanted.features = .several }
    let source = try TransferNetwork(network, classes: 1, form: wanted.form(network))
    source.to(device).eval()
    self.source = source
    views = settings.augmented(images.preprocessing) == nil ? 1 : settings.views
    // The same order and versions of images, whatever was drawn for networks before.
    manualSeed(settings.seed)
    let passes = views == 1 ? "" : ", each in \(views) versions"
    say("Head: computes the features of the training images\(passes)")
    let parts = try (0..<views).map { _ in
      try Self.features(data.train, source, classes: data.classes.count, device)
    }
    train = try parts.dropFirst().reduce(parts[0]) { try $0.joined($1) }
    say("Head: computes the features of the validation images")
    validation = try Self.features(data.validation, source, classes: data.classes.count, device)
  }

  private static func features(
    _ images: DataLoader<Sample>, _ source: TransferNetwork, classes: Int, _ device: Device
  ) throws -> LabelledFeatures {
    try LabelledFeatures(images, classes: classes) { source.features($0.to(device)).to(.cpu) }
  }

  /// What a head on these nodes is given, of all that was computed.
  private func part(_ all: LabelledFeatures, _ nodes: FeatureNodes) throws -> LabelledFeatures {
    let count = all.features.shape[1]
    guard nodes == .last, count > lastCount else { return all }
    let last = all.features.narrow(1, start: count - lastCount, length: lastCount).contiguous()
    return try LabelledFeatures(last, all.target, classes: data.classes.count)
  }

  private func search(_ settings: RunConfiguration, _ heads: [HeadSearch.Head]) throws -> HeadSearch {
    try HeadSearch(
      train: part(train, settings.features), validation: part(validation, settings.features),
      classes: data.classes.count, heads: heads, views: views, batchSize: settings.batchSize,
      momentum: settings.momentum, balance: settings.balance, seed: settings.seed)
  }

  // MARK: Searching

  /// Tries all heads, those that are solved on the features of several blocks too, and shows how well they do.
  ///
  /// - Returns: the settings of the best.
  func searched(_ folder: RunFolder) throws -> RunConfiguration {
    let trained = HeadSearch.grid.map { HeadSearch.Head.trained($0) }
    // Mixed images and smoothed labels are for heads that are trained.
    let isPlain = settings.mixup == nil && settings.cutmix == nil && settings.labelSmoothing == 0
    let solved = isPlain ? HeadSearch.solved : []
    if !isPlain {
      say("Head search: heads that are solved do not mix images or smooth labels, and are left out")
    }
    var trials: [(features: FeatureNodes, trial: HeadSearch.Trial)] = []
    var kinds = [settings.features]
    if settings.features == .last, source.featureCount > lastCount { kinds.append(.several) }
    for features in kinds {
      var tried = settings
      tried.features = features
      let heads = features == settings.features ? trained + solved : solved
      if heads.isEmpty { continue }
      trials += try search(tried, heads).run().map { (features, $0) }
    }
    func key(_ place: Int) -> (Double, Double, Int) {
      let (accuracy, loss) = (trials[place].trial.validationAccuracy, trials[place].trial.validationLoss)
      return (-accuracy, loss.isNaN ? .infinity : loss, place)
    }
    // Of equals the one that is given less comes first.
    let order = trials.indices.sorted { key($0) < key($1) }
    let notes = order.map { trials[$0].features.rawValue }
    let sorted = order.map { trials[$0].trial }
    print(HeadSearch.table(sorted, notes: notes, called: "features"))
    print(HeadSearch.verdict(sorted))
    try HeadSearch.write(csv: folder.searchTable, sorted, notes: notes, called: "features")
    try HeadSearch.write(plot: folder.searchPlot, sorted)
    var best = settings
    best.features = trials[order[0]].features
    best.head(sorted[0].head)
    return best
  }

  // MARK: Folds

  /// Shows how much the accuracy of the head varies.
  func crossValidate(_ folds: Int, _ folder: RunFolder) throws {
    let head = try settings.head.isSolved ? solved().head : .trained(settings.candidate(source.form))
    let all = try part(train, settings.features).joined(part(validation, settings.features))
    let result = try CrossValidation(
      all, classes: data.classes.count, folds: folds, head: head, epochs: settings.epochs,
      batchSize: settings.batchSize, momentum: settings.momentum, balance: settings.balance,
      seed: settings.seed
    ).run()
    print(result.table)
    let (accuracy, loss) = (result.accuracy, result.loss)
    print(
      String(
        format: "%d folds: val_acc %.4f ± %.4f, val_loss %.4f ± %.4f (mean and standard deviation)", folds,
        accuracy.mean, accuracy.spread, loss.mean, loss.spread))
    try result.write(csv: folder.folds)
  }

  // MARK: Solving

  /// The head of the settings, with what does best on the validation images where they leave something open.
  func solved() throws -> (head: HeadSearch.Head, trial: HeadSearch.Trial) {
    let trial = try search(settings, settings.solvedHeads).run()[0]
    return (trial.head, trial)
  }

  /// Solves the head, and writes the model.
  ///
  /// - Parameter write: is given the network under its new head.
  func solve(_ write: (_ network: TransferNetwork, _ settings: RunConfiguration) throws -> Void) throws {
    let (head, trial) = try solved()
    let layers = try search(settings, [head]).fit(head)
    var form = try settings.form(network)
    form.normalizes = layers["norm"] != nil
    form.unitLength = layers["unit"] != nil
    if let neighbors = layers["neighbors"] as? NearestNeighbors {
      form.neighbors = TransferForm.Neighbors(
        stored: neighbors.examples.value.shape[0], count: neighbors.count,
        temperature: neighbors.temperature)
    }
    let result = try skipInit { try TransferNetwork(network, classes: data.classes.count, form: form) }
    try result.head.loadStateDict(layers.stateDict())
    result.to(.cpu).eval()
    var found = settings
    found.head(head)
    var metrics: Metrics = ["val_loss": trial.validationLoss, "val_acc": trial.validationAccuracy]
    metrics["train_acc"] = trial.trainingAccuracy
    try write(result, found)
    if let test = data.test {
      say("Head: computes the features of the test images")
      let features = try part(
        Self.features(test, source.to(device), classes: data.classes.count, device), settings.features)
      let scores = HeadSearch.scores(layers.eval(), features.features)
      metrics["test_loss"] = crossEntropy(scores, features.target).item()
      metrics["test_acc"] = accuracy(scores, features.target).item()
    }
    print(metrics)
  }
}

extension RunConfiguration {
  /// Heads of the kind that the settings ask for: those with the numbers they give, or all that are tried.
  fileprivate var solvedHeads: [HeadSearch.Head] {
    switch head {
    case .logistic: if let regularization { return [.logistic(regularization: regularization)] }
    case .ridge: if let regularization { return [.ridge(regularization: regularization)] }
    case .neighbors: if let neighbors { return [.neighbors(count: neighbors)] }
    default: break
    }
    return HeadSearch.solved.filter { $0.kind.rawValue == head.rawValue }
  }

  /// The trained head of the settings.
  fileprivate func candidate(_ form: TransferForm) -> HeadSearch.Candidate {
    HeadSearch.Candidate(
      normalizes: form.normalizes, optimizer: optimizer == .sgd ? .sgd : .adamw, learningRate: learningRate,
      weightDecay: optimizer == .adam ? 0 : weightDecay)
  }

  /// Takes over a head with its numbers.
  fileprivate mutating func head(_ head: HeadSearch.Head) {
    (regularization, neighbors) = (nil, nil)
    switch head {
    case .trained(let candidate):
      self.head = candidate.normalizes ? .batchnorm : .linear
      optimizer = candidate.optimizer == .sgd ? .sgd : .adamw
      (learningRate, weightDecay) = (candidate.learningRate, candidate.weightDecay)
    case .logistic(let strength): (self.head, regularization) = (.logistic, strength)
    case .ridge(let strength): (self.head, regularization) = (.ridge, strength)
    case .neighbors(let count): (self.head, neighbors) = (.neighbors, count)
    case .prototypes: self.head = .prototypes
    }
  }
}
