import Foundation
import NNCore
import NNData
import NNFiles
import Synchronization

/// Files of models on a hub, in the folders that Hugging Face's programs keep them in: what one has downloaded the others
/// find.
///
///     let repository = try HubRepository("timm/resnet18.a1_in1k")
///     let file = try HubCache.default.file("model.safetensors", of: repository)
///
/// A file is taken up where an earlier attempt ended, checked against the digest that the hub tells, and named only then.
///
/// From the environment, as for Hugging Face's own programs:
///
/// - `HF_HUB_CACHE`: the folder, by default `$HF_HOME/hub`; `HF_HOME` is `~/.cache/huggingface` by default.
/// - `HF_ENDPOINT`: a mirror in place of `https://huggingface.co`.
/// - `HF_HUB_OFFLINE`: if `1`, `true`, `yes` or `on`, only files on disk are used.
/// - `HF_TOKEN`, or else the file `HF_TOKEN_PATH`, by default `$HF_HOME/token`: sent to that hub alone, never on to
///   where it redirects, and never without encryption.
public struct HubCache: Sendable {
  /// Where the files are kept.
  public var folder: String
  /// Address of the hub, without a slash at its end.
  public var endpoint: String
  /// Whether only files on disk are used.
  public var isOffline: Bool
  public var downloader: Downloader
  /// Who asks; nil for anybody. Read when it is first needed.
  private let token: @Sendable () throws -> String?

  /// - Parameter token: who asks; nil for anybody.
  public init(
    folder: String, endpoint: String = officialEndpoint, token: String? = nil, isOffline: Bool = false,
    downloader: Downloader = Downloader(busyTimeout: 3600)
  ) {
    self.init(folder, endpoint, isOffline, downloader) { token }
  }

  private init(
    _ folder: String, _ endpoint: String, _ isOffline: Bool, _ downloader: Downloader,
    token: @escaping @Sendable () throws -> String?
  ) {
    self.folder = folder
    self.endpoint = endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint
    self.isOffline = isOffline
    self.downloader = downloader
    self.token = token
  }

  public static let officialEndpoint = "https://huggingface.co"

  /// As environment variables say.
  public init(environment: [String: String]) {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    func isOn(_ name: String) -> Bool { ["1", "true", "yes", "on"].contains(value(name)?.lowercased()) }
    let caches = value("XDG_CACHE_HOME") ?? (value("HOME") ?? ".") + "/.cache"
    let home = value("HF_HOME") ?? caches + "/huggingface"
    let (given, path) = (value("HF_TOKEN"), value("HF_TOKEN_PATH") ?? home + "/token")
    let isAnonymous = isOn("HF_HUB_DISABLE_IMPLICIT_TOKEN")
    self.init(
      value("HF_HUB_CACHE") ?? home + "/hub", value("HF_ENDPOINT") ?? Self.officialEndpoint,
      isOn("HF_HUB_OFFLINE"), Downloader(busyTimeout: 3600)
    ) {
      isAnonymous ? nil : try Self.token(given, path)
    }
  }

  /// What everything uses that is not given another cache: from the environment, unless it is set.
  public static var `default`: HubCache {
    get { chosen.withLock { $0 } ?? HubCache(environment: ProcessInfo.processInfo.environment) }
    set { chosen.withLock { $0 = newValue } }
  }
  private static let chosen = Mutex<HubCache?>(nil)

  /// Largest file of a token that is read, in bytes.
  private static let tokenLimit = 4_096

  private static func token(_ given: String?, _ path: String) throws -> String? {
    var text = given ?? ""
    if given == nil {
      guard access(path, F_OK) == 0 else { return nil }
      text = try FileBytes(mapping: path).whole.withBytes {
        String(decoding: $0.prefix(tokenLimit + 1), as: UTF8.self)
      }
    }
    let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
    // The token itself is never shown.
    guard token.utf8.count <= tokenLimit, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw HubError(
        "\(given == nil ? printable(path) : "HF_TOKEN"): expected a token of letters and digits, found other characters"
      )
    }
    return token.isEmpty ? nil : token
  }

  // MARK: Files

  /// The file of a model, downloaded if it is not on disk.
  ///
  /// - Parameters:
  ///   - name: such as `model.safetensors`.
  ///   - maximumBytes: larger ones are refused.
  ///   - progress: told about a download, ten times a second.
  /// - Returns: its path, in the folder of its commit.
  /// - Throws: ``HubError`` if the hub has no such file or does not give it; `DownloadError`, `FileError`.
  public func file(
    _ name: String, of repository: HubRepository, maximumBytes: Int = fileLimit,
    progress: ((DownloadProgress) -> Void)? = nil
  ) throws -> String {
    guard
      let path = try optionalFile(name, of: repository, maximumBytes: maximumBytes, progress: progress)
    else {
      throw HubError(
        "\(repository): expected a file \(printable(name)) in the model, found none on \(endpoint)")
    }
    return path
  }

  /// Bound on the size of a file in bytes.
  public static let fileLimit = 64 << 30

  /// The same, or nil if the model has no such file.
  public func optionalFile(
    _ name: String, of repository: HubRepository, maximumBytes: Int = fileLimit,
    progress: ((DownloadProgress) -> Void)? = nil
  ) throws -> String? {
    require(
      name.split(separator: "/").allSatisfy { HubRepository.isName($0) }, "HubCache",
      "no name of a file: \(quoted(name))")
    let place = HubFolder("\(folder)/\(repository.folderName)")
    let known = repository.isCommit ? repository.revision : place.commit(of: repository.revision)
    // A commit never changes; what a branch means is asked for.
    if repository.isCommit || isOffline, let known {
      if let path = try place.file(name, commit: known) { return path }
      if place.isKnownMissing(name, commit: known) { return nil }
    }
    if isOffline {
      throw HubError(
        "\(repository): expected \(printable(name)) in \(printable(place.path)), found none, and downloads are switched "
          + "off (HF_HUB_OFFLINE)")
    }
    let url = url(name, of: repository)
    let head: HTTPHead
    do {
      head = try downloader.head(url, authorization: authorization())
    } catch let error as DownloadError {
      // Without a connection, what is there is as good as it gets.
      if let known, let path = try place.file(name, commit: known) {
        writeToStandardError("Warning: \(printable("\(error)")); uses what is in \(printable(place.path)).\n")
        return path
      }
      throw error
    }
    let entry = try HubEntry(head, repository, name, endpoint, hasToken: token() != nil)
    guard let blob = entry.blob else {
      try place.noteMissing(name, commit: entry.commit, revision: repository.revision)
      return nil
    }
    guard blob.size ?? 0 <= maximumBytes else {
      throw HubError(
        "\(repository): expected \(printable(name)) of at most \(maximumBytes) bytes, found \(blob.size ?? 0)"
      )
    }
    let target = try place.blob(blob.digest)
    try downloader.download(
      self.url(name, of: HubRepository(repository, at: entry.commit)), to: target, checksum: blob.checksum,
      maximumBytes: blob.size ?? maximumBytes, authorization: authorization(),
      progress: progress.map { tell in
        // The file is named by its digest so far.
        { state in
          var state = state
          state.name = name
          tell(state)
        }
      })
    return try place.link(name, to: blob.digest, commit: entry.commit, revision: repository.revision)
  }

  /// The commit that a revision means, if any file of it was asked for.
  public func commit(of repository: HubRepository) -> String? {
    repository.isCommit
      ? repository.revision
      : HubFolder("\(folder)/\(repository.folderName)").commit(of: repository.revision)
  }

  private func url(_ name: String, of repository: HubRepository) -> String {
    let revision = repository.revision.replacingOccurrences(of: "/", with: "%2F")
    return "\(endpoint)/\(repository.name)/resolve/\(revision)/\(name)"
  }

  /// The header that says who asks.
  private func authorization() throws -> String? {
    guard let token = try token(), let address = URL(string: endpoint) else { return nil }
    guard address.scheme?.lowercased() == "https" || PlainConnections.isThisMachine(address) else {
      throw HubError(
        "HF_ENDPOINT: expected an https address, as a token would be sent there, found \(quoted(endpoint))")
    }
    return "Bearer \(token)"
  }
}

/// What a hub answers about a file.
private struct HubEntry {
  struct Blob {
    var digest: String
    var checksum: Checksum
    var size: Int?
  }

  let commit: String
  /// Nil if the commit has no such file.
  let blob: Blob?

  init(
    _ head: HTTPHead, _ repository: HubRepository, _ name: String, _ endpoint: String, hasToken: Bool
  ) throws {
    let code = head.fields["x-error-code"] ?? ""
    let page = "\(endpoint)/\(repository.name)"
    switch head.status {
    case 200..<400: break
    case 404 where code == "EntryNotFound": break
    case 404 where code == "RevisionNotFound":
      throw HubError(
        "\(repository): expected a revision of the model, found none called \(quoted(repository.revision)) on \(endpoint)"
      )
    case 401, 403, 404:
      if code == "GatedRepo" || head.status == 403 {
        throw HubError(
          "\(repository): expected permission to read the model; accept its terms on \(page)"
            + (hasToken ? "" : ", and set HF_TOKEN to your token"))
      }
      throw HubError(
        "\(repository): expected a model, found none on \(endpoint)"
          + (hasToken
            ? ", or one that your token does not open"
            : ", or a private one: set HF_TOKEN to your token"))
    default: throw DownloadError.status(url: page, code: head.status)
    }
    guard let commit = head.fields["x-repo-commit"], HubRepository.isCommit(commit) else {
      throw HubError(
        "\(page): expected the commit in the header X-Repo-Commit, found \(quoted(head.fields["x-repo-commit"] ?? ""))"
      )
    }
    self.commit = commit
    if head.status == 404 {
      blob = nil
      return
    }
    let tag = head.fields["x-linked-etag"] ?? head.fields["etag"] ?? ""
    let digest = (tag.hasPrefix("W/") ? String(tag.dropFirst(2)) : tag).trimmingCharacters(in: ["\""])
    let isHex = digest.allSatisfy { $0.isASCII && $0.isHexDigit && !$0.isUppercase }
    let checksum: Checksum? =
      switch digest.utf8.count {
      case 64 where isHex: .sha256(digest)
      case 40 where isHex: .gitBlob(digest)
      default: nil
      }
    guard let checksum else {
      throw HubError(
        "\(page): expected the digest of \(printable(name)) in the header ETag, found \(quoted(tag))")
    }
    let size = (head.fields["x-linked-size"] ?? head.fields["content-length"]).flatMap { Int($0) }
    blob = Blob(digest: digest, checksum: checksum, size: size.flatMap { $0 > 0 ? $0 : nil })
  }
}
