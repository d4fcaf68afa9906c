import Foundation
import NNCore

/// A folder of the user's cache that keeps compiled kernels and chosen algorithms, each under a fingerprint of everything it
/// depends on. What cannot be read is made again, and what cannot be written is not kept.
package struct KernelCache: Sendable {
  package let folder: String

  package init(folder: String) { self.folder = folder }

  /// As environment variables say.
  package static var `default`: KernelCache { KernelCache(environment: ProcessInfo.processInfo.environment) }

  /// `NN_CUDA_CACHE`, or `swift-nn/cuda` in the user's cache folder.
  package init(environment: [String: String]) {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    let caches = value("XDG_CACHE_HOME") ?? (value("HOME") ?? ".") + "/.cache"
    self.init(folder: value("NN_CUDA_CACHE") ?? caches + "/swift-nn/cuda")
  }

  /// More than any compiled file has: a larger one is not of this cache.
  private static let most = 256 << 20

  private func path(_ key: String) -> String {
    "\(folder)/\(String(Fingerprint.of(key.utf8), radix: 16))"
  }

  /// A file begins with the key it was made for and a fingerprint of its content, so that neither damage nor a chance
  /// collision goes unnoticed.
  private func header(_ key: String, _ content: [UInt8]) -> [UInt8] {
    Array("swift-nn kernels\n\(key)\n\(content.count) \(Fingerprint.of(content))\n".utf8)
  }

  /// What was stored under a key, if it is whole.
  package func content(_ key: String) -> [UInt8]? {
    let path = path(key)
    guard let size = (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int,
      size <= Self.most,
      let data = FileManager.default.contents(atPath: path)
    else { return nil }
    let start = Array("swift-nn kernels\n\(key)\n".utf8)
    guard data.starts(with: start), let end = data[start.count...].firstIndex(of: 10) else { return nil }
    let content = Array(data[(end + 1)...])
    return data.starts(with: header(key, content)) ? content : nil
  }

  package func store(_ content: [UInt8], under key: String) {
    guard (try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)) != nil
    else {
      return
    }
    try? AtomicFile.write(path(key)) { file in
      try file.write(header(key, content) + content)
    }
  }
}
