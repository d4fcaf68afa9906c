import CCUDAKernels
import NNCore

/// The text of the kernels that is part of the program: files that are compiled, and the headers that they include.
struct KernelSources: Sendable {
  struct File: Sendable {
    let name: String
    /// Ends with 0, as C wants it.
    let text: [CChar]
  }
  let files: [File]

  static let all: KernelSources = {
    var count = 0
    guard let sources = nn_cuda_sources(&count) else { return KernelSources(files: []) }
    return KernelSources(
      files: UnsafeBufferPointer(start: sources, count: count).map { source in
        let text = UnsafeBufferPointer(start: source.text, count: source.count)
        return File(name: String(cString: source.name), text: text.map { CChar(bitPattern: $0) } + [0])
      })
  }()

  var headers: [File] { files.filter { !$0.name.hasSuffix(".cu") } }
  var programs: [File] { files.filter { $0.name.hasSuffix(".cu") } }

  /// Tells apart any two versions of a program and the headers.
  func fingerprint(of program: File) -> UInt64 {
    var fingerprint = Fingerprint()
    for file in headers + [program] {
      fingerprint.combine(file.name.utf8)
      fingerprint.combine(file.text.lazy.map { UInt8(bitPattern: $0) })
    }
    return fingerprint.value
  }
}

/// 64 bits that depend on every byte (FNV-1a), to name files and to notice damage; no defence against an adversary.
struct Fingerprint {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func combine(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
    value = (value ^ 0xff) &* 0x100_0000_01b3
  }

  static func of(_ bytes: some Sequence<UInt8>) -> UInt64 {
    var fingerprint = Fingerprint()
    fingerprint.combine(bytes)
    return fingerprint.value
  }
}
