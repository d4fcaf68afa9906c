import Foundation
import NNCore

/// What a Trainer does with the results of frozen layers at the beginning of a network.
///
///     Trainer(cacheFrozenFeatures: .memory)                 // the default
///     Trainer(cacheFrozenFeatures: .disk("features"))       // kept for later runs too
///     Trainer(cacheFrozenFeatures: .memory(views: 4))       // four augmented views of each image
///
/// A network that begins with frozen layers (`freeze()`) gives the same for the same image in every epoch. The Trainer
/// finds what it gives to the first layer that is trained, computes that once per image, and looks it up afterwards:
/// from the second epoch on an epoch costs what is trained alone. The result is the same to the last bit.
///
/// That holds if nothing before the trained layers draws random numbers or uses the statistics of the batch, and if the
/// loader is a `DataLoader` of a `RepeatableDataset` whose transforms are deterministic. Where one of these does not
/// hold the Trainer computes everything, and says why (see ``Trainer/notes``).
public struct FeatureCaching: Sendable, Equatable {
  enum Place: Sendable, Equatable {
    case off, memory
    case disk(String)
  }

  /// Numbers as they are kept.
  public enum Precision: String, Sendable, CaseIterable, Codable {
    case float32
    /// Half of the space; results are rounded to 11 bits, so they are not those of a run that computes everything.
    case float16
  }

  let place: Place
  /// How many augmented views of each image there are, one after the other in the epochs; nil: none, and a random
  /// transform keeps its images from being looked up.
  public let views: Int?
  public let precision: Precision
  /// Bytes that are kept at most.
  public let limit: Int

  /// Everything is computed in every epoch.
  public static let off = FeatureCaching(.off)
  /// Kept in memory, of which a quarter is used at most.
  public static let memory = FeatureCaching(.memory)

  /// Kept in memory.
  ///
  /// - Parameters:
  ///   - limit: bytes at most; a quarter of the machine's memory if nil.
  ///   - views: augmented views of each image: epoch e shows view e modulo `views` of each, and a random transform
  ///     draws the same for a view in every run. A model sees `views` images of each sample instead of a new one in
  ///     each epoch, so its training differs from one without the cache.
  ///   - precision: of the numbers that are kept.
  public static func memory(
    limit: Int? = nil, views: Int? = nil, precision: Precision = .float32
  ) -> FeatureCaching {
    FeatureCaching(.memory, limit: limit, views: views, precision: precision)
  }

  /// Kept in a folder, where later runs find it: one of the same weights, layers, images, transforms, version of the
  /// library and kind of processor begins with what is there.
  ///
  /// - Parameters:
  ///   - folder: made if it is not there. Several runs may use one at the same time.
  ///   - limit: bytes at most in the folder; 20 GB if nil. What was not used for longest makes room.
  ///   - views: see `memory(limit:views:precision:)`.
  ///   - precision: of the numbers that are kept.
  public static func disk(
    _ folder: String, limit: Int? = nil, views: Int? = nil, precision: Precision = .float32
  ) -> FeatureCaching {
    FeatureCaching(.disk(folder), limit: limit, views: views, precision: precision)
  }

  private init(_ place: Place, limit: Int? = nil, views: Int? = nil, precision: Precision = .float32) {
    require((limit ?? 1) > 0, "FeatureCaching", "the limit must be positive, got \(limit ?? 0) bytes")
    require((views ?? 1) > 0, "FeatureCaching", "the number of views must be positive, got \(views ?? 0)")
    self.place = place
    self.views = views
    self.precision = precision
    switch place {
    case .disk: self.limit = limit ?? FeatureCaching.diskLimit
    case .memory, .off: self.limit = limit ?? FeatureCaching.machineMemory / 4
    }
  }

  /// Bytes of a folder, unless another limit is given.
  private static let diskLimit = 20_000_000_000

  private static var machineMemory: Int { Int(clamping: ProcessInfo.processInfo.physicalMemory) }
}
