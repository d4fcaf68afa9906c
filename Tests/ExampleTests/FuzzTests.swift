import Foundation
import TestSupport
import Testing

/// The fuzzer with a reader that does everything wrong on demand.
struct FuzzTests {
  private func fuzz(_ corpus: URL, _ options: String...) throws -> Command {
    try Command(
      [product("Fuzz"), "--reader", "self-test", "--corpus", corpus.path] + options, in: packageRoot)
  }

  @Test(arguments: [
    ("crash", "crashes (signal "), ("wait", "takes too long"), ("grow", "crashes (signal "),
    ("lines", "not one printable line: two\\u{a}lines"), ("stray", "written outside: beside-it"),
  ])
  func tellsWhatIsWrong(input: String, reason: String) throws {
    try withTemporaryFolder { corpus in
      let file = corpus.appendingPathComponent("self-test-0")
      try Data(input.utf8).write(to: file)
      let found = try fuzz(corpus, "--seconds", "0")
      #expect(found.status == 1 && found.output.contains(reason), "\(found.output)")
      // It goes on behind it: the seed is read.
      #expect(found.output.contains("2 inputs") && found.output.contains("1 findings"), "\(found.output)")
      try Data("harmless".utf8).write(to: file)
      for name in try FileManager.default.contentsOfDirectory(atPath: corpus.path) where name != "self-test-0"
      {
        try FileManager.default.removeItem(at: corpus.appendingPathComponent(name))
      }
      #expect(try fuzz(corpus, "--seconds", "0").status == 0)
    }
  }

  @Test func findsWhatASeedIsChangedTo() throws {
    func run(_ seed: String) throws -> [String] {
      try withTemporaryFolder { corpus in
        let found = try fuzz(corpus, "--inputs", "200", "--seed", seed)
        #expect(found.status == 1, "\(found.output)")
        let names = try FileManager.default.contentsOfDirectory(atPath: corpus.path).sorted()
        let kept = try names.map { try Data(contentsOf: corpus.appendingPathComponent($0)) }
        #expect(
          kept.allSatisfy { $0.starts(with: Data("crash".utf8)) || $0.starts(with: Data("lines".utf8)) })
        return names
      }
    }
    let first = try run("1")
    #expect(!first.isEmpty)
    // The same seed gives the same inputs, another one others.
    #expect(try run("1") == first)
    #expect(try run("2") != first)
  }
}
