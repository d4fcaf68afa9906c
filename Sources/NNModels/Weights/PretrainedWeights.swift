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

  /// The network, as ``makeModel(_:weights:classes:channels:imageSize:dropPath:dropout:cache:progress:)`` knows it: `resnet50`.
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
  /// The terms under which the weights are published, as their source says; those of the images that they were trained
  /// on are another matter.
  public let license: WeightsLicense
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
    license: WeightsLicense? = nil, transforms: ImageClassification = ImageClassification(),
    sha256: String? = nil
  ) {
    self.init(
      name, fileName, from: source, parameters: parameters, accuracy: accuracy, minimumSize: minimumSize,
      imageSize: imageSize, license: license, transforms: transforms, sha256: sha256)
    self.architecture = architecture
  }

  /// An entry of an ``Architecture``, which says the name.
  ///
  /// - Parameter categories: names of the classes; nil for ImageNet's, or none without an accuracy.
  init(
    _ name: WeightsName, _ fileName: String, from source: WeightsSource = .torchvision,
    parameters: Int, accuracy: Accuracy? = nil, minimumSize: Int = 1, imageSize: Int? = nil,
    license: WeightsLicense? = nil, transforms: ImageClassification = ImageClassification(),
    categories: [String]? = nil, sha256: String? = nil
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
    self.license = license ?? source.license
    ownCategories = categories
    self.sha256 = sha256
  }

  /// Weights of timm's hub that classify ImageNet.
  ///
  /// - Parameters:
  ///   - network: timm's name.
  ///   - tag: what timm calls their training.
  static func timm(
    _ network: String, _ tag: String, parameters: Int, accuracy: Accuracy? = nil, minimumSize: Int = 1,
    license: WeightsLicense? = nil, transforms: ImageClassification
  ) -> PretrainedWeights {
    PretrainedWeights(
      WeightsName(rawValue: tag), "\(network).\(tag).safetensors", from: .hub("timm/\(network).\(tag)"),
      parameters: parameters, accuracy: accuracy, minimumSize: minimumSize, license: license,
      transforms: transforms, categories: imagenetCategories)
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
  /// Under which the weights are published in general.
  let license: WeightsLicense

  /// - Parameter license: under which the weights there are published in general.
  public init(url: String, license: WeightsLicense = .unknown) {
    self.init(url, folder: nil, file: nil, license)
  }

  private init(_ url: String, folder: String?, file: String?, _ license: WeightsLicense) {
    (self.url, self.folder, self.file, self.license) = (url, folder, file, license)
  }

  public static let torchvision = WeightsSource(url: "https://download.pytorch.org/models", license: .bsd3)
  public static let timm = WeightsSource(
    url: "https://github.com/huggingface/pytorch-image-models/releases/download/v0.1-weights",
    license: .apache2)
  /// DeiT, by its authors.
  static let deit = WeightsSource(url: "https://dl.fbaipublicfiles.com/deit", license: .apache2)
  /// A repository of Hugging Face's hub, which is the only one that says the file's SHA-256.
  static func hub(_ repository: String) -> WeightsSource {
    WeightsSource(
      "https://huggingface.co/\(repository)/resolve/main", folder: nil, file: "model.safetensors", .apache2)
  }
  /// The resources of the library, beside the program.
  public static let library = WeightsSource(
    "file://" + Bundle.module.bundlePath, folder: Bundle.module.bundlePath, file: nil, .apache2)
}

/// Terms under which weights are published.
public struct WeightsLicense: Sendable, Hashable, CustomStringConvertible {
  public let description: String

  /// - Parameter name: as SPDX writes it, if it has it.
  public init(_ name: String) { description = name }

  public static let bsd3 = WeightsLicense("BSD-3-Clause")
  public static let apache2 = WeightsLicense("Apache-2.0")
  public static let mit = WeightsLicense("MIT")
  /// Not for commercial use.
  public static let nonCommercial = WeightsLicense("CC-BY-NC-4.0")
  /// Meta's own for DINOv3.
  public static let dinov3 = WeightsLicense("DINOv3 License")
  public static let unknown = WeightsLicense("unknown")
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
