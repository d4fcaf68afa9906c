import Foundation
import FoundationNetworking
import NNCore

/// What a server says of a file before it sends it.
package struct HTTPHead: Sendable {
  package let status: Int
  /// By their names in lower case.
  package let fields: [String: String]

  package init(status: Int, fields: [String: String]) {
    self.status = status
    self.fields = fields
  }

  /// Seconds after which a server that has too much to do wants to be asked again.
  var retryAfter: Double? { fields["retry-after"].flatMap(Double.init) }
}

extension Downloader {
  /// Asks what a server says of a file. Redirections are followed as long as they stay with the server; one to another
  /// is the answer.
  ///
  /// - Parameter authorization: value of the header of that name.
  /// - Returns: the answer, whatever its status, unless the server has too much to do or is in trouble.
  /// - Throws: ``DownloadError`` if there is no answer.
  package func head(_ url: String, authorization: String? = nil) throws -> HTTPHead {
    guard let address = URL(string: url), ["https", "http"].contains(address.scheme?.lowercased()) else {
      throw DownloadError.invalidURL(url)
    }
    return try retrying {
      var request = URLRequest(url: address)
      request.httpMethod = "HEAD"
      // Compressed on the way, the length would not be the file's.
      request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
      if let authorization { request.setValue(authorization, forHTTPHeaderField: Authorization.field) }
      PlainConnections.shared.warn(of: address)
      let receiver = HeadReceiver(url, address)
      let configuration = URLSessionConfiguration.ephemeral
      configuration.timeoutIntervalForRequest = timeout
      configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
      let queue = OperationQueue()
      queue.maxConcurrentOperationCount = 1
      let session = URLSession(configuration: configuration, delegate: receiver, delegateQueue: queue)
      session.dataTask(with: request).resume()
      receiver.done.wait()
      session.finishTasksAndInvalidate()
      if let failure = receiver.failure { throw failure }
      guard let head = receiver.head else {
        throw DownloadError.connection(url: url, reason: "not an HTTP answer")
      }
      if head.status == 429 {
        throw DownloadError.tooManyRequests(url: url, retryAfter: head.retryAfter)
      }
      if head.status >= 500 { throw DownloadError.status(url: url, code: head.status) }
      return head
    }
  }

  /// Tries again what may pass.
  private func retrying<R>(_ body: () throws -> R) throws -> R {
    var attempt = 0
    while true {
      do {
        return try body()
      } catch let error as DownloadError where error.isTransient && attempt < retries {
        Thread.sleep(forTimeInterval: delay(behind: attempt, error))
        attempt += 1
      }
    }
  }

  /// Seconds to wait behind an attempt that failed.
  func delay(behind attempt: Int, _ error: DownloadError) -> Double {
    let usual = retryDelay * Double(1 << min(attempt, 10))
    if case .tooManyRequests(_, let seconds?) = error { return max(usual, seconds) }
    return usual
  }
}

/// The header that says who asks.
enum Authorization {
  static let field = "Authorization"

  /// The request without it, unless it goes where the first one went.
  static func dropped(from request: URLRequest, comingFrom origin: URL) -> URLRequest {
    guard let address = request.url, !isSameServer(address, origin) else { return request }
    var request = request
    request.setValue(nil, forHTTPHeaderField: field)
    return request
  }

  static func isSameServer(_ a: URL, _ b: URL) -> Bool {
    func port(_ url: URL) -> Int? { url.port ?? (url.scheme?.lowercased() == "https" ? 443 : 80) }
    return a.scheme?.lowercased() == b.scheme?.lowercased() && a.host?.lowercased() == b.host?.lowercased()
      && port(a) == port(b)
  }
}

/// Takes the answer.
///
/// Invariant for `@unchecked Sendable`: the session calls it from a queue that runs one operation at a time, and the
/// thread that waits for `done` reads only afterwards.
private final class HeadReceiver: NSObject, URLSessionDataDelegate, @unchecked Sendable {
  let done = DispatchSemaphore(value: 0)
  private(set) var failure: (any Error)?
  private(set) var head: HTTPHead?
  private let url: String
  private let origin: URL
  private var redirections: Redirections

  init(_ url: String, _ origin: URL) {
    self.url = url
    self.origin = origin
    redirections = Redirections(of: url)
  }

  private func take(_ response: HTTPURLResponse) {
    let fields = response.allHeaderFields.compactMap { name, value -> (String, String)? in
      guard let name = name as? String, let value = value as? String else { return nil }
      return (name.lowercased(), value)
    }
    head = HTTPHead(
      status: response.statusCode, fields: Dictionary(fields, uniquingKeysWith: { first, _ in first }))
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
    newRequest request: URLRequest, completionHandler: @escaping (URLRequest?) -> Void
  ) {
    guard let address = request.url, Authorization.isSameServer(address, origin) else {
      take(response)
      completionHandler(nil)
      return
    }
    if failure == nil { failure = redirections.refusal(from: response.url, to: address) }
    var next = request
    next.httpMethod = "HEAD"
    completionHandler(failure == nil ? next : nil)
  }

  func urlSession(
    _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
    completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
  ) {
    if head == nil, let response = response as? HTTPURLResponse { take(response) }
    completionHandler(.cancel)
  }

  func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
    // What was cancelled had its answer.
    if head == nil, failure == nil, let error {
      failure = DownloadError(error as NSError, url: url, hasAnswer: false)
    }
    done.signal()
  }
}
