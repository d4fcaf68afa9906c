import ArgumentParser
import Foundation
import NNCore
import NNLayers
import NNModels

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes a model as an ONNX file, for ONNX Runtime, OpenVINO and their like.",
    discussion: """
      nn export runs/first --output first.onnx
      nn export --arch resnet18 --weights resnet18-f37072fd.pth --output resnet18.onnx

      The file takes batches of any size. Class names and what images are normalised with stand in its metadata.
      """)

  @Argument(help: "Folder of a run, or its model.safetensors.")
  var model: String?
  @Option(help: "Architecture of torchvision, with --weights in place of a run.")
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
    let size = imageSize ?? source.imageSize
    try source.check(size)
    var facts = source.facts
    facts["image_size"] = "\(size)"
    try source.network.export(onnx: output, inputShape: [1, 3, size, size], metadata: facts)
    say("\(output): \(source.arch) for images [batch, 3, \(size), \(size)]")
  }
}

/// A network to export, and what whoever uses it has to know.
private struct Source {
  let arch: String
  let network: any CallableModule
  let imageSize: Int
  /// For the file: names of the classes, and how values in [0, 1] are normalised, as JSON lists.
  let facts: [String: String]

  init(run path: String) throws {
    let saved = try SavedModel(contentsOf: path)
    arch = saved.description.arch
    network = saved.network
    // Without a size of its own the network saw the images of the data sets as they are.
    imageSize = saved.description.imageSize ?? 32
    let isNormalized = saved.description.normalize
    facts = try Self.facts(
      arch, classes: saved.description.classes,
      mean: isNormalized ? ImageClassification().mean : [0, 0, 0],
      std: isNormalized ? ImageClassification().std : [1, 1, 1])
  }

  init(arch: String, weights path: String) throws {
    let name = URL(fileURLWithPath: path).lastPathComponent
    let official = try modelWeights(arch).first { $0.fileName == name }
    let network = try skipInit { try NNModels.model(arch) }
    try network.loadWeights(from: path)
    if official != nil { network.didLoadOfficialWeights() }
    let weights = try official ?? officialWeights(arch)
    self.arch = arch
    self.network = network
    imageSize = weights.transforms.crop
    facts = try Self.facts(
      arch, classes: weights.categories, mean: weights.transforms.mean, std: weights.transforms.std)
  }

  private static func facts(
    _ arch: String, classes: [String], mean: [Float], std: [Float]
  ) throws -> [String: String] {
    func json(_ list: some Encodable) throws -> String {
      String(decoding: try JSONEncoder().encode(list), as: UTF8.self)
    }
    return ["arch": arch, "classes": try json(classes), "mean": try json(mean), "std": try json(std)]
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
