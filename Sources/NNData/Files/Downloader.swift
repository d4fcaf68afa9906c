import Foundation
import NNCore

/// Why a download failed.
public enum DownloadError: Error, CustomStringConvertible, Equatable {
  case invalidURL(String)
  /// The server could not be reached, or the connection broke more often than was retried.
  case connection(url: String, reason: String)
  /// An HTTP status other than success.
  case status(url: String, code: Int)
  /// The server sent another number of bytes than it announced.
  case length(url: String, expected: Int, found: Int)
  case checksum(url: String, expected: Checksum, found: String)
  case tooLarge(url: String, limit: Int)
  /// Another process is downloading the same file.
  case busy(file: String)

  public var description: String {
    switch self {
    case .invalidURL(let url): "\(url): expected an http, https or file address"
    case .connection(let url, let reason): "\(url): download failed: \(reason)"
    case .status(let url, let code): "\(url): download failed: the server answered with HTTP status \(code)"
    case .length(let url, let expected, let found): "\(url): expected \(expected) bytes, received \(found)"
    case .checksum(let url, let expected, let found):
      "\(url): expected \(expected), received a file with \(found)"
    case .tooLarge(let url, let limit): "\(url): expected at most \(limit) bytes, the file is larger"
    case .busy(let file): "\(file): another process is downloading this file"
    }
  }

  /// Whether trying again may help.
  var isTransient: Bool {
    switch self {
    case .connection, .length: true
    case .status(_, let code): code == 408 || code == 429 || code >= 500
    case .invalidURL, .checksum, .tooLarge, .busy: false
    }
  }
}

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
public struct Downloader: Sendable {
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
  /// second. Throws ``DownloadError`` or ``FileError``.
  public func download(
    _ url: String, to path: String, checksum: Checksum? = nil, maximumBytes: Int = 16 << 30,
    progress: ((DownloadProgress) -> Void)? = nil
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
      } catch let error as DownloadError where error.isTransient && attempt < retries {
        Thread.sleep(forTimeInterval: retryDelay * Double(1 << min(attempt, 10)))
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
        FileHandle.standardError.write(Data("\(progress.text)\n".utf8))
      }
    }
  }
}

/// The file in which a download gathers, locked against other processes.
///
/// Invariant for `@unchecked Sendable`: used by one thread at a time; a transfer's callbacks run one after the other
/// while the thread that started it waits.
final class PartFile: @unchecked Sendable {
  let path: String
  private let descriptor: Int32
  private let keepsUnfinished: Bool
  private var isPublished = false
  private(set) var size = 0

  init(_ path: String, keepsUnfinished: Bool) throws {
    self.path = path
    self.keepsUnfinished = keepsUnfinished
    descriptor = try PartFile.locked(path)
    if keepsUnfinished {
      size = max(0, Int(lseek(descriptor, 0, SEEK_END)))
    } else {
      try truncate()
    }
  }

  /// Opens the file and locks it, once the name still means what was locked: the process that had the lock may have
  /// published or removed the file in between, and what is open then is not the part any more.
  private static func locked(_ path: String) throws -> Int32 {
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { throw FileError.writing(path) }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        Foundation.close(descriptor)
        throw DownloadError.busy(file: path)
      }
      var (opened, named) = (stat(), stat())
      if fstat(descriptor, &opened) == 0, lstat(path, &named) == 0, opened.st_ino == named.st_ino,
        opened.st_dev == named.st_dev
      {
        return descriptor
      }
      Foundation.close(descriptor)
    }
  }

  func truncate() throws {
    guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
      throw FileError.writing(path)
    }
    size = 0
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < bytes.count, let base = bytes.baseAddress {
      let put = write(descriptor, base + done, bytes.count - done)
      if put < 0 && errno == EINTR { continue }
      guard put > 0 else { throw FileError.writing(path) }
      done += put
      size += put
    }
  }

  func publish(as target: String) throws {
    guard fsync(descriptor) == 0, rename(path, target) == 0 else { throw FileError.writing(target) }
    isPublished = true
  }

  /// Leaves the part only if it is worth taking up again.
  func close() {
    if !isPublished && (!keepsUnfinished || size == 0) { unlink(path) }
    Foundation.close(descriptor)
  }
}
