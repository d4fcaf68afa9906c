import Foundation
import NNCore

/// How far a download is.
public struct DownloadProgress: Sendable, Equatable {
  /// Name of the file.
  public var name: String
  /// Bytes on disk, those of an earlier attempt included.
  public var received: Int
  /// Size of the file in bytes, or nil if the server does not say.
  public var total: Int?
  public var isFinished: Bool

  /// `cifar-10-binary.tar.gz: 25.2 of 170.1 MB (15%)`.
  public var text: String {
    func megabytes(_ bytes: Int) -> String { String(format: "%.1f", Double(bytes) / 1e6) }
    guard let total, total > 0 else { return "\(name): \(megabytes(received)) MB" }
    return "\(name): \(megabytes(received)) of \(megabytes(total)) MB (\(received * 100 / total)%)"
  }
}

/// Downloads files: resumed where an earlier attempt ended, checked, and only then given their name.
///
/// A connection that breaks, stays silent or meets a server in trouble is tried again. What the server answers for good
/// comes out at once: HTTP 4xx, a certificate that does not fit, a redirection from https to http. Plain http to another
/// machine is told on the standard error output, once for each server.
public struct Downloader: Sendable {
  /// Largest size in bytes of a file of which nothing is known.
  public static let defaultMaximumBytes = 4 << 30

  /// Seconds without a byte after which a connection counts as broken.
  public var timeout: Double
  /// How often a broken connection is taken up again.
  public var retries: Int
  /// Seconds before the first retry; each further one waits twice as long.
  public var retryDelay: Double
  /// Seconds to wait for another process that downloads the same file, before that is an error.
  public var busyTimeout: Double

  public init(timeout: Double = 60, retries: Int = 3, retryDelay: Double = 1, busyTimeout: Double = 0) {
    self.timeout = timeout
    self.retries = retries
    self.retryDelay = retryDelay
    self.busyTimeout = busyTimeout
  }

  /// Downloads `url` (https, http or file) to `path`, unless a file with that checksum is there already (without
  /// a checksum: any file).
  ///
  /// The bytes gather in `path.part`. With a checksum an unfinished part is kept when the download fails, and taken
  /// up by the next attempt, also in a later process. Blocks until done; `progress` is called about ten times a
  /// second. Throws ``DownloadError`` or `FileError`.
  ///
  /// - Parameter maximumBytes: the size of the file, or a bound above it. More than this, or more than the server
  ///   announces, ends the download, and nothing of it is left.
  public func download(
    _ url: String, to path: String, checksum: Checksum? = nil, maximumBytes: Int = defaultMaximumBytes,
    progress: ((DownloadProgress) -> Void)? = nil
  ) throws {
    try download(
      url, to: path, checksum: checksum, maximumBytes: maximumBytes, authorization: nil, progress: progress)
  }

  /// The same.
  ///
  /// - Parameter authorization: value of the header that says who asks; not sent on to where the server redirects.
  package func download(
    _ url: String, to path: String, checksum: Checksum?, maximumBytes: Int, authorization: String?,
    progress: ((DownloadProgress) -> Void)?
  ) throws {
    guard let address = URL(string: url), let scheme = address.scheme?.lowercased(),
      ["https", "http", "file"].contains(scheme)
    else { throw DownloadError.invalidURL(url) }
    if try isPresent(path, checksum) { return }
    let part = try waiting { try PartFile("\(path).part", keepsUnfinished: checksum != nil) }
    defer { part.close() }
    // The process that had the part before may have finished the file.
    if try isPresent(path, checksum) { return }
    var transfer = Transfer(url: url, address: address, part: part, limit: maximumBytes, timeout: timeout)
    transfer.authorization = authorization
    transfer.report = progress.map { progress in
      let name = (path as NSString).lastPathComponent
      return { progress(DownloadProgress(name: name, received: $0, total: $1, isFinished: $2)) }
    }

    var attempt = 0
    while true {
      let resumed = part.size > 0
      if resumed, let checksum, checksum.matches(try checksum.digest(ofFile: part.path)) { break }
      do {
        try transfer.run()
      } catch let error as DownloadError where error.isTooLarge {
        try part.truncate()
        throw error
      } catch let error as DownloadError where error.isTransient && attempt < retries {
        Thread.sleep(forTimeInterval: delay(behind: attempt, error))
        attempt += 1
        continue
      }
      guard let checksum else { break }
      let digest = try checksum.digest(ofFile: part.path)
      if checksum.matches(digest) { break }
      try part.truncate()
      // What was there before may belong to another version of the file: once more, from the start.
      if !resumed { throw DownloadError.checksum(url: url, expected: checksum, found: digest) }
    }
    transfer.report?(part.size, part.size, true)
    try part.publish(as: path)
  }

  private func isPresent(_ path: String, _ checksum: Checksum?) throws -> Bool {
    guard access(path, F_OK) == 0 else { return false }
    return try checksum.map { $0.matches(try $0.digest(ofFile: path)) } ?? true
  }

  private func waiting(_ open: () throws -> PartFile) throws -> PartFile {
    let deadline = Date() + busyTimeout
    while true {
      do {
        return try open()
      } catch DownloadError.busy where Date() < deadline {
        Thread.sleep(forTimeInterval: 0.1)
      }
    }
  }

  /// Reports progress as plain lines on the standard error output, one every `seconds` and one at the end.
  public static func printingLines(every seconds: Double = 3) -> (DownloadProgress) -> Void {
    var last = Date()
    return { progress in
      if progress.isFinished || Date().timeIntervalSince(last) >= seconds {
        last = Date()
        writeToStandardError("\(progress.text)\n")
      }
    }
  }
}
