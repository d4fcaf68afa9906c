import Foundation
import NNCore
import NNData
import NNLayers
import NNLightning
import NNModels

/// A trained network in one safetensors file with all that using it takes: architecture, class names, preprocessing.
struct SavedModel {
  struct Description: Codable {
    var format = SavedModel.format
    var arch: String
    var classes: [String]
    var imageSize: Int?
    var normalize: Bool
    /// Of a pretrained network under a new head: whether that begins with a batch normalisation. Nil for others.
    var normalizesFeatures: Bool?
    /// What the pretrained weights want; nil for others, which `imageSize` and `normalize` describe.
    var preprocessing: Preprocessing?
    var libraryVersion: String
  }

  static let format = "swift-nn model 1"
  private static let key = "model"

  let network: any CallableModule
  let description: Description

  init(_ model: RunModel, data: RunData, settings: RunConfiguration) throws {
    network = model.network
    description = Description(
      arch: settings.arch, classes: data.classes, imageSize: settings.imageSize,
      normalize: settings.normalize,
      normalizesFeatures: (network as? TransferNetwork).map { $0.head["norm"] != nil },
      preprocessing: try settings.preprocessing, libraryVersion: libraryVersion)
  }

  /// Reads `model.safetensors`, or the folder of a run that has one.
  init(contentsOf path: String) throws {
    var isFolder: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    let file = isFolder.boolValue ? path + "/model.safetensors" : path
    let state = try StateDict(contentsOf: file)
    guard let text = state.metadata[Self.key],
      let description = try? JSONDecoder().decode(Description.self, from: Data(text.utf8)),
      description.format == Self.format, !description.classes.isEmpty, (description.imageSize ?? 1) >= 1
    else { throw CommandError("\(file): expected a model that nn train wrote, found another file") }
    if let problem = description.preprocessing?.problem { throw CommandError("\(file): \(problem)") }
    self.description = description
    let classes = description.classes.count
    if let normalizes = description.normalizesFeatures {
      network = try skipInit {
        try TransferNetwork(
          RunModel.network(description.arch), classes: classes, normalizesFeatures: normalizes)
      }
    } else {
      network = try RunModel.network(description.arch, classes: classes)
    }
    do {
      try network.loadStateDict(state)
    } catch {
      throw CommandError("\(file): \(error)")
    }
    network.eval()
  }

  func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let text = String(decoding: try encoder.encode(description), as: UTF8.self)
    try network.stateDict().write(safetensors: path, metadata: [Self.key: text])
  }

  /// Probabilities of the classes for one image.
  func probabilities(_ image: Image) -> [Double] {
    // Without a size of its own the network saw the 32x32 images of the data sets as they are.
    let transform: any Transform<Image, Tensor> =
      description.preprocessing?.transform
      ?? imageTransform(size: description.imageSize ?? 32, normalize: description.normalize)
    return noGrad { network(transform(image).unsqueeze(0)).softmax(1)[0].array(of: Double.self) }
  }
}
