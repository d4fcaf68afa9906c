import Foundation
import NNCore

/// The SHA-256 of a downloaded file, written down beside it (`name.sha256`, as `sha256sum -c` reads it), for files of
/// which the origin publishes less than that: what is used later is what came first.
package struct DigestRecord {
  /// Of the record.
  package let path: String
  private let name: String

  /// - Parameter file: path of the downloaded file.
  package init(of file: String) {
    path = file + ".sha256"
    name = (file as NSString).lastPathComponent
  }

  /// The digest that was recorded, in lower-case hexadecimal; nil if there is no record.
  ///
  /// Throws `FileError` if the record cannot be read or holds something else.
  package func digest() throws -> String? {
    guard access(path, F_OK) == 0 else { return nil }
    guard let file = FileHandle(forReadingAtPath: path), let bytes = try? file.read(upToCount: 4096) else {
      throw FileError.reading(path)
    }
    let text = String(decoding: bytes, as: UTF8.self)
    let digest = text.prefix { !$0.isWhitespace }.lowercased()
    guard digest.utf8.count == 64, digest.allSatisfy(\.isHexDigit) else {
      throw FileError.malformed(
        file: path, expected: "a SHA-256 in 64 hexadecimal digits", found: quoted(String(text.prefix(80))))
    }
    return digest
  }

  package func write(_ digest: String) throws {
    try AtomicFile.write(path) { try $0.write(Array("\(digest)  \(name)\n".utf8)) }
  }
}
