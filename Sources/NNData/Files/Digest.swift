import CCrypto
import NNCore

/// A digest of bytes that come piece by piece.
package struct Digest: ~Copyable {
  private let context: OpaquePointer

  /// Nil if the system has no such digest (one in FIPS mode has no MD5).
  init?(_ kind: OpaquePointer?) {
    guard let context = EVP_MD_CTX_new() else { return nil }
    guard EVP_DigestInit_ex(context, kind, nil) == 1 else {
      EVP_MD_CTX_free(context)
      return nil
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  package static func sha256() -> Digest {
    guard let digest = Digest(EVP_sha256()) else { fail("Digest", "the system's library has no SHA-256") }
    return digest
  }

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
  }
  /// A text, told apart from what follows it.
  package mutating func update(_ text: String) {
    var text = text
    text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
    [UInt8(0)].withUnsafeBytes { update($0) }
  }

  /// The digest in lower-case hexadecimal.
  package consuming func finished() -> String {
    var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var length: UInt32 = 0
    EVP_DigestFinal_ex(context, &digest, &length)
    return digest.prefix(Int(length)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
