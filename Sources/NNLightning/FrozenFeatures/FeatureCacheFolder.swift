import Foundation
import NNCore
import NNFiles

/// A folder of cached features, as `FeatureCaching.disk(_:)` fills it.
public struct FeatureCacheFolder {
  /// The features of one network for one data set.
  public struct Entry {
    /// Folder of its files.
    public let path: String
    /// Last layer whose result is kept, as a key of the network.
    public let layer: String
    /// Type of the data set.
    public let dataset: String
    /// Inputs that the data set has.
    public let rows: Int
    /// Bytes of each.
    public let rowBytes: Int
    public let libraryVersion: String
    /// Bytes on disk.
    public let size: Int
    public let lastUsed: Date
  }

  public let path: String

  public init(_ path: String) { self.path = path }

  /// What is in the folder, what was used last first. Empty if there is no such folder.
  ///
  /// - Throws: `FileError` if the folder cannot be read.
  public func entries() throws -> [Entry] {
    let manager = FileManager.default
    guard manager.fileExists(atPath: path) else { return [] }
    let names: [String]
    do {
      names = try manager.contentsOfDirectory(atPath: path)
    } catch {
      throw FileError.unreadable(file: path, reason: "the folder cannot be listed")
    }
    return names.compactMap { entry("\(path)/\($0)") }.sorted {
      ($1.lastUsed, $0.path) < ($0.lastUsed, $1.path)
    }
  }

  /// Nil for what is no folder of features.
  private func entry(_ folder: String) -> Entry? {
    let manager = FileManager.default
    let file = "\(folder)/\(FeatureFolder.descriptionName)"
    guard let data = manager.contents(atPath: file),
      let description = try? JSONDecoder().decode(FeatureFolder.Description.self, from: data),
      description.format == FeatureFolder.format,
      let used = try? manager.attributesOfItem(atPath: file)[.modificationDate] as? Date,
      let names = try? manager.contentsOfDirectory(atPath: folder)
    else { return nil }
    let sizes = names.map {
      ((try? manager.attributesOfItem(atPath: "\(folder)/\($0)"))?[.size] as? NSNumber)?.intValue ?? 0
    }
    return Entry(
      path: folder, layer: description.layer, dataset: description.dataset, rows: description.rows,
      rowBytes: description.rowBytes, libraryVersion: description.libraryVersion, size: sizes.reduce(0, +),
      lastUsed: used)
  }

  /// Deletes an entry. A run that uses it goes on with what it has read.
  public func remove(_ entry: Entry) throws {
    do {
      try FileManager.default.removeItem(atPath: entry.path)
    } catch {
      throw FileError.unreadable(file: entry.path, reason: "it cannot be deleted")
    }
  }

  /// Removes what runs that were killed while they wrote left unfinished. What is being written stays.
  func removeLeftovers() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    for name in names where FeatureFolder.isName(name) {
      _ = AtomicFile.removeLeftovers(in: "\(path)/\(name)")
    }
  }

  /// Deletes what was used longest ago until a new entry fits.
  func makeRoom(for bytes: Int, within limit: Int, besides own: String) throws {
    guard bytes <= limit else { throw FeatureFolderError.tooLarge(size: bytes, limit: limit) }
    var others = try entries().filter { $0.path != own }
    while others.reduce(bytes, { $0 + $1.size }) > limit, let oldest = others.popLast() { try remove(oldest) }
  }
}
