import NNCore

/// Why a download failed.
public enum DownloadError: Error, CustomStringConvertible, Equatable {
  case invalidURL(String)
  /// The server could not be reached, or the connection broke more often than was retried.
  case connection(url: String, reason: String)
  /// The server could not prove who it is, or speaks no encryption.
  case certificate(url: String, reason: String)
  /// The server sent on to where a download does not follow.
  case redirect(url: String, reason: String)
  /// An HTTP status other than success.
  case status(url: String, code: Int)
  /// The server answers so many requests and no more, and says how many seconds to wait, perhaps.
  case tooManyRequests(url: String, retryAfter: Double?)
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
    case .certificate(let url, let reason):
      "\(url): download failed: the server's certificate was not accepted: \(reason)"
    case .redirect(let url, let reason): "\(url): download failed: \(reason)"
    case .status(let url, let code): "\(url): download failed: the server answered with HTTP status \(code)"
    case .tooManyRequests(let url, let seconds):
      "\(url): download failed: too many requests (HTTP status 429); try again "
        + (seconds.map { "in \(Int(clamping: Int64(min(max($0, 0), 1e9).rounded(.up)))) seconds" } ?? "later")
    case .length(let url, let expected, let found): "\(url): expected \(expected) bytes, received \(found)"
    case .checksum(let url, let expected, let found):
      "\(url): expected \(expected), received a file with \(found)"
    case .tooLarge(let url, let limit): "\(url): expected at most \(limit) bytes, the file is larger"
    case .busy(let file): "\(file): another process is downloading this file"
    }
  }

  /// Whether trying again may help: silence, a broken connection, a server in trouble. What the server answers for
  /// good (a missing file, a wrong certificate) comes out at once.
  var isTransient: Bool {
    switch self {
    case .connection, .length: true
    // A request that timed out is silence, too.
    case .status(_, let code): code == 408 || code >= 500
    case .tooManyRequests(_, let seconds): seconds ?? 0 <= Self.longestWait
    case .invalidURL, .certificate, .redirect, .checksum, .tooLarge, .busy: false
    }
  }

  /// Seconds that are waited for a server that asks for it.
  private static let longestWait = 60.0

  var isTooLarge: Bool {
    if case .tooLarge = self { true } else { false }
  }
}
