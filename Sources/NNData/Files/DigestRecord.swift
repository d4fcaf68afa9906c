import Foundation
import NNCore
import NNFiles

/// The whole SHA-256 of a file of which only the first digits were published: recorded beside the file when it first
/// comes, so that from then on every digit counts.
///
/// A line as `sha256sum` writes and checks it, in `NAME.sha256`.
package struct DigestRecord {
  private let file: String
  /// Where the record is.
  package var path: String { file + ".sha256" }

  /// - Parameter file: what the record is about; need not be there.
  package init(of file: String) { self.file = file }

  /// The recorded digest; nil if there is no record.
  package func digest() throws -> String? {
    guard access(path, F_OK) == 0 else { return nil }
    let text = try FileBytes(mapping: path).whole.withBytes {
      String(decoding: $0.prefix(Self.digits + 1), as: UTF8.self)
    }
    let digest = text.prefix(Self.digits)
    let isDigest = digest.count == Self.digits && digest.allSatisfy { $0.isASCII && $0.isHexDigit }
    guard isDigest, text.dropFirst(Self.digits).allSatisfy(\.isWhitespace) else {
      throw FileError.malformed(
        file: path, expected: "the \(Self.digits) hexadecimal digits of a SHA-256",
        found: "\(quoted(text)); delete it to have it written anew")
    }
    return digest.lowercased()
  }

  /// Replaces the record, whole or not at all.
  package func write(_ digest: String) throws {
    let name = file.split(separator: "/").last ?? ""
    try AtomicFile.write(path) { try $0.write(Array("\(digest)  \(name)\n".utf8)) }
  }

  /// What to say of a file whose digest is none of the expected ones.
  ///
  /// - Parameter source: where the file came from, unless it was on disk before.
  package func mismatch(recorded: String, found: String, from source: String? = nil) -> FileError {
    .malformed(
      file: source ?? file, expected: "SHA-256 \(recorded), as recorded in \(path)",
      found: "SHA-256 \(found); to accept another file, delete \(path) and \(file)")
  }

  private static let digits = 64
}
