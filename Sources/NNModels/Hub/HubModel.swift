import Foundation
import NNCore
import NNData
import NNFiles

/// A model of a hub: what its descriptions say of network and images, and its weights in safetensors. Other kinds of
/// weight files are not asked for.
///
///     let model = try HubModel(HubRepository("timm/resnet18.a1_in1k"))
///     print(model.architecture ?? "?", try model.weights())
public struct HubModel: Sendable {
  /// Where it is from, with the commit.
  public let repository: HubRepository
  /// What its description calls the network: timm's `architecture`, or the `model_type` of transformers.
  public let architecture: String?
  /// How the network wants its images; nil if no description says so.
  public let preparation: ImagePreparation?
  private let cache: HubCache

  /// What the network wants done to images.
  public struct ImagePreparation: Sendable, Hashable {
    /// Stretched to a square of `crop` instead of cropped.
    public var stretches: Bool
    public var transforms: ImageClassification

    public init(stretches: Bool, transforms: ImageClassification) {
      self.stretches = stretches
      self.transforms = transforms
    }
  }

  /// Largest description that is read, in bytes.
  private static let descriptionLimit = 1 << 20

  /// Reads the descriptions.
  ///
  /// - Throws: ``HubError``, `DownloadError`, `FileError`.
  public init(_ repository: HubRepository, cache: HubCache = .default) throws {
    let config = try Self.description("config.json", repository, cache)
    // All of one commit, whatever happens to the branch meanwhile.
    let pinned = cache.commit(of: repository).map { HubRepository(repository, at: $0) } ?? repository
    let timm = config?.value("pretrained_cfg")
    preparation =
      try config.flatMap { try ($0.value("pretrained_cfg") ?? $0).timmPreparation() }
      ?? Self.description("preprocessor_config.json", pinned, cache)?.transformersPreparation()
    architecture =
      config?.text("architecture") ?? timm?.text("architecture") ?? config?.text("model_type")
    self.repository = pinned
    self.cache = cache
  }

  /// Files that the index of a model may name.
  private static let shardLimit = 1_000

  /// Path of the weights, which are downloaded if they are not on disk: `model.safetensors`, or else its index
  /// `model.safetensors.index.json` with the files that it names beside it.
  ///
  /// - Parameter progress: told about the download, ten times a second.
  /// - Throws: ``HubError``, `DownloadError`, `FileError`.
  public func weights(progress: ((DownloadProgress) -> Void)? = nil) throws -> String {
    if let file = try cache.optionalFile("model.safetensors", of: repository, progress: progress) {
      return file
    }
    let name = "model.safetensors.index.json"
    let index = try cache.optionalFile(name, of: repository, maximumBytes: ShardedIndex.sizeLimit)
    guard let index else {
      throw HubError(
        "\(repository.name): expected its weights in model.safetensors, found none; other formats are not read from a hub"
      )
    }
    let shards = try ShardedIndex.fileNames(at: index)
    guard shards.count <= Self.shardLimit else {
      throw HubError(
        "\(repository): expected at most \(Self.shardLimit) files in \(name), found \(shards.count)")
    }
    for shard in shards {
      guard HubRepository.isName(shard), shard.hasSuffix(".safetensors") else {
        throw HubError(
          "\(repository): expected names of safetensors files in \(name), found \(quoted(shard))")
      }
      _ = try cache.file(shard, of: repository, progress: progress)
    }
    return index
  }

  private static func description(
    _ name: String, _ repository: HubRepository, _ cache: HubCache
  ) throws -> HubDescription? {
    try cache.optionalFile(name, of: repository, maximumBytes: descriptionLimit).map {
      try HubDescription(contentsOf: $0, of: repository, name)
    }
  }
}

/// A JSON object of a hub, untrusted.
private struct HubDescription {
  private let values: [String: Any]
  /// For errors.
  private let place: String

  init(contentsOf path: String, of repository: HubRepository, _ name: String) throws {
    place = "\(repository), \(name)"
    let data = try FileBytes(mapping: path).whole.withBytes { Data($0) }
    guard let values = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any] else {
      throw HubError("\(place): expected a JSON object, found another text")
    }
    self.values = values
  }

  private init(_ values: [String: Any], _ place: String) {
    self.values = values
    self.place = place
  }

  func value(_ name: String) -> HubDescription? {
    (values[name] as? [String: Any]).map { HubDescription($0, "\(place), \(name)") }
  }
  func text(_ name: String) -> String? { (values[name] as? String).map { String($0.prefix(200)) } }
  private func number(_ name: String) -> Double? { (values[name] as? NSNumber)?.doubleValue }
  private func flag(_ name: String) -> Bool { (values[name] as? NSNumber)?.boolValue ?? true }
  private func numbers(_ name: String) -> [Double]? {
    (values[name] as? [Any])?.compactMap { ($0 as? NSNumber)?.doubleValue }
  }

  private func bad(_ name: String, _ expected: String) -> HubError {
    HubError("\(place): expected \(expected) as \(name), found \(quoted("\(values[name] ?? "nothing")"))")
  }

  private static let sizes = 1.0...10_000.0

  private func side(_ name: String, _ value: Double?) throws -> Int {
    guard let value, Self.sizes.contains(value), value == value.rounded() else {
      throw bad(name, "a size in pixels")
    }
    return Int(value)
  }

  private func colours(_ name: String, usual: [Float], positive: Bool) throws -> [Float] {
    guard values[name] != nil, !(values[name] is NSNull) else { return usual }
    guard let found = numbers(name)?.map({ Float($0) }), found.count == 3,
      found.allSatisfy({ $0.isFinite && (!positive || $0 > 0) })
    else { throw bad(name, "3 numbers") }
    return found
  }

  /// timm's `pretrained_cfg`: nil if there is none.
  func timmPreparation() throws -> HubModel.ImagePreparation? {
    guard values["input_size"] != nil else { return nil }
    guard let size = numbers("input_size"), size.count == 3, size[0] == 3, size[1] == size[2] else {
      throw bad("input_size", "[3, SIDE, SIDE]")
    }
    let crop = try side("input_size", size[1])
    let share = number("crop_pct") ?? 0.875
    guard share > 0, share <= 1 else { throw bad("crop_pct", "a number in 0...1") }
    let mode = text("crop_mode") ?? "center"
    guard mode == "center" || mode == "squash" && share == 1 else { throw bad("crop_mode", "center") }
    let name = text("interpolation") ?? "bilinear"
    guard let interpolation = InterpolationMode(rawValue: name) else {
      throw bad("interpolation", InterpolationMode.allCases.map(\.rawValue).joined(separator: ", "))
    }
    let usual = ImageClassification()
    return HubModel.ImagePreparation(
      stretches: mode == "squash",
      transforms: ImageClassification(
        crop: crop, resize: try side("crop_pct", (Double(crop) / share).rounded(.down)),
        interpolation: interpolation, mean: try colours("mean", usual: usual.mean, positive: false),
        std: try colours("std", usual: usual.std, positive: true)))
  }

  /// `preprocessor_config.json` of transformers: nil if images are not resized.
  func transformersPreparation() throws -> HubModel.ImagePreparation? {
    guard values["size"] != nil else { return nil }
    /// A number, a shorter side, or equal height and width.
    func square(_ name: String) throws -> (side: Int, isShorter: Bool) {
      if let plain = number(name) { return (try side(name, plain), true) }
      guard let size = value(name) else { throw bad(name, "a size in pixels") }
      if let shorter = size.number("shortest_edge") { return (try side(name, shorter), true) }
      let (height, width) = (try side(name, size.number("height")), try side(name, size.number("width")))
      guard height == width else { throw bad(name, "equal height and width") }
      return (height, false)
    }
    var (resize, isShorter) = try square("size")
    let crops = values["crop_size"] != nil && flag("do_center_crop")
    var crop = crops ? try square("crop_size").side : resize
    if let share = number("crop_pct"), share > 0, share <= 1, !crops {
      (crop, resize, isShorter) = (resize, try side("size", (Double(resize) / share).rounded(.down)), true)
    }
    guard crop <= resize else { throw bad("crop_size", "at most \(resize)") }
    let modes: [Int: InterpolationMode] = [
      0: .nearest, 1: .lanczos, 2: .bilinear, 3: .bicubic, 4: .box, 5: .hamming,
    ]
    let mode = number("resample").map { Int(exactly: $0) ?? -1 } ?? 2
    guard let interpolation = modes[mode] else {
      throw bad("resample", "a number in 0...5")
    }
    let plain = !flag("do_normalize")
    return HubModel.ImagePreparation(
      stretches: !isShorter && crop == resize,
      transforms: ImageClassification(
        crop: crop, resize: resize, interpolation: interpolation,
        mean: plain ? [0, 0, 0] : try colours("image_mean", usual: [0.5, 0.5, 0.5], positive: false),
        std: plain ? [1, 1, 1] : try colours("image_std", usual: [0.5, 0.5, 0.5], positive: true)))
  }
}
