import Foundation

/// A web server for one test: answers each connection with what a closure says, then closes it.
///
/// Invariant for `@unchecked Sendable`: `log` and `isOpen` are touched only under `lock`, the rest is constant.
package final class TinyServer: @unchecked Sendable {
  package struct Answer: Sendable {
    package var status = "200 OK"
    package var headers: [String: String] = [:]
    package var body: [UInt8] = []
    /// What `Content-Length` claims; nil leaves it out.
    package var length: Int?
    /// Keeps the connection open and silent for so many seconds after the body.
    package var stall = 0.0
    /// Sends the body again and again until the client has enough.
    package var isEndless = false

    package init(
      _ body: [UInt8], status: String = "200 OK", length: Int? = nil, headers: [String: String] = [:]
    ) {
      self.body = body
      self.status = status
      self.length = length ?? body.count
      self.headers = headers
    }
  }

  package let port: Int
  private let socketDescriptor: Int32
  private let lock = NSLock()
  private var log: [[String: String]] = []
  private var isOpen = true

  /// The requests so far: header fields in lower case, the path under `path` and `GET` or `HEAD` under `method`.
  package var requests: [[String: String]] { lock.withLock { log } }
  package func url(_ name: String) -> String { "http://127.0.0.1:\(port)/\(name)" }

  /// `respond` gets the number of the request, from 0, and its header fields.
  package init(_ respond: @escaping @Sendable (Int, [String: String]) -> Answer) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 16) == 0
          && getsockname(listener, $0, &length) == 0
      }
    }
    guard listener >= 0, bound else { throw POSIXError(.EADDRNOTAVAIL) }
    port = Int(UInt16(bigEndian: address.sin_port))
    socketDescriptor = listener
    Thread { [self] in
      while true {
        let connection = accept(listener, nil, nil)
        if connection < 0 {
          if errno == EINTR || errno == ECONNABORTED { continue }
          break
        }
        serve(connection, respond)
        close(connection)
      }
      // Closed here alone: elsewhere the number could already mean a file of another test.
      lock.withLock {
        isOpen = false
        close(listener)
      }
    }.start()
  }

  /// Refuses connections from now on. Calling it again does nothing.
  package func stop() {
    lock.withLock { if isOpen { _ = shutdown(socketDescriptor, Int32(SHUT_RDWR)) } }
  }

  private func serve(_ connection: Int32, _ respond: (Int, [String: String]) -> Answer) {
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while !String(decoding: received, as: UTF8.self).contains("\r\n\r\n") {
      let got = read(connection, &buffer, buffer.count)
      if got <= 0 { return }
      received += buffer[0..<got]
      // A client that wants encryption begins with 22; it gets the same answer, which it cannot take for its handshake.
      if received[0] == 22 { break }
    }
    let lines = String(decoding: received, as: UTF8.self).components(separatedBy: "\r\n")
    // GET /name HTTP/1.1
    let request = lines[0].split(separator: " ").map(String.init)
    var fields = ["path": request.dropFirst().first ?? "", "method": request.first ?? ""]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
      if parts.count == 2 { fields[parts[0].lowercased()] = parts[1] }
    }
    let number = lock.withLock {
      log.append(fields)
      return log.count - 1
    }
    let answer = respond(number, fields)
    var head = "HTTP/1.1 \(answer.status)\r\nConnection: close\r\n"
    if let length = answer.length { head += "Content-Length: \(length)\r\n" }
    for (name, value) in answer.headers { head += "\(name): \(value)\r\n" }
    var isOpen = send(Array("\(head)\r\n".utf8) + answer.body, to: connection)
    while answer.isEndless && isOpen { isOpen = send(answer.body, to: connection) }
    if isOpen, answer.stall > 0 { Thread.sleep(forTimeInterval: answer.stall) }
  }

  /// False if the client is gone.
  private func send(_ bytes: [UInt8], to connection: Int32) -> Bool {
    var done = 0
    while done < bytes.count {
      let put = bytes.withUnsafeBytes {
        Foundation.send(connection, $0.baseAddress! + done, bytes.count - done, Int32(MSG_NOSIGNAL))
      }
      if put <= 0 { return false }
      done += put
    }
    return true
  }
}
