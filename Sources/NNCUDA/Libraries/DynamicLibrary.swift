import Foundation
import Glibc
import NNCore

/// A library that was opened at run time. It stays open: its threads may live as long as the process.
///
/// Invariant for `@unchecked Sendable`: the handle is a number that only `dlsym` reads.
struct DynamicLibrary: @unchecked Sendable {
  let handle: UnsafeMutableRawPointer
  /// As it was asked for: a path, or a bare name that the loader knew.
  let path: String

  /// A function under its name in the library.
  ///
  /// - Throws: `CUDAError` naming library and symbol.
  func symbol<Function>(_ name: String, as type: Function.Type = Function.self) throws -> Function {
    guard let address = dlsym(handle, name) else {
      throw CUDAError("\(printable(path)) has no symbol \(name): it is too old or not NVIDIA's library")
    }
    return unsafeBitCast(address, to: Function.self)
  }

  /// The file that a bare name led to.
  var file: String {
    guard !path.hasPrefix("/"), let maps = try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8)
    else {
      return path
    }
    // A file is mapped under its whole version: libcuda.so.580.65.06 for libcuda.so.1.
    let stem = path.prefix(while: { $0 != "." }) + ".so"
    return maps.split(separator: "\n").lazy.compactMap {
      $0.split(separator: " ", omittingEmptySubsequences: true).last
    }
    .first { $0.split(separator: "/").last?.hasPrefix(stem) ?? false }.map(String.init) ?? path
  }
}
