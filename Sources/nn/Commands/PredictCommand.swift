import ArgumentParser
import Foundation
import NNCore
import NNData
import NNLightning

struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Names what is in images, with a model that nn train or nn finetune wrote.",
    discussion: """
      nn predict runs/photos new.jpg
      nn predict runs/photos holiday --format csv > holiday.csv

      Folders are searched for images, hidden files left out. An image that cannot be read is told at the end, on \
      standard error and in json, and makes the exit status 1; the others are named all the same.
      """)

  enum Format: String, CaseIterable, ExpressibleByArgument { case text, csv, json }

  @Argument(help: "Folder of a run, its model.safetensors, or one of its checkpoints.")
  var model: String
  @Argument(
    help: "Image files, folders or zip and tar archives of images, or patterns such as 'photos/*.jpg'.")
  var images: [String]
  @Option(
    help:
      "How many classes to name per image, at most where an image has several labels (default: 3, or all).")
  var top: Int?
  @Option(
    help: """
      Least probability at which a label is named, for a model of several labels (default: what did best on the \
      validation images).
      """)
  var threshold: Double?
  @Option(help: "What is written: text for people, csv (file, class, probability), or json.")
  var format = Format.text
  @Option(help: "Images that the network is given at a time.")
  var batchSize = 16
  @Option(help: "Threads that read images (default: all processors).")
  var workers: Int?
  @Option(help: "How photos are decoded, exact or scaled (default: as in the training).")
  var decoding: Image.Decoding?
  @Flag(
    inversion: .prefixedNo,
    help: "Turn photos upright as their camera noted it (default: as in the training).")
  var upright: Bool?

  @Flag(
    help: "Average what the model says of an image and of its mirror image: slower, often a little better.")
  var tta = false

  @OptionGroup var device: DeviceOptions

  func validate() throws {
    if images.isEmpty { throw ValidationError("expected at least one image file") }
    func check(_ name: String, _ value: Int?, _ range: ClosedRange<Int>) throws {
      if let value, !range.contains(value) {
        throw ValidationError("--\(name): expected a number in \(range), found \(value)")
      }
    }
    try check("top", top, 1...1_000_000)
    if let threshold, !(0...1).contains(threshold) {
      throw ValidationError("--threshold: expected a number in 0...1, found \(threshold)")
    }
    try check("batch-size", batchSize, 1...65_536)
    try check("workers", workers, 0...1_024)
  }

  func run() throws {
    let accelerator = try device.accelerator
    let saved = try SavedModel(contentsOf: model)
    saved.network.module.to(accelerator.device)
    if threshold != nil, saved.description.thresholds == nil {
      throw CommandError("threshold: expected a model of several labels, found one of one label per image")
    }
    var preprocessing = saved.description.preprocessing
    if let decoding { preprocessing.decoding = decoding.rawValue }
    if let upright { preprocessing.orientation = (upright ? Image.Orientation.apply : .ignore).rawValue }
    var writer = PredictionWriter(format: format)
    var failures: [(file: String, reason: String)] = []
    let files = ImageFiles(images)
    failures += files.problems
    let loader = DataLoader(
      ImagesToName(paths: files.paths, tree: files.tree, preprocessing: preprocessing), batchSize: batchSize,
      workers: workers ?? ThreadPool.shared.threadCount, collate: { $0 })
    // Few files need no progress.
    let progress =
      files.paths.count < 50
      ? nil : ProgressLine(label: "Predicting", total: files.paths.count, unit: "image")
    writer.begin()
    try loader.forEach { batch in
      for answer in name(batch, saved) {
        writer.write(answer)
        if case .failure(let reason) = answer.result { failures.append((answer.file, reason.description)) }
      }
      progress?.update(by: batch.count)
    }
    for problem in files.problems {
      writer.write(Answer(file: problem.file, result: .failure(CommandError(problem.reason))))
    }
    writer.end()
    progress?.finish()
    if failures.isEmpty { return }
    for failure in failures { say(failure.reason) }
    say("\(failures.count) of \(files.paths.count + files.problems.count) could not be named")
    throw ExitCode.failure
  }

  /// Classes and probabilities of a batch, the likeliest first; images that could not be read stay in their places.
  private func name(_ batch: [ImageToName], _ saved: SavedModel) -> [Answer] {
    var inputs: [Tensor] = []
    for case .success(let input) in batch.map(\.input) { inputs.append(input) }
    var rows = (inputs.isEmpty ? [] : saved.probabilities(stack(inputs), averagesMirrored: tta))[...]
    return batch.map { image in
      switch image.input {
      case .failure(let error): return Answer(file: image.path, result: .failure(error))
      case .success:
        let row = rows.removeFirst()
        guard row.allSatisfy(\.isFinite) else {
          let reason =
            "\(printable(image.path)): expected probabilities, found numbers that are not finite; the model is damaged"
          return Answer(file: image.path, result: .failure(CommandError(reason)))
        }
        let order = row.indices.sorted { (row[$1], $0) < (row[$0], $1) }
        let named = saved.description.thresholds.map { least in
          order.filter { row[$0] >= threshold ?? least[$0] }
        }
        let best = (named ?? order).prefix(top ?? (named == nil ? 3 : order.count)).map {
          (saved.description.classes[$0], row[$0])
        }
        return Answer(file: image.path, result: .success(best))
      }
    }
  }
}

/// What is said of a file: classes with probabilities, or why there are none.
struct Answer {
  let file: String
  let result: Result<[(name: String, probability: Double)], CommandError>
}

/// The files that arguments mean.
private struct ImageFiles {
  private(set) var paths: [String] = []
  private(set) var problems: [(file: String, reason: String)] = []
  private var archives: [FileArchive] = []
  /// Where the files are.
  var tree: FileTree { FileTree("", archives) }

  init(_ arguments: [String]) {
    for argument in arguments {
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: argument, isDirectory: &isFolder) {
        add(argument, isFolder: isFolder.boolValue)
      } else {
        let found = Self.matches(argument)
        for path in found {
          _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
          add(path, isFolder: isFolder.boolValue)
        }
        if found.isEmpty {
          problems.append((argument, "\(printable(argument)): cannot be read: no such file or folder"))
        }
      }
    }
  }

  private mutating func add(_ path: String, isFolder: Bool) {
    let isArchive =
      !isFolder && [".zip", ".tar", ".tar.gz", ".tgz"].contains { path.lowercased().hasSuffix($0) }
    guard isFolder || isArchive else { return paths.append(path) }
    do {
      let archive = isArchive ? try FileArchive(path) : nil
      let found = try ImageFolder.listing(of: FileTree(path, archive.map { [$0] } ?? [])).paths
      if let archive { archives.append(archive) }
      paths += found
      if found.isEmpty { problems.append((path, "\(printable(path)): expected images, found none")) }
    } catch {
      problems.append((path, printable("\(error)")))
    }
  }

  /// Files by a pattern with `*`, `?` and `[…]`, which the shell left as it is.
  private static func matches(_ pattern: String) -> [String] {
    var result = glob_t()
    defer { globfree(&result) }
    guard glob(pattern, 0, nil, &result) == 0, let entries = result.gl_pathv else { return [] }
    return (0..<Int(result.gl_pathc)).compactMap { entries[$0].map { String(cString: $0) } }
  }
}

/// An image file as the network is given it, or why it cannot be.
private struct ImageToName: Sendable {
  let path: String
  let input: Result<Tensor, CommandError>
}

private struct ImagesToName: Dataset {
  let paths: [String]
  let tree: FileTree
  let preprocessing: Preprocessing
  var count: Int { paths.count }

  subscript(index: Int) -> ImageToName {
    let path = paths[index]
    do {
      return ImageToName(
        path: path, input: .success(preprocessing.transform(try preprocessing.image(path, in: tree))))
    } catch {
      return ImageToName(path: path, input: .failure(CommandError(printable("\(error)"))))
    }
  }
}

/// Writes answers to standard output as they come.
private struct PredictionWriter {
  let format: PredictCommand.Format
  private var isFirst = true
  private let isTerminal = isatty(STDOUT_FILENO) == 1

  init(format: PredictCommand.Format) { self.format = format }

  func begin() {
    switch format {
    case .text: break
    case .csv: print("file,class,probability")
    case .json: print("[", terminator: "")
    }
  }

  func end() { if format == .json { print("\n]") } }

  mutating func write(_ answer: Answer) {
    switch (format, answer.result) {
    case (.text, .success(let best)):
      print(printable(answer.file))
      for entry in best { print(String(format: "  %.3f  ", entry.probability) + printable(entry.name)) }
      if best.isEmpty { print("  no label") }
    case (.csv, .success(let best)):
      for entry in best {
        print("\(cell(answer.file)),\(cell(entry.name)),\(String(format: "%.6f", entry.probability))")
      }
    case (.json, .success(let best)):
      let predictions = best.map { JSONAnswer.Prediction(class: $0.name, probability: $0.probability) }
      write(JSONAnswer(file: answer.file, predictions: predictions))
    case (.json, .failure(let error)): write(JSONAnswer(file: answer.file, error: error.description))
    case (_, .failure): break
    }
  }

  /// Exact in a file; what a terminal shows is escaped.
  private func cell(_ text: String) -> String { csvCell(isTerminal ? printable(text) : text) }

  private struct JSONAnswer: Encodable {
    struct Prediction: Encodable {
      var `class`: String
      var probability: Double
    }
    var file: String
    var predictions: [Prediction]?
    var error: String?
  }

  private mutating func write(_ answer: JSONAnswer) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(answer) else { return }
    print(isFirst ? "\n" : ",\n", terminator: "")
    print(String(decoding: data, as: UTF8.self), terminator: "")
    isFirst = false
  }
}
