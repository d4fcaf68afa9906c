import Foundation
import NNCore
import NNData
import NNFiles
import Synchronization

/// Where weight files are kept, and where they come from.
///
/// A file is looked for in `folder` and then in `otherFolders`, and otherwise downloaded into `folder`: taken up where
/// an earlier attempt ended, checked against its SHA-256, and given its name only then. A second process that wants the
/// same file waits for the first.
///
/// Of most files only the first digits of the SHA-256 are published. The whole one is recorded when a file of `folder`
/// is first used, in `NAME.sha256` beside it, and from then on the file must have it, also one that is downloaded anew.
/// Whoever wants to accept another file deletes the record.
///
/// From the environment:
///
/// - `NN_HUB_DIR`: the folder. Without it, it is PyTorch's own, `$TORCH_HOME/hub/checkpoints`, by default
///   `~/.cache/torch/hub/checkpoints`; with it, PyTorch's is read too.
/// - `NN_HUB_MIRROR`: an address (https, http or file) that holds the files in place of
///   their source (`https://download.pytorch.org/models` for torchvision's).
/// - `NN_HUB_OFFLINE`: if `1`, `true`, `yes` or `on`, nothing is downloaded.
public struct WeightCache: Sendable {
  /// Where downloads go; made when it is needed.
  public var folder: String
  /// Folders that are looked into as well, but never written to.
  public var otherFolders: [String]
  /// An address that holds the files instead of the official one.
  public var mirror: String?
  /// Whether only files on disk are used.
  public var isOffline: Bool
  public var downloader: Downloader

  public init(
    folder: String, otherFolders: [String] = [], mirror: String? = nil, isOffline: Bool = false,
    downloader: Downloader = Downloader(busyTimeout: 3600)
  ) {
    self.folder = folder
    self.otherFolders = otherFolders
    self.mirror = mirror
    self.isOffline = isOffline
    self.downloader = downloader
  }

  /// As environment variables say.
  public init(environment: [String: String]) {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    let caches = value("XDG_CACHE_HOME") ?? (value("HOME") ?? ".") + "/.cache"
    let torch = (value("TORCH_HOME") ?? caches + "/torch") + "/hub/checkpoints"
    self.init(
      folder: value("NN_HUB_DIR") ?? torch, otherFolders: value("NN_HUB_DIR") == nil ? [] : [torch],
      mirror: value("NN_HUB_MIRROR"),
      isOffline: ["1", "true", "yes", "on"].contains(value("NN_HUB_OFFLINE")?.lowercased()))
  }

  /// What everything uses that is not given another cache: from the environment, unless it is set.
  public static var `default`: WeightCache {
    get { chosen.withLock { $0 } ?? WeightCache(environment: ProcessInfo.processInfo.environment) }
    set { chosen.withLock { $0 = newValue } }
  }
  private static let chosen = Mutex<WeightCache?>(nil)

  /// Where a file is downloaded from.
  public func url(of weights: PretrainedWeights) -> String {
    guard let mirror else { return weights.url }
    return (mirror.hasSuffix("/") ? String(mirror.dropLast()) : mirror) + "/" + weights.fileName
  }

  /// The file if it is on disk already, whatever is in it.
  public func existingFile(for weights: PretrainedWeights) -> String? {
    (weights.source.folder.map { [$0] } ?? [folder] + otherFolders).map { $0 + "/" + weights.fileName }
      .first { FileManager.default.fileExists(atPath: $0) }
  }

  /// The file, downloaded if it is not on disk, with the right SHA-256.
  ///
  /// - Parameter progress: told about a download, ten times a second.
  /// - Throws: ``WeightsError`` if the file cannot be had; `DownloadError` if what came was not the file; `FileError`
  ///   if the file on disk is another one or the folder cannot be written.
  public func file(
    for weights: PretrainedWeights, progress: ((DownloadProgress) -> Void)? = nil
  ) throws -> String {
    if weights.checksum != .sha256Prefix(""), let path = existingFile(for: weights) {
      try check(path, weights.checksum)
      return path
    }
    if let folder = weights.source.folder {
      throw FileError.unreadable(
        file: "\(folder)/\(weights.fileName)", reason: "not among the library's resources")
    }
    let (path, url) = ("\(folder)/\(weights.fileName)", url(of: weights))
    if weights.checksum == .sha256Prefix("") { throw WeightsError.unverifiable(url: url) }
    if isOffline { throw WeightsError.offline(file: path, url: url, alsoRead: otherFolders) }
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw FileError.unwritable(file: folder, reason: "the folder cannot be made")
    }
    let record = DigestRecord(of: path)
    let recorded = try record.digest()
    do {
      try downloader.download(
        url, to: path, checksum: recorded.map { .sha256($0) } ?? weights.checksum,
        maximumBytes: weights.maximumBytes, progress: progress)
    } catch let error as DownloadError where error.isUnavailability {
      throw WeightsError.unavailable(file: path, url: url, reason: error)
    } catch DownloadError.checksum(_, _, let found) where recorded != nil {
      throw record.mismatch(recorded: recorded ?? "", found: found, from: url)
    }
    try check(path, weights.checksum)
    return path
  }

  /// Compares a file with what was published and what was recorded of it, and records what was not.
  private func check(_ path: String, _ published: Checksum) throws {
    let digest = try published.digest(ofFile: path)
    guard published.matches(digest) else {
      throw FileError.malformed(
        file: path, expected: "\(published)",
        found: "SHA-256 \(digest); remove the file to have it downloaded again")
    }
    guard case .sha256Prefix = published else { return }
    let record = DigestRecord(of: path)
    if let recorded = try record.digest() {
      guard recorded == digest else { throw record.mismatch(recorded: recorded, found: digest) }
    } else if path == "\(folder)/\((path as NSString).lastPathComponent)" {
      // A folder that others filled may be one that we cannot write to.
      try? record.write(digest)
    }
  }
}

extension DownloadError {
  /// Whether the file could not be reached, rather than being wrong.
  fileprivate var isUnavailability: Bool {
    switch self {
    case .invalidURL, .connection, .certificate, .redirect, .status, .tooManyRequests, .length, .busy: true
    case .checksum, .tooLarge: false
    }
  }
}

/// Weights that cannot be had.
public enum WeightsError: Error, Equatable, CustomStringConvertible {
  /// The network has no weights of that name.
  case unknown(String, network: String, names: [String])
  /// The file is not on disk, and downloads are switched off.
  case offline(file: String, url: String, alsoRead: [String])
  /// The file is published without a SHA-256 that the library knows.
  case unverifiable(url: String)
  /// The file is not on disk, and could not be downloaded.
  case unavailable(file: String, url: String, reason: DownloadError)

  public var description: String {
    switch self {
    case .unknown(let name, let network, let names):
      "\(network) has no weights \(quoted(name)); there are \(names.joined(separator: ", "))"
    case .offline(let file, let url, let folders):
      "\(file): expected the weights there"
        + (folders.isEmpty ? "" : " (or in \(folders.joined(separator: ", ")))")
        + ", found no file, and downloads are switched off; put \(url) there"
    case .unverifiable(let url):
      "\(url): expected a file whose SHA-256 is known, found one that only the hub vouches for; download it and give "
        + "the file as weights"
    case .unavailable(let file, let url, let reason):
      "\(reason); without Internet, put \(url) at \(file)"
    }
  }
}
