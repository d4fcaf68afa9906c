import Foundation
import Testing

@testable import NNCUDA

@Suite struct KernelCacheTests {
  private func withCache(_ body: (KernelCache) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/kernels-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(KernelCache(folder: folder + "/deep"))
  }

  private func file(of cache: KernelCache) throws -> URL {
    let names = try FileManager.default.contentsOfDirectory(atPath: cache.folder)
    #expect(names.count == 1)
    return URL(fileURLWithPath: "\(cache.folder)/\(try #require(names.first))")
  }

  @Test("What was stored comes back under its key only")
  func roundTrip() throws {
    try withCache { cache in
      #expect(cache.content("a 1") == nil)
      let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
      cache.store(bytes, under: "a 1")
      #expect(cache.content("a 1") == bytes)
      #expect(cache.content("a 2") == nil)
      cache.store([], under: "a 1")
      #expect(cache.content("a 1") == [])
    }
  }

  @Test("A damaged file counts as missing", arguments: [0, 3, 20, 40, 60])
  func damage(place: Int) throws {
    try withCache { cache in
      cache.store(Array(repeating: 7, count: 20), under: "key")
      let file = try file(of: cache)
      var data = try Data(contentsOf: file)
      let index = min(place, data.count - 1)
      data[index] ^= 1
      try data.write(to: file)
      #expect(cache.content("key") == nil)
      try data.prefix(place).write(to: file)
      #expect(cache.content("key") == nil)
    }
  }

  @Test("A folder that cannot be made is no error")
  func unwritable() {
    let cache = KernelCache(folder: "/proc/none/kernels")
    cache.store([1], under: "key")
    #expect(cache.content("key") == nil)
  }

  @Test("The folder follows the user's variables")
  func folders() {
    #expect(KernelCache(environment: ["HOME": "/h"]).folder == "/h/.cache/swift-nn/cuda")
    #expect(KernelCache(environment: ["HOME": "/h", "XDG_CACHE_HOME": "/c"]).folder == "/c/swift-nn/cuda")
    #expect(KernelCache(environment: ["NN_CUDA_CACHE": "/k", "XDG_CACHE_HOME": "/c"]).folder == "/k")
  }
}
