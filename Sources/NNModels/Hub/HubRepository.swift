import NNCore
import NNFiles

/// A model on a hub such as huggingface.co: `timm/resnet18.a1_in1k`, or `owner/name@revision`.
public struct HubRepository: Sendable, Hashable, CustomStringConvertible {
  /// `owner/name`.
  public let name: String
  /// A branch, a tag or a commit.
  public let revision: String

  /// - Parameter text: `owner/name` or `owner/name@revision`.
  /// - Throws: ``HubError`` if it is something else.
  public init(_ text: String) throws {
    let halves = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    name = halves[0]
    revision = halves.count == 2 ? halves[1] : "main"
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), parts.allSatisfy({ Self.isName($0) }),
      revision.split(separator: "/", omittingEmptySubsequences: false).allSatisfy({ Self.isName($0) })
    else {
      throw HubError(
        "expected owner/name or owner/name@revision of a model on a hub, found \(quoted(text))")
    }
  }

  init(_ other: HubRepository, at revision: String) {
    name = other.name
    self.revision = revision
  }

  /// Letters, digits and `.-_`, as the hub has them; never a way out of a folder.
  static func isName(_ text: some StringProtocol) -> Bool {
    (1...96).contains(text.utf8.count) && text.first != "." && text.first != "-"
      && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
      && !text.contains("..")
  }

  /// Whether the revision is a commit, which never changes.
  var isCommit: Bool { Self.isCommit(revision) }
  static func isCommit(_ text: String) -> Bool {
    text.utf8.count == 40 && text.allSatisfy { $0.isASCII && $0.isHexDigit && !$0.isUppercase }
  }

  public var description: String { revision == "main" ? name : "\(name)@\(revision)" }
  /// Folder in the cache.
  var folderName: String { "models--" + name.replacingOccurrences(of: "/", with: "--") }
}

/// What a hub does not give, or what is wrong with what it gave; one line.
public struct HubError: Error, Equatable, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}
