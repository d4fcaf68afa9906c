import Foundation
import FoundationNetworking
import NNCore
import NNFiles

/// One attempt to bring the missing bytes of a file into its part.
struct Transfer {
  let url: String
  let address: URL
  let part: PartFile
  /// Largest size of the file in bytes.
  let limit: Int
  /// Seconds without a byte.
  let timeout: Double
  /// Value of the header that says who asks; sent to the server of `address` alone.
  var authorization: String?
  /// Bytes so far, size if known, whether finished.
  var report: ((Int, Int?, Bool) -> Void)?

  func run() throws {
    if address.isFileURL {
      try copy()
    } else {
      try fetch()
    }
  }

  private func copy() throws {
    try part.truncate()
    let source = open(address.path, O_RDONLY | O_CLOEXEC)
    guard source >= 0 else { throw FileError.reading(address.path) }
    defer { close(source) }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let got = read(source, &buffer, buffer.count)
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else { throw FileError.reading(address.path) }
      if got == 0 { return }
      guard part.size + got <= limit else { throw DownloadError.tooLarge(url: url, limit: limit) }
      try buffer.withUnsafeBytes { try part.append(UnsafeRawBufferPointer(rebasing: $0[0..<got])) }
      report?(part.size, nil, false)
    }
  }

  private func fetch() throws {
    var request = URLRequest(url: address)
    // Compressed on the way, the length would not be the file's.
    request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
    if let authorization { request.setValue(authorization, forHTTPHeaderField: Authorization.field) }
    if part.size > 0 { request.setValue("bytes=\(part.size)-", forHTTPHeaderField: "Range") }
    let configuration = URLSessionConfiguration.ephemeral
    configuration.timeoutIntervalForRequest = timeout
    configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
    PlainConnections.shared.warn(of: address)
    let receiver = Receiver(self)
    let queue = OperationQueue()
    queue.maxConcurrentOperationCount = 1
    let session = URLSession(configuration: configuration, delegate: receiver, delegateQueue: queue)
    session.dataTask(with: request).resume()
    receiver.done.wait()
    session.finishTasksAndInvalidate()
    if let failure = receiver.failure { throw failure }
  }
}

/// Writes what arrives.
///
/// Invariant for `@unchecked Sendable`: the session calls it from a queue that runs one operation at a time, and the
/// thread that waits for `done` reads only afterwards.
private final class Receiver: NSObject, URLSessionDataDelegate, @unchecked Sendable {
  let done = DispatchSemaphore(value: 0)
  private(set) var failure: (any Error)?
  private let transfer: Transfer
  /// Size of the whole file as announced.
  private var total: Int?
  private var hasAnswer = false
  private var redirections: Redirections
  private var lastReport = Date.distantPast

  init(_ transfer: Transfer) {
    self.transfer = transfer
    redirections = Redirections(of: transfer.url)
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
    newRequest request: URLRequest, completionHandler: @escaping (URLRequest?) -> Void
  ) {
    if failure == nil { failure = redirections.refusal(from: response.url, to: request.url) }
    if failure == nil, let address = request.url { PlainConnections.shared.warn(of: address) }
    let next = Authorization.dropped(from: request, comingFrom: transfer.address)
    completionHandler(failure == nil ? next : nil)
  }

  func urlSession(
    _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
    completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
  ) {
    hasAnswer = true
    if failure == nil {
      do { try accept(response) } catch { failure = error }
    }
    completionHandler(failure == nil ? .allow : .cancel)
  }

  private func accept(_ response: URLResponse) throws {
    guard let http = response as? HTTPURLResponse else {
      throw DownloadError.connection(url: transfer.url, reason: "not an HTTP answer")
    }
    switch http.statusCode {
    case 200:
      try transfer.part.truncate()
      total = http.value(forHTTPHeaderField: "Content-Length").flatMap { Int($0) }
    case 206:
      // bytes 1000-4999/5000
      let range = http.value(forHTTPHeaderField: "Content-Range") ?? ""
      let numbers = range.split(whereSeparator: { !$0.isNumber }).map { Int($0) }
      guard numbers.count == 3, let start = numbers[0], let size = numbers[2], start == transfer.part.size
      else {
        try transfer.part.truncate()
        throw DownloadError.connection(url: transfer.url, reason: "wrong range, \(quoted(range))")
      }
      total = size
    case 416 where transfer.part.size > 0:
      try transfer.part.truncate()
      throw DownloadError.connection(
        url: transfer.url, reason: "the file is shorter than what was received before")
    case 429:
      let seconds = http.value(forHTTPHeaderField: "Retry-After").flatMap(Double.init)
      throw DownloadError.tooManyRequests(url: transfer.url, retryAfter: seconds)
    default:
      throw DownloadError.status(url: transfer.url, code: http.statusCode)
    }
    if let total, total > transfer.limit {
      throw DownloadError.tooLarge(url: transfer.url, limit: transfer.limit)
    }
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    guard failure == nil else { return }
    do {
      // Unpacked on the way, or beyond the stated range, a body can be longer than announced.
      let limit = min(total ?? transfer.limit, transfer.limit)
      guard data.count <= limit - transfer.part.size else {
        throw DownloadError.tooLarge(url: transfer.url, limit: limit)
      }
      try data.withUnsafeBytes { try transfer.part.append($0) }
      if Date().timeIntervalSince(lastReport) > 0.1 {
        lastReport = Date()
        transfer.report?(transfer.part.size, total, false)
      }
    } catch {
      failure = error
      dataTask.cancel()
    }
  }

  func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
    if failure == nil {
      if let error {
        failure = DownloadError(error as NSError, url: transfer.url, hasAnswer: hasAnswer)
      } else if let total, total != transfer.part.size {
        failure = DownloadError.length(url: transfer.url, expected: total, found: transfer.part.size)
      }
    }
    done.signal()
  }
}

extension DownloadError {
  /// What the system says of a connection.
  init(_ error: NSError, url: String, hasAnswer: Bool) {
    let text = printable(error.localizedDescription.prefix(200))
    // Of what goes wrong with encryption, the system's library gives the text alone. Once there was an answer, or if the
    // connection broke in the middle, it is no judgement on the server.
    let isJudgement = text.contains("certificate") || text.contains("SSL routines")
    if isJudgement && !hasAnswer {
      self = .certificate(url: url, reason: text)
      return
    }
    let reason =
      switch URLError.Code(rawValue: error.code) {
      case .cannotFindHost, .dnsLookupFailed: "the server's name is not known (no Internet connection?)"
      case .cannotConnectToHost: "no connection to the server"
      case .notConnectedToInternet: "no Internet connection"
      case .networkConnectionLost: "the connection broke"
      case .timedOut: "the server stopped answering"
      default: "\(text) (\(error.domain) \(error.code))"
      }
    self = .connection(url: url, reason: reason)
  }
}
