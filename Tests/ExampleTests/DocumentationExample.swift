import Foundation
import TestSupport

/// An example in the documentation: a block that is marked `swift`, or an indented one in a comment.
struct DocumentationExample {
  /// Relative to the package.
  let file: String
  /// Of the first line, from 1.
  let line: Int
  let lines: [String]

  var name: String { String(file.split(separator: "/").last ?? "") }

  /// Those of all pages and comments.
  static func all() throws -> [Self] {
    try repositoryFiles(withSuffix: ".md").flatMap { file in
      try examples(of: file, lines(of: file), indented: false)
    }
      + repositoryFiles(withSuffix: ".swift").flatMap { file in
        try examples(of: file, lines(of: file).map(commentText), indented: true)
      }
  }

  private static func lines(of file: String) throws -> [String] {
    try String(contentsOf: packageRoot.appendingPathComponent(file), encoding: .utf8).components(
      separatedBy: "\n")
  }

  /// What a documentation comment says in this line; nil if it holds none.
  private static func commentText(_ line: String) -> String? {
    let line = line.trimmingCharacters(in: .whitespaces)
    guard line.hasPrefix("///") else { return nil }
    return String(line.hasPrefix("/// ") ? line.dropFirst(4) : line.dropFirst(3))
  }

  /// - Parameter text: the lines; nil between two comments.
  static func examples(of file: String, _ text: [String?], indented: Bool) -> [Self] {
    var found: [Self] = []
    var block: (mark: String, line: Int, lines: [String])?
    func close() {
      if let block, block.mark.isEmpty || block.mark == "```swift" {
        let end = block.lines.lastIndex { !$0.isEmpty } ?? -1
        found.append(Self(file: file, line: block.line, lines: Array(block.lines[...end])))
      }
      block = nil
    }
    var followsEmptyLine = true
    for (index, line) in (text + [nil]).enumerated() {
      defer { followsEmptyLine = line?.isEmpty ?? true }
      if let mark = block?.mark, !mark.isEmpty {
        if let line, !line.hasPrefix("```") { block?.lines.append(line) } else { close() }
        continue
      }
      if let line, indented, line.hasPrefix("    ") && (followsEmptyLine || block != nil) {
        if block == nil { block = ("", index + 1, []) }
        block?.lines.append(String(line.dropFirst(4)))
        continue
      }
      if line?.isEmpty == true, block != nil {
        block?.lines.append("")
        continue
      }
      close()
      if let line, line.hasPrefix("```") { block = (line, index + 2, []) }
    }
    return found
  }
}

/// The files of the library and its documentation, relative to the package.
func repositoryFiles(withSuffix suffix: String) throws -> [String] {
  let top = try FileManager.default.contentsOfDirectory(atPath: packageRoot.path)
  let below = ["Sources", "Documentation", ".github", "Tests/Golden"].flatMap { folder in
    let found = FileManager.default.enumerator(atPath: packageRoot.appendingPathComponent(folder).path)
    return (found?.compactMap { $0 as? String } ?? []).map { "\(folder)/\($0)" }
  }
  return (top + below).filter { $0.hasSuffix(suffix) && $0 != "Package.swift" }.sorted()
}
