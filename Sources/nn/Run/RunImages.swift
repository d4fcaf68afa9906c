import Foundation
import NNCore
import NNData
import NNLightning

/// The images of a run by part and class, and where they come from: known before anything is computed.
struct RunImages {
  /// One part of the split.
  struct Part {
    var images: any VisionDataset
    /// Which of them belong to it.
    var indices: [Int]
    /// Where it comes from, for people.
    var origin: String

    var targets: [Int] { let all = images.targets; return indices.map { all[$0] } }
    /// The labels of each, one unless there may be several.
    var labels: [[Int]] {
      guard let several = images as? MultiLabelDataset<ImageFolder> else { return targets.map { [$0] } }
      return indices.map { several.labels[$0] }
    }
    func counts(_ classes: Int) -> [Int] {
      labels.joined().reduce(into: Array(repeating: 0, count: classes)) { $0[$1] += 1 }
    }
  }

  let classes: [String]
  /// What is done to images before they are changed at random.
  let preprocessing: Preprocessing
  private(set) var parts: [SplitPart: Part]
  /// What was left out and why, a line each.
  private(set) var notes: [String] = []
  /// The split by file names, nil for data sets that are the same everywhere.
  private(set) var files: [SplitFile]?

  /// - Parameters:
  ///   - split: file of the split that the run already has; nil to make one.
  ///   - preprocessing: what is done to the images of files.
  ///   - cache: keeps what is made of files that are asked for more than once.
  init(
    _ settings: RunConfiguration, _ preprocessing: Preprocessing, split: String? = nil,
    cache: ImageCache? = nil
  ) throws {
    switch settings.dataset {
    case .folder:
      let reading = try FileReading(settings.root, preprocessing, cache)
      var files =
        try split.map { try SplitFiles(kept: $0, isMultiLabel: settings.multiLabel) }
        ?? SplitFiles(settings, reading)
      if split != nil { try files.compareWithFolder(settings, reading.source) }
      try self.init(settings, files: files, reading)
    case .shapes:
      self.init(
        settings, preprocessing, SyntheticShapes(count: 2_000),
        tested: SyntheticShapes(train: false, count: 1_000))
    default:
      guard let images = try PublishedImages(settings, preprocessing, cache) else {
        throw CommandError("dataset: \(settings.dataset) is no published data set")
      }
      self.init(
        settings, preprocessing, images.train, validated: images.validation, tested: images.test)
    }
    if let limit = settings.limitTrain, let train = parts[.train], train.indices.count > limit {
      parts[.train]?.indices = Array(train.indices.prefix(limit))
      notes.append("left out: \(train.indices.count - limit) training images, as limitTrain is \(limit)")
    }
    for (part, name, limit) in [
      (SplitPart.validation, "limitValidation", settings.limitValidation),
      (.test, "limitTest", settings.limitTest),
    ] {
      guard let limit, let count = parts[part]?.indices.count, count > limit else { continue }
      parts[part]?.indices.removeLast(count - limit)
      notes.append("left out: \(count - limit) \(part.rawValue) images, as \(name) is \(limit)")
    }
    if let shots = settings.shots, let train = parts[.train] {
      let targets = train.images.targets
      let few = firstOfEachClass(train.indices, shots, targets: targets)
      parts[.train]?.indices = few
      if few.count < train.indices.count {
        notes.append("left out: \(train.indices.count - few.count) training images, as shots is \(shots)")
      }
    }
    try check(settings, isKept: split != nil)
    noteImbalance(settings)
  }

  /// A data set that is the same everywhere. Parts that it lacks are cut out of the training images.
  private init(
    _ settings: RunConfiguration, _ preprocessing: Preprocessing, _ images: any VisionDataset,
    validated: (any VisionDataset)? = nil, tested: (any VisionDataset)?
  ) {
    func prepared(_ images: any VisionDataset) -> any VisionDataset {
      var images = images
      images.transform = preprocessing.transform
      return images
    }
    self.preprocessing = preprocessing
    let images = prepared(images)
    classes = images.classes
    var order = Generator(seed: settings.seed).randperm(images.count)[...]
    let held = max(1, Int(Double(images.count) * settings.validationShare))
    let cut = "\(settings.dataset), training images, cut with seed \(settings.seed)"
    parts = [:]
    for (part, given) in [(SplitPart.validation, validated), (.test, tested)] {
      if let given {
        parts[part] = Part(
          images: prepared(given), indices: Array(0..<given.count),
          origin: "\(settings.dataset), \(part.rawValue) images")
      } else {
        parts[part] = Part(images: images, indices: Array(order.suffix(held)), origin: cut)
        order = order.dropLast(held)
      }
    }
    parts[.train] = Part(
      images: images, indices: Array(order),
      origin: parts.values.contains { $0.origin == cut } ? cut : "\(settings.dataset), training images")
  }

  private init(_ settings: RunConfiguration, files: SplitFiles, _ reading: FileReading) throws {
    let used = files.files.filter { $0.part != nil }
    classes = files.classes
    preprocessing = reading.preprocessing
    // One data set whose images are numbered by name, so that other splits of it find what was kept for them.
    let sorted = used.sorted { isOrdered($0.path, $1.path) }
    let place = Dictionary(uniqueKeysWithValues: zip(sorted.map(\.path), sorted.indices))
    let images: any VisionDataset =
      settings.multiLabel
      ? try reading.multiLabelImages(sorted, classes: classes) : try reading.images(sorted, classes: classes)
    parts = [:]
    for part in SplitPart.allCases {
      guard let origin = files.origins[part] else { continue }
      let indices = used.filter { $0.part == part }.compactMap { place[$0.path] }
      parts[part] = Part(images: images, indices: indices, origin: origin)
    }
    notes = files.notes
    self.files = files.files
  }

  /// Whether the last batch of an epoch would be a single image, of which a batch normalisation knows no statistics.
  func leavesLastImageOut(_ settings: RunConfiguration) -> Bool {
    let count = parts[.train]?.indices.count ?? 0
    return settings.batchSize > 1 && count > settings.batchSize && count % settings.batchSize == 1
  }

  // MARK: Checks

  /// Refuses what cannot be trained on, and tells what will surprise.
  private mutating func check(_ settings: RunConfiguration, isKept: Bool) throws {
    let root = printable(settings.root)
    guard classes.count >= (settings.multiLabel ? 1 : 2) else {
      throw CommandError(
        "\(root): expected images of at least 2 classes, found \(classes.isEmpty ? "none" : "one, ")"
          + (classes.first.map(printable) ?? "") + "; each class is a folder of its own")
    }
    for part in SplitPart.allCases {
      guard let content = parts[part] else { continue }
      let least = part == .train && settings.pretrained ? 2 : 1
      guard content.indices.count >= least else {
        throw CommandError(
          "\(root): expected at least \(least) image\(least == 1 ? "" : "s") for \(part.rawValue) "
            + "(\(printable(content.origin))), found \(content.indices.count)")
      }
      let present = Set(content.labels.joined())
      let missing = classes.indices.filter { !present.contains($0) }.map { printable(classes[$0]) }
      if missing.isEmpty { continue }
      let names = missing.prefix(5).joined(separator: ", ") + (missing.count > 5 ? ", …" : "")
      if part == .train, !isKept {
        throw CommandError(
          "\(printable(content.origin)): expected training images of every class, found none of \(names)")
      }
      notes.append("no \(part.rawValue) images of \(missing.count) of \(classes.count) classes: \(names)")
    }
    if leavesLastImageOut(settings) {
      notes.append("left out: one image of each epoch, whose last batch would have no other")
    }
    if parts[.test] == nil { notes.append("no test images: the model is not tested") }
  }

  /// How many times as many images the largest class must have as the smallest for a word about it.
  private static let imbalance = 3

  private mutating func noteImbalance(_ settings: RunConfiguration) {
    let counts = trainingCounts.filter { $0 > 0 }
    guard settings.balance == .none, let most = counts.max(), let least = counts.min(),
      most >= Self.imbalance * least
    else { return }
    notes.append(
      "unbalanced: classes have from \(least) to \(most) training images; --balance weights or sampling makes up for it"
    )
  }

  /// Training images of each class.
  var trainingCounts: [Int] {
    parts[.train]?.counts(classes.count) ?? []
  }

  /// How much errors of each class count, nil if all do the same; with several labels, those of images that have it.
  func classWeights(_ settings: RunConfiguration) -> [Double]? {
    guard settings.balance == .weights, let train = parts[.train] else { return nil }
    if settings.multiLabel {
      let count = train.indices.count
      // So many images do not have the label for each that has it.
      return trainingCounts.map { $0 == 0 ? 1 : Double(max(1, count - $0)) / Double($0) }
    }
    return balancedClassWeights(train.targets, classes: classes.count)
  }

  // MARK: Table

  /// Shows the table at once, before what may take long.
  func show() throws {
    print(table)
    try StandardOutput.flush()
  }

  /// Classes, images per class and part, where each part comes from, and what is left out.
  var table: String {
    let shown = SplitPart.allCases.filter { parts[$0] != nil }
    let counts = shown.map { parts[$0]?.counts(classes.count) ?? [] }
    let isMultiLabel = shown.contains { parts[$0]?.images is MultiLabelDataset<ImageFolder> }
    let limit = 40
    var rows = classes.indices.prefix(limit).map { index in
      [printable(classes[index])] + counts.map { "\($0[index])" }
    }
    if classes.count > limit { rows.append(["… \(classes.count - limit) more"] + shown.map { _ in "" }) }
    if isMultiLabel {
      rows.append(
        ["no label"] + shown.map { part in "\(parts[part]?.labels.count { $0.isEmpty } ?? 0)" })
      rows.append(["\(classes.count) labels"] + shown.map { "\(parts[$0]?.indices.count ?? 0) images" })
    } else {
      rows.append(["\(classes.count) classes"] + counts.map { "\($0.reduce(0, +))" })
    }
    var lines = [
      textTable(["class"] + shown.map(\.rawValue), rows, rightAligned: Set(1...shown.count))
    ]
    for part in shown { lines.append("\(part.rawValue): \(printable(parts[part]?.origin ?? ""))") }
    return (lines + notes).joined(separator: "\n")
  }
}
