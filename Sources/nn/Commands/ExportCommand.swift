import ArgumentParser
import Foundation
import NNCore
import NNData
import NNExport
import NNLayers
import NNModels

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes a model as an ONNX file, for ONNX Runtime, OpenVINO and their like.",
    discussion: """
      nn export runs/first --output first.onnx
      nn export --arch resnet18 --weights resnet18-f37072fd.pth --output resnet18.onnx

      The file takes batches of any number of images. Class names and all of the preprocessing stand in its metadata: \
      classes, mean, std, image_size, and as preprocessing how images are brought to that size.
      """)

  @Argument(help: "Folder of a run, its model.safetensors, or one of its checkpoints.")
  var model: String?
  @Option(
    help: "Architecture, with --weights in place of a run; nn models lists them.",
    completion: .list(listModels()))
  var arch: String?
  @Option(help: "File with weights for 1000 classes (.pth or .safetensors).")
  var weights: String?
  @Option(help: "File to write.")
  var output: String
  @Option(
    help: "Height and width of images; those of the training, or of the official weights, if not given.")
  var imageSize: Int?

  func validate() throws {
    guard (model != nil) != (arch != nil), (arch == nil) == (weights == nil) else {
      throw ValidationError("expected a run, or --arch and --weights")
    }
    if let imageSize, imageSize < 1 {
      throw ValidationError("--image-size: expected a number of at least 1, found \(imageSize)")
    }
  }

  func run() throws {
    let source = try model.map(Source.init(run:)) ?? Source(arch: arch ?? "", weights: weights ?? "")
    let size = imageSize ?? source.preprocessing.crop
    try source.check(size)
    try source.network.export(
      onnx: output, inputShape: [1, source.preprocessing.channels, size, size],
      metadata: source.facts(imageSize: size))
    if let report = source.report { say("\(report)") }
    say("\(output): \(source.arch) for images [batch, \(source.preprocessing.channels), \(size), \(size)]")
  }
}

/// A network to export, and what whoever uses it has to know.
private struct Source {
  let arch: String
  let network: any CallableModule
  let classes: [String]
  let preprocessing: Preprocessing
  /// See `SavedModel.Description`.
  var thresholds: [Double]?
  /// What was read of a weight file, nil for a run.
  var report: WeightsReport?

  init(run path: String) throws {
    let saved = try SavedModel(contentsOf: path)
    (arch, classes) = (saved.description.arch, saved.description.classes)
    network = saved.network.module
    preprocessing = saved.description.preprocessing
    thresholds = saved.description.thresholds
  }

  init(arch: String, weights path: String) throws {
    let network = try skipInit { try makeModel(arch) }
    let report = try network.loadPretrainedWeights(from: path)
    self.report = report
    let weights = try officialWeights(arch, report.official.map(WeightsName.init(rawValue:)) ?? .default)
    self.arch = arch
    self.network = network
    classes = weights.categories
    preprocessing = Preprocessing(weights.transforms)
  }

  /// For the file, as JSON: thresholds of the labels if an image may have several, names of the classes, how values in [0, 1] are normalised, and all of the preprocessing.
  func facts(imageSize: Int) throws -> [String: String] {
    let preprocessing = preprocessing.scaled(to: imageSize)
    func json(_ value: some Encodable) throws -> String {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
    let several = try thresholds.map { ["thresholds": try json($0)] } ?? [:]
    return several.merging([
      "arch": arch, "classes": try json(classes), "mean": try json(preprocessing.mean),
      "std": try json(preprocessing.std), "image_size": "\(imageSize)",
      "preprocessing": try json(preprocessing),
    ]) { $1 }
  }

  /// Refuses sizes that the network does not take.
  func check(_ size: Int) throws {
    guard let weights = try? officialWeights(arch) else { return }
    if let only = weights.imageSize, size != only {
      throw CommandError("--image-size: \(arch) takes images of \(only)x\(only), found \(size)")
    }
    if size < weights.minimumSize {
      throw CommandError("--image-size: \(arch) takes images from \(weights.minimumSize) on, found \(size)")
    }
  }
}
