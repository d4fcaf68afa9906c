import NNCore
import Synchronization

/// Keeps in memory what a deterministic transform makes of image files, so that each file is decoded once however often
/// it is asked for: by a check, the measurements before a fit, in every epoch.
///
///     let cache = ImageCache(byteLimit: 1 << 30)
///     let photos = try ImageFolder("photos", transform: transform, cache: cache)
///
/// An image takes its height times its width times its channels in bytes after resizing and cropping, 150 kB for
/// 3x224x224. When the limit is reached, further files are decoded each time; nothing is given up for them, since a pass
/// over a data set asks for every file before it asks for one again. Nothing is kept of random transforms.
///
/// Files are known by their paths: one that is overwritten meanwhile is not read anew. Folders may share a cache; what
/// a file is read as and its transform belong to its key.
public final class ImageCache: Sendable {
  /// Bytes of pixels that are kept at most.
  public let byteLimit: Int

  struct Key: Hashable {
    var path: String
    /// How the file is read and transformed.
    var recipe: String
  }

  private struct State {
    var kept: [Key: PreparedTensor] = [:]
    var bytes = 0
    var decodedCount = 0
  }
  private let state = Mutex(State())

  /// - Parameter byteLimit: bytes of pixels that are kept at most; at least 0.
  public init(byteLimit: Int) {
    require(byteLimit >= 0, "ImageCache", "the limit must not be negative, got \(byteLimit)")
    self.byteLimit = byteLimit
  }

  /// Images that are kept.
  public var count: Int { state.withLock { $0.kept.count } }
  /// Bytes of their pixels.
  public var byteCount: Int { state.withLock { $0.bytes } }
  /// How many times a file was decoded.
  public var decodedCount: Int { state.withLock { $0.decodedCount } }

  /// The image that is kept under a key, or what `make` makes of its file.
  func image(_ key: Key, make: () throws -> PreparedTensor) rethrows -> PreparedTensor {
    if let kept = state.withLock({ $0.kept[key] }) { return kept }
    // Without the lock: others read their files meanwhile. Two that ask for one file at the same time both decode it.
    let image = try make().rendered()
    state.withLock { state in
      state.decodedCount += 1
      let size = image.byteCount
      guard state.kept[key] == nil, size <= byteLimit - state.bytes else { return }
      state.kept[key] = image
      state.bytes += size
    }
    return image
  }
}
