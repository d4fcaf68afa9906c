import CCrypto
import Foundation
import NNCore
import NNFiles

/// What the bytes of a file are expected to add up to, in hexadecimal.
///
/// MD5 finds broken downloads, and is what old data sets publish; it proves nothing about who made the file.
public enum Checksum: Sendable, Hashable, CustomStringConvertible {
  case md5(String)
  case sha256(String)
  /// The first hexadecimal digits of SHA-256, as in the names of PyTorch's weight files (`resnet18-f37072fd.pth`).
  case sha256Prefix(String)
  /// What git calls a file by: SHA-1 of its size and its bytes. Like MD5 it finds broken downloads.
  case gitBlob(String)

  /// `MD5 c32a1d4ab5d03f1284b67883e8d87530`.
  public var description: String {
    switch self {
    case .md5(let hex): "MD5 \(hex)"
    case .sha256(let hex): "SHA-256 \(hex)"
    case .sha256Prefix(let hex): "SHA-256 \(hex)…"
    case .gitBlob(let hex): "git's SHA-1 \(hex)"
    }
  }

  /// Whether a digest in lower-case hexadecimal is the expected one.
  package func matches(_ digest: String) -> Bool {
    switch self {
    case .md5(let hex), .sha256(let hex), .gitBlob(let hex): digest == hex.lowercased()
    case .sha256Prefix(let hex): !hex.isEmpty && digest.hasPrefix(hex.lowercased())
    }
  }

  /// The digest of a file, of the kind that this checksum is.
  package func digest(ofFile path: String) throws -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError.reading(path) }
    defer { close(descriptor) }
    let kind: OpaquePointer?
    switch self {
    case .md5: kind = EVP_md5()
    case .sha256, .sha256Prefix: kind = EVP_sha256()
    case .gitBlob: kind = EVP_sha1()
    }
    guard var digest = Digest(kind) else {
      throw FileError.unreadable(file: path, reason: "\(self) cannot be computed on this system")
    }
    if case .gitBlob = self {
      var status = stat()
      guard fstat(descriptor, &status) == 0 else { throw FileError.reading(path) }
      // The text ends in a byte of value 0, in git as here.
      digest.update("blob \(status.st_size)")
    }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let got = read(descriptor, &buffer, buffer.count)
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else { throw FileError.reading(path) }
      if got == 0 { break }
      buffer.withUnsafeBytes { digest.update(UnsafeRawBufferPointer(rebasing: $0[..<got])) }
    }
    return digest.finished()
  }
}
