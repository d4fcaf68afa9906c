import Foundation
import NNCore
import NNData
import NNFiles
import NNLayers
import NNLightning
import NNModels

/// A trained network with all that using it takes: architecture, what decides its function beside its weights, class
/// names, preprocessing. It stands in `model.safetensors` of a run and in each of its checkpoints; this is the one place
/// that writes and reads it.
struct SavedModel {
  struct Description: Codable, Equatable {
    var format = SavedModel.format
    var arch: String
    var classes: [String]
    var preprocessing: Preprocessing
    /// Of a pretrained network under a new head: whether that begins with a batch normalisation. Nil for others.
    var normalizesFeatures: Bool?
    /// What of the network decides its function and is not in its state dict.
    var configuration: [String: String]
    var libraryVersion: String
    /// Least probability at which each label is named, where an image may have several; nil where it has one.
    var thresholds: [Double]?
    /// What a new head is and what it is given, where `normalizesFeatures` does not say all of it.
    var transfer: TransferForm?
    /// Rank of LoRA that is not merged yet, in checkpoints.
    var lora: Int?

    /// - Parameter form: of a pretrained network under a new head; nil for others.
    init(
      arch: String, classes: [String], preprocessing: Preprocessing, form: TransferForm?,
      configuration: [String: String], libraryVersion: String, thresholds: [Double]? = nil, lora: Int? = nil
    ) {
      // Who does not know of several labels would take the numbers for those of one.
      format = thresholds == nil ? SavedModel.format : SavedModel.severalLabelsFormat
      if let form, !form.isPlain { transfer = form }
      if transfer != nil || lora != nil { format = SavedModel.manyHeadsFormat }
      self.lora = lora
      self.arch = arch
      self.classes = classes
      self.preprocessing = preprocessing
      normalizesFeatures = form?.normalizes
      self.configuration = configuration
      self.libraryVersion = libraryVersion
      self.thresholds = thresholds
    }

    /// Nil if there is no new head.
    var form: TransferForm? { transfer ?? normalizesFeatures.map(TransferForm.init(normalizes:)) }
  }

  static let format = "swift-nn model 2"
  /// Of models for images of several labels.
  static let severalLabelsFormat = "swift-nn model 3"
  /// Of models whose head is of another kind or is given what several blocks say, and of those with LoRA.
  static let manyHeadsFormat = "swift-nn model 4"
  static let firstFormat = "swift-nn model 1"
  /// Name of the description in the metadata of a file.
  private static let key = "model"
  /// Largest number of classes of a file.
  private static let classLimit = 1_000_000

  let network: RunNetwork
  private(set) var description: Description

  init(_ network: RunNetwork, _ description: Description) {
    self.network = network
    self.description = description
  }

  // MARK: Files

  /// Reads a model file or a checkpoint of a run, or the folder of a run: its model, or while there is none yet its best
  /// or else its last checkpoint.
  init(contentsOf path: String) throws {
    let file = try Self.file(path)
    let name = printable(file)
    guard let (description, state) = try Self.content(file) else {
      throw CommandError("\(name): expected a model that nn wrote, found another file")
    }
    self.description = description
    do {
      network = try Self.network(description)
      if let rank = description.lora, case .transfer(let transfer) = network {
        _ = skipInit { transfer.backbone.addLoRA(rank: rank) }
      }
      try network.module.loadStateDict(state)
      network.module.mergeLoRA()
      self.description.lora = nil
    } catch {
      throw CommandError("\(name): \(error)")
    }
    network.module.eval()
  }

  /// What is described where the path leads, nil if that is a weight file of another program.
  static func description(of path: String) throws -> Description? { try content(file(path))?.description }

  private static func content(_ file: String) throws -> (description: Description, state: StateDict)? {
    // Other programs' files are told by what they lack; what else is wrong with them is found by whoever reads them.
    guard let content = try? StateDict(contentsOf: file) else { return nil }
    let name = printable(file)
    if let text = content.metadata[key] { return (try description(text, name), content) }
    guard content.metadata["checkpoint"] != nil else { return nil }
    let checkpoint = try Checkpoint(contentsOf: file)
    guard let saved = checkpoint.callbacks[DescriptionInCheckpoints.key] else {
      throw CommandError("\(name): expected a checkpoint that nn wrote, found one of another program")
    }
    let description: Description = try saved.value()
    if let problem = problem(description) { throw CommandError("\(name): \(problem)") }
    return (description, checkpoint.model.part(RunModel.networkPrefix))
  }

  private static func file(_ path: String) throws -> String {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw CommandError("\(printable(path)): cannot be read: no such file or folder")
    }
    if !isFolder.boolValue { return path }
    let folder = RunFolder(path)
    guard
      let file = [folder.model, folder.best, folder.last].first(where: FileManager.default.fileExists)
    else {
      throw CommandError("\(printable(path)): expected the folder of a run with a model, found none in it")
    }
    return file
  }

  func write(to path: String) throws {
    try network.module.stateDict().write(
      safetensors: path,
      metadata: [Self.key: String(decoding: Self.encoder.encode(description), as: UTF8.self)]
    )
  }

  private static var encoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return encoder
  }

  // MARK: Descriptions

  private struct Format: Decodable { var format: String }

  /// What files of the first format say.
  private struct FirstDescription: Decodable {
    var arch: String
    var classes: [String]
    var imageSize: Int?
    var normalize: Bool
    var normalizesFeatures: Bool?
    var preprocessing: Preprocessing?
    var libraryVersion: String
  }

  private static func description(_ text: String, _ file: String) throws -> Description {
    let (data, decoder) = (Data(text.utf8), JSONDecoder())
    let description: Description
    do {
      switch try decoder.decode(Format.self, from: data).format {
      case format, severalLabelsFormat, manyHeadsFormat:
        description = try decoder.decode(Description.self, from: data)
      case firstFormat:
        let first = try decoder.decode(FirstDescription.self, from: data)
        var preprocessing =
          first.preprocessing ?? Preprocessing(size: first.imageSize ?? 32, normalize: first.normalize)
        preprocessing.orientation = Image.Orientation.ignore.rawValue
        description = Description(
          arch: first.arch, classes: first.classes, preprocessing: preprocessing,
          form: first.normalizesFeatures.map(TransferForm.init(normalizes:)), configuration: [:],
          libraryVersion: first.libraryVersion)
      case let other:
        throw CommandError(
          "\(file): expected the format \"\(format)\", found \(quoted(other)); a newer version wrote it")
      }
    } catch let error as CommandError {
      throw error
    } catch {
      throw CommandError("\(file): expected a model that nn wrote, found another description of one")
    }
    if let problem = problem(description) { throw CommandError("\(file): \(problem)") }
    return description
  }

  private static func problem(_ description: Description) -> String? {
    let count = description.classes.count
    if !(1...classLimit).contains(count) {
      return "expected 1 to \(classLimit) class names, found \(count)"
    }
    if let thresholds = description.thresholds,
      thresholds.count != count || !thresholds.allSatisfy({ (0...1).contains($0) })
    {
      return "expected \(count) thresholds in 0...1, found \(thresholds.count)"
    }
    if let lora = description.lora, !(1...1_024).contains(lora) {
      return "expected a rank of LoRA in 1...1024, found \(lora)"
    }
    return description.transfer?.problem ?? description.preprocessing.problem
  }

  /// A network as it is described, without weights worth the name.
  static func network(_ description: Description) throws -> RunNetwork {
    try skipInit {
      try RunNetwork(
        description.arch, classes: description.classes.count, configuration: description.configuration,
        form: description.form)
    }
  }

  // MARK: Use

  /// The whole network, to be trained further: under its own head, or where that was a new one on a pretrained network,
  /// under one that is yet to be taken off.
  func classifier() throws -> any ImageClassifier {
    switch network {
    case .whole(let network): return network
    case .transfer(let transfer):
      let whole = try skipInit {
        try makeModel(
          description.arch, classes: description.classes.count, configuration: description.configuration)
      }
      try whole.loadStateDict(transfer.backbone.stateDict(), strict: false)
      return whole
    }
  }

  /// Probabilities of the classes, or with several labels of each, for each image of a batch [N, C, H, W], computed where the network is.
  ///
  /// - Parameter averagesMirrored: whether an image and its mirror image are averaged.
  func probabilities(_ batch: Tensor, averagesMirrored: Bool = false) -> [[Double]] {
    let device = network.module.parameters().first?.value.device ?? .cpu
    let scores = noGrad {
      let (network, x) = (network.module, batch.to(device))
      return averagesMirrored ? (network(x) + network(x.flip([3]))) / 2 : network(x)
    }
    let rows = (description.thresholds == nil ? scores.softmax(1) : scores.sigmoid()).to(.cpu)
    return (0..<batch.shape[0]).map { rows[$0].array(of: Double.self) }
  }
}

/// Puts the description of the model into each checkpoint of its run, so that a checkpoint alone is a model too.
final class DescriptionInCheckpoints: Callback {
  static let key = "SavedModel"
  private let description: SavedModel.Description

  init(_ description: SavedModel.Description) { self.description = description }

  override var stateKey: String { Self.key }
  override func state() throws -> CallbackState? { try CallbackState(description) }
}
