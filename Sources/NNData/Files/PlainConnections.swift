import Foundation
import NNCore
import Synchronization

/// Tells of connections that are not encrypted, once for each server.
package final class PlainConnections: Sendable {
  static let shared = PlainConnections()
  private let told = Mutex<Set<String>>([])

  package init() {}

  func warn(of address: URL) {
    if let warning = warning(for: address) { writeToStandardError("Warning: \(warning)\n") }
  }

  /// One line, the first time that a server is reached by plain http from another machine; otherwise nil.
  package func warning(for address: URL) -> String? {
    guard address.scheme?.lowercased() == "http", let host = address.host?.lowercased(),
      !Self.isThisMachine(address)
    else { return nil }
    let origin = "http://" + host + (address.port.map { ":\($0)" } ?? "")
    guard told.withLock({ $0.insert(origin).inserted }) else { return nil }
    return "\(printable(origin)) is reached without encryption: whoever is in between can read and change "
      + "what comes; use https if the server has it."
  }

  /// Whether what is sent there stays on this machine.
  package static func isThisMachine(_ address: URL) -> Bool {
    guard let host = address.host?.lowercased() else { return false }
    if host == "localhost" || host.hasSuffix(".localhost") || ["::1", "[::1]"].contains(host) { return true }
    var address = in_addr()
    return inet_pton(AF_INET, host, &address) == 1 && UInt32(bigEndian: address.s_addr) >> 24 == 127
  }
}
