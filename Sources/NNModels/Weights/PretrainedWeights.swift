import Foundation
import NNCore
import NNData
import NNLayers

/// Weights of a network that were trained on ImageNet-1k and published (most of them with torchvision), and what belongs
/// to them.
///
///     let weights = resnet50.defaultWeights
///     let network = try weights.model().eval()
///     let logits = network(weights.transforms(image).unsqueeze(0))
///     print(weights.categories[Int(logits[0].argmax().item())])
///
/// Source: https://docs.pytorch.org/vision/stable/models.html
public struct PretrainedWeights: Sendable, Hashable {
  /// Share of ImageNet's validation images, in percent, whose class is the first guess or among the first five.
  public struct Accuracy: Sendable, Hashable, ExpressibleByArrayLiteral {
    public let top1: Double
    public let top5: Double

    public init(arrayLiteral values: Double...) {
      require(values.count == 2, "PretrainedWeights.Accuracy", "expected [top1, top5], got \(values)")
      (top1, top5) = (values[0], values[1])
    }
  }

  /// The network, as ``makeModel(_:weights:classes:cache:progress:)`` knows it: `resnet50`.
  public private(set) var architecture: String
  /// Which of the network's weights: `IMAGENET1K_V2`.
  public let name: WeightsName
  /// The official file name; the digits behind the last dash begin the file's SHA-256.
  public let fileName: String
  /// Who published the file.
  public let source: WeightsSource
  /// Number of parameters, without auxiliary heads that are not used any more.
  public let parameterCount: Int
  /// As the source reports it; nil if the weights do not classify.
  public let accuracy: Accuracy?
  /// Smallest height and width of images, in pixels.
  public let minimumSize: Int
  /// Height and width of the only images that the network takes; nil if it takes any.
  public let imageSize: Int?
  /// How images become the network's input.
  public let transforms: ImageClassification
  /// Nil for those of ImageNet.
  private let ownCategories: [String]?
  private let sha256: String?

  /// An entry for weights of one's own that are published in the same way: in a file whose name ends in a dash and the
  /// first digits of its SHA-256.
  ///
  ///     let weights = PretrainedWeights(
  ///       "resnet18", "FLOWERS_V1", "resnet18-0123abcd.pth",
  ///       from: WeightsSource(url: "https://example.org/weights"), parameters: 11_689_512)
  ///
  /// - Parameters:
  ///   - source: who publishes the file; a mirror (``WeightCache``) says where else it is.
  ///   - sha256: the whole SHA-256 in hexadecimal, if it is known; otherwise the digits of the file name count.
  public init(
    _ architecture: String, _ name: WeightsName, _ fileName: String,
    from source: WeightsSource = .torchvision,
    parameters: Int, accuracy: Accuracy? = nil, minimumSize: Int = 1, imageSize: Int? = nil,
    transforms: ImageClassification = ImageClassification(), sha256: String? = nil
  ) {
    self.init(
      name, fileName, from: source, parameters: parameters, accuracy: accuracy, minimumSize: minimumSize,
      imageSize: imageSize, transforms: transforms, sha256: sha256)
    self.architecture = architecture
  }

  /// An entry of an ``Architecture``, which says the name.
  ///
  /// - Parameter categories: names of the classes; nil for ImageNet's, or none without an accuracy.
  init(
    _ name: WeightsName, _ fileName: String, from source: WeightsSource = .torchvision,
    parameters: Int, accuracy: Accuracy? = nil, minimumSize: Int = 1, imageSize: Int? = nil,
    transforms: ImageClassification = ImageClassification(), categories: [String]? = nil,
    sha256: String? = nil
  ) {
    architecture = ""
    self.name = name
    self.fileName = fileName
    self.source = source
    parameterCount = parameters
    self.accuracy = accuracy
    self.minimumSize = imageSize ?? minimumSize
    self.imageSize = imageSize
    self.transforms = transforms
    ownCategories = categories
    self.sha256 = sha256
  }

  /// The same entry of another architecture.
  func of(_ architecture: String) -> PretrainedWeights {
    var entry = self
    entry.architecture = architecture
    return entry
  }

  /// Names of the classes in the order of the network's outputs; empty if the weights do not classify.
  public var categories: [String] { ownCategories ?? (accuracy == nil ? [] : imagenetCategories) }

  /// Number of outputs that the network has with these weights.
  var classCount: Int { ownCategories?.count ?? imagenetClassCount }

  /// The official address.
  public var url: String { "\(source.url)/\(source.file ?? fileName)" }

  /// The file's SHA-256, or the first digits of it. They find broken files; eight of them are no proof against a forger,
  /// so ``WeightCache`` records the others.
  public var checksum: Checksum {
    if let sha256 { return .sha256(sha256) }
    if source.file != nil { return .sha256Prefix("") }
    let digits = fileName.split(separator: "-").last?.split(separator: ".").first
    return .sha256Prefix(digits.map { String($0) } ?? "")
  }

  /// Bound on the size of the file: 8 bytes per parameter, twice what they take, and 64 MiB for auxiliary heads and
  /// what describes the parameters.
  package var maximumBytes: Int {
    let (size, overflow) = max(parameterCount, 0).multipliedReportingOverflow(by: Self.bytesPerParameter)
    return overflow ? .max : size + min(Self.bytesBesides, .max - size)
  }
  private static let bytesPerParameter = 8
  private static let bytesBesides = 64 << 20
}

/// Where weight files were published: the address that file names are added to.
public struct WeightsSource: Sendable, Hashable {
  /// Without a slash at its end.
  public let url: String
  /// Where the files lie on every machine that has the library; nil if they are downloaded.
  let folder: String?
  /// The name of the only file there; nil if each entry says its file's.
  let file: String?

  public init(url: String) { self.init(url, folder: nil, file: nil) }

  private init(folder: String) { self.init("file://" + folder, folder: folder, file: nil) }

  private init(_ url: String, folder: String?, file: String?) {
    (self.url, self.folder, self.file) = (url, folder, file)
  }

  public static let torchvision = WeightsSource(url: "https://download.pytorch.org/models")
  public static let timm = WeightsSource(
    url: "https://github.com/huggingface/pytorch-image-models/releases/download/v0.1-weights")
  /// DeiT, by its authors.
  static let deit = WeightsSource(url: "https://dl.fbaipublicfiles.com/deit")
  /// A repository of Hugging Face's hub, which is the only one that says the file's SHA-256.
  static func hub(_ repository: String) -> WeightsSource {
    WeightsSource("https://huggingface.co/\(repository)/resolve/main", folder: nil, file: "model.safetensors")
  }
  /// The resources of the library, beside the program.
  public static let library = WeightsSource(folder: Bundle.module.bundlePath)
}

/// Which weights of a network, by torchvision's name.
///
///     let network = try makeModel("resnet50", weights: .imagenet1kV2)
public struct WeightsName: Sendable, Hashable, RawRepresentable, ExpressibleByStringLiteral,
  CustomStringConvertible
{
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }
  public init(stringLiteral value: String) { rawValue = value }
  public var description: String { rawValue }

  /// torchvision's choice for the network.
  public static let `default` = WeightsName(rawValue: "DEFAULT")
  public static let imagenet1kV1 = WeightsName(rawValue: "IMAGENET1K_V1")
  public static let imagenet1kV2 = WeightsName(rawValue: "IMAGENET1K_V2")
  /// VGG-16: the convolutions alone.
  public static let imagenet1kFeatures = WeightsName(rawValue: "IMAGENET1K_FEATURES")
  /// ViT: pretrained on photos and hashtags, then trained further as a whole.
  public static let imagenet1kSwagE2EV1 = WeightsName(rawValue: "IMAGENET1K_SWAG_E2E_V1")
  /// ViT: pretrained on photos and hashtags, with a linear layer trained on top.
  public static let imagenet1kSwagLinearV1 = WeightsName(rawValue: "IMAGENET1K_SWAG_LINEAR_V1")
}
