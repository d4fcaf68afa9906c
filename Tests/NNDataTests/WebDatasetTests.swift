import Foundation
import NNCore
import NNData
import NNFiles
import TestSupport
import Testing

@Suite struct WebDatasetTests {
  private typealias File = (name: String, content: [UInt8])

  /// Samples `KEY.png` with a label in `KEY.cls`.
  private static func shard(_ labels: [String], first: Int) -> [UInt8] {
    tar(
      labels.enumerated().flatMap { place, label -> [File] in
        let number = first + place
        return [("000\(number).png", dot(UInt8(number))), ("000\(number).cls", Array(label.utf8))]
      })
  }

  private static func write(_ folder: String) throws {
    try NNDataTests.write(shard(["2", "10\n"], first: 0), "\(folder)/s-000.tar")
    try NNDataTests.write(shard(["0"], first: 2), "\(folder)/s-001.tar")
    try NNDataTests.write(shard(["2"], first: 3), "\(folder)/s-010.tar")
  }

  @Test func readsShardsInOrder() throws {
    try withTemporaryFolder { folder in
      try Self.write(folder)
      let all = try WebDataset.open(folder)
      #expect(all.classes == ["0", "2", "10"] && all.targets == [1, 2, 0, 1])
      #expect(try all.indices.map { try all.image(at: $0).pixels[0] } == [0, 1, 2, 3])
      #expect(all.paths[2] == "\(folder)/s-001.tar/0002.png" && all.file(at: 2) == all.paths[2])
      let some = try WebDataset.open("\(folder)/s-{000..001}.tar", classes: (0...10).map { "c\($0)" })
      #expect(some.targets == [2, 10, 0] && some.classes.count == 11)
      #expect(try WebDataset.open("\(folder)/s-{010,000}.tar").targets == [0, 0, 1])
      #expect(try WebDataset.open("\(folder)/s-010.tar").count == 1)
    }
  }

  @Test(arguments: [
    ("a{0..2}", ["a0", "a1", "a2"]), ("{09..11}.tar", ["09.tar", "10.tar", "11.tar"]),
    ("{a,b}{1..2}", ["a1", "a2", "b1", "b2"]), ("x", ["x"]), ("{a,}", ["a", ""]),
  ])
  func bracesAreExpanded(_ pattern: String, _ expected: [String]) throws {
    #expect(try ShardSet.expanded(pattern) == expected)
  }

  @Test(arguments: [
    "{0..", "{{0..1}}", "{1..0}", "{a..b}", "{}", "{0..100000}", "{0..999}{0..999}", "{0...1}", "{-1..2}",
  ])
  func otherBracesAreRefused(_ pattern: String) {
    #expect { try ShardSet.expanded(pattern) } throws: { error in
      expectOneLine(error, naming: pattern)
      return error is DatasetError
    }
  }

  @Test func labelsStandInJSON() throws {
    try withTemporaryFolder { folder in
      func json(_ text: String) -> [UInt8] { Array(text.utf8) }
      let files: [File] = [
        ("a.jpg.txt", [1]), ("x/a.PNG", dot(1)), ("x/a.json", json(#"{"label": "cat", "kind": ["u", "v"]}"#)),
        ("x/b.png", dot(2)), ("x/b.json", json(#"{"kind": "u", "label": 7}"#)), ("x/b.seg.png", dot(9)),
      ]
      let path = try NNDataTests.write(tar(files), "\(folder)/s.tar")
      #expect(try WebDataset.open(path).classes == ["7", "cat"])
      let set = try #require(try ShardSet(at: path))
      #expect(try set.items(labelField: "kind", severalLabels: true).map(\.labels) == [["u", "v"], ["u"]])
      #expect { try set.items(labelField: "kind") } throws: { error in
        expectOneLine(error, naming: "s.tar/x/a.json")
        return error is DatasetError
      }
      #expect { try set.items(labelField: "kinds") } throws: { error in
        expectOneLine(error, naming: "\"kind\", \"label\"")
        return error is FileError
      }
    }
  }

  @Test func whatIsNoSampleIsRefused() throws {
    try withTemporaryFolder { folder in
      let label = Array("1".utf8)
      let cases: [(files: [File], part: String)] = [
        ([("a.png", dot(1)), ("a.cls", label), ("b.png", dot(1))], "a label beside it"),
        ([("a.png", dot(1)), ("a.cls", label), ("a.jpg", dot(1))], "one image named"),
        ([("a.png", dot(1)), ("a.cls", [])], "one label"),
        ([("a.png", dot(1)), ("a.cls", Array("1\n2".utf8))], "one label"),
        ([("a.png", dot(1)), ("a.json", label)], "a JSON object"),
        ([("a.png", dot(1)), ("a.json", Array(#"{"label": {}}"#.utf8))], "texts or numbers"),
      ]
      for (number, entry) in cases.enumerated() {
        let path = try NNDataTests.write(tar(entry.files), "\(folder)/\(number).tar")
        #expect { try WebDataset.open(path) } throws: { error in
          expectOneLine(error, naming: entry.part)
          expectOneLine(error, naming: "\(number).tar/")
          return true
        }
      }
      try NNDataTests.write([UInt8](storedGzip(Self.shard(["1"], first: 0))), "\(folder)/packed/a.tar")
      #expect { try WebDataset.open("\(folder)/packed") } throws: { error in
        expectOneLine(error, naming: "found gzip")
        return error is FileError
      }
      #expect { try WebDataset.open("\(folder)/{8..9}.tar") } throws: { error in
        expectOneLine(error, naming: "/8.tar")
        return error is FileError
      }
      #expect(throws: DatasetError.self) { try WebDataset.open(fixture("images")) }
    }
  }

  @Test func labelsOfShardsAreBounded() throws {
    try withTemporaryFolder { folder in
      let files: [File] = [
        ("a.png", dot(1)), ("a.cls", Array(repeating: 0x31, count: ShardSet.labelLimit + 1)),
      ]
      let path = try NNDataTests.write(tar(files), "\(folder)/s.tar")
      #expect { try WebDataset.open(path) } throws: { error in
        expectOneLine(error, naming: "a label of at most \(ShardSet.labelLimit) bytes")
        return error is FileError
      }
    }
  }
}
