import Foundation

extension Reader {
  /// A reader that does everything wrong, for the test of the fuzzer: it is there by its name only.
  static var selfTest: Reader {
    Reader(
      name: "self-test", tokens: words("crash", "lines"), writes: true, seeds: words("good")
    ) { input, scratch in
      switch String(decoding: input, as: UTF8.self) {
      case let text where text.hasPrefix("crash"): fatalError("as it was told")
      case let text where text.hasPrefix("wait"): while getppid() != 0 {}
      case let text where text.hasPrefix("grow"):
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 3 << 30, alignment: 16)
        memory.storeBytes(of: 1, as: UInt8.self)
        memory.deallocate()
      case let text where text.hasPrefix("lines"): throw FuzzSelfTestError()
      case let text where text.hasPrefix("stray"): try scratch.makeFolder("\(scratch.target)/../beside-it")
      default: break
      }
    }
  }
}

private struct FuzzSelfTestError: Error, CustomStringConvertible {
  var description: String { "two\nlines" }
}
