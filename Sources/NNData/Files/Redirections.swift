import Foundation
import NNCore
import NNFiles

/// The addresses that one request is sent on to.
package struct Redirections {
  /// How many are followed.
  package static let limit = 10
  private let url: String
  private var count = 0

  /// - Parameter url: what was asked for; errors name it.
  package init(of url: String) { self.url = url }

  /// Why the next one is not followed; nil if it is.
  package mutating func refusal(from old: URL?, to new: URL?) -> DownloadError? {
    count += 1
    guard count <= Self.limit else {
      return .redirect(url: url, reason: "redirected more than \(Self.limit) times")
    }
    let scheme = new?.scheme?.lowercased() ?? ""
    let isEncrypted = old?.scheme?.lowercased() == "https"
    if scheme == "https" || (scheme == "http" && !isEncrypted) { return nil }
    let address = quoted(new?.absoluteString ?? "")
    return .redirect(
      url: url,
      reason: scheme == "http"
        ? "redirected to an address without encryption, \(address)"
        : "redirected to \(address), expected an \(isEncrypted ? "" : "http or ")https address")
  }
}
