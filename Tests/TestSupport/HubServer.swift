import Foundation
import Synchronization

/// Two servers that behave as a hub such as huggingface.co does: one that knows models, and one that keeps large files,
/// to which the first redirects.
package final class HubServer: Sendable {
  package struct Model: Sendable {
    package var name: String
    package var commit: String
    /// Small files, by name.
    package var texts: [String: String] = [:]
    /// Large files, by name.
    package var blobs: [String: [UInt8]] = [:]
    /// What a request must bring; nil for everybody.
    package var token: String?
    /// Whether the model is known to those who may not read it.
    package var isGated = false

    package init(
      _ name: String, commit: String, texts: [String: String] = [:], blobs: [String: [UInt8]] = [:]
    ) {
      self.name = name
      self.commit = commit
      self.texts = texts
      self.blobs = blobs
    }
  }

  /// Answers in place of the servers, to be in trouble; nil for what they answer.
  package typealias Trouble = @Sendable (_ number: Int, _ request: [String: String]) -> TinyServer.Answer?

  private let hub: TinyServer
  private let store: TinyServer
  /// For `HF_ENDPOINT`.
  package var endpoint: String { String(hub.url("").dropLast()) }
  /// What the hub was asked.
  package var requests: [[String: String]] { hub.requests }
  /// What the store of large files was asked.
  package var storeRequests: [[String: String]] { store.requests }

  /// - Parameter digests: of files by their content: SHA-256 of large ones, that of git of small ones.
  package init(
    _ model: Model, digest: @escaping @Sendable (_ bytes: [UInt8], _ isLarge: Bool) -> String,
    trouble: @escaping Trouble = { _, _ in nil }, storeTrouble: @escaping Trouble = { _, _ in nil }
  ) throws {
    let store = try TinyServer { number, request in
      if let answer = storeTrouble(number, request) { return answer }
      let wanted = (request["path"] ?? "").split(separator: "/").last.map(String.init)
      guard let bytes = model.blobs.values.first(where: { digest($0, true) == wanted }) else {
        return TinyServer.Answer([], status: "404 Not Found")
      }
      return Self.part(of: bytes, request)
    }
    self.store = store
    hub = try TinyServer { number, request in
      if let answer = trouble(number, request) { return answer }
      return Self.answer(request, model, store, digest)
    }
  }

  package func stop() {
    hub.stop()
    store.stop()
  }

  private static func part(of bytes: [UInt8], _ request: [String: String]) -> TinyServer.Answer {
    guard let range = request["range"], let start = Int(range.dropFirst("bytes=".count).dropLast()) else {
      return TinyServer.Answer(bytes)
    }
    return TinyServer.Answer(
      Array(bytes[min(start, bytes.count)...]), status: "206 Partial Content",
      headers: ["Content-Range": "bytes \(start)-\(bytes.count - 1)/\(bytes.count)"])
  }

  private static func answer(
    _ request: [String: String], _ model: Model, _ store: TinyServer,
    _ digest: (_ bytes: [UInt8], _ isLarge: Bool) -> String
  ) -> TinyServer.Answer {
    func refuse(_ status: String, _ code: String, _ fields: [String: String] = [:]) -> TinyServer.Answer {
      TinyServer.Answer([], status: status, headers: fields.merging(["X-Error-Code": code]) { $1 })
    }
    let path = request["path"] ?? ""
    let cached = "/api/resolve-cache/models/\(model.name)/\(model.commit)/"
    let mayRead = model.token == nil || request["authorization"] == "Bearer \(model.token ?? "")"
    let prefix = "/\(model.name)/resolve/"
    guard path.hasPrefix(prefix) || path.hasPrefix(cached) else {
      return refuse(request["authorization"] == nil ? "401 Unauthorized" : "404 Not Found", "RepoNotFound")
    }
    guard mayRead else {
      return model.isGated
        ? refuse("401 Unauthorized", "GatedRepo") : refuse("401 Unauthorized", "RepoNotFound")
    }
    if path.hasPrefix(cached) {
      guard let text = model.texts[String(path.dropFirst(cached.count))] else {
        return refuse("404 Not Found", "EntryNotFound")
      }
      let bytes = Array(text.utf8)
      var answer = TinyServer.Answer(
        bytes, headers: ["ETag": "\"\(digest(bytes, false))\"", "X-Repo-Commit": model.commit])
      if request["method"] == "HEAD" { answer.body = [] }
      return answer
    }
    let parts = path.dropFirst(prefix.count).split(separator: "/", maxSplits: 1).map(String.init)
    guard parts.count == 2, parts[0] == "main" || parts[0] == model.commit else {
      return refuse("404 Not Found", "RevisionNotFound")
    }
    let known = ["X-Repo-Commit": model.commit]
    if let bytes = model.blobs[parts[1]] {
      let sha = digest(bytes, true)
      return TinyServer.Answer(
        [], status: "302 Found",
        headers: known.merging([
          "Location": store.url("store/\(sha)"), "X-Linked-Etag": "\"\(sha)\"",
          "X-Linked-Size": "\(bytes.count)", "ETag": "\"of the redirection\"",
        ]) { $1 })
    }
    if model.texts[parts[1]] != nil {
      return TinyServer.Answer(
        [], status: "307 Temporary Redirect", headers: known.merging(["Location": cached + parts[1]]) { $1 })
    }
    return refuse("404 Not Found", "EntryNotFound", known)
  }
}
