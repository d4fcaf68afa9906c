import Foundation
import TestSupport
import Testing

/// Every example of a page or a comment compiles: by itself, or among what ``surroundings`` says.
@Suite struct DocumentationExampleTests {
  @Test func everyExampleCompiles() throws {
    let examples = try DocumentationExample.all()
    let names = Set(examples.map(\.name))
    // Some are known to be there: what finds none would pass.
    #expect(
      names.isSuperset(of: ["README.md", "Lightning.md", "NNCore.md", "Module.swift", "Trainer.swift"]))
    var programs: [String: String] = [:]
    var shared: [String: String] = [:]
    for (index, example) in examples.enumerated() where reason(not: example) == nil {
      programs["\(index)-\(example.name).swift"] = program(example, shared: shared[example.name])
      if Self.firstIsShared.contains(example.name), shared[example.name] == nil {
        shared[example.name] = example.lines.joined(separator: "\n")
      }
    }
    let answer = try typecheck(programs)
    let faults = answer.output.split(separator: "\n").filter { line in
      // A fragment need not use what it shows.
      line.contains(": error: ")
        || line.contains(": warning: ") && !line.contains("never ") && !line.contains("is unused")
    }
    #expect(answer.status == 0 && faults.isEmpty, "\(faults.joined(separator: "\n"))")
  }

  /// What is declared here belongs to an example.
  @Test func nothingIsDeclaredInVain() throws {
    let examples = try DocumentationExample.all()
    let names = Set(examples.map(\.name))
    #expect(Self.surroundings.keys.filter { !names.contains($0) } == [])
    let reasons = Set(examples.compactMap(reason(not:)))
    #expect(Self.notCompiled.values.filter { !reasons.contains($0) } == [])
  }

  @Test func blocksAreFound() {
    let page = [
      "text", "```swift", "let a = 1", "", "    b", "```", "```text", "no", "```", "", "    not in a page",
    ]
    let comment = [
      "Says", "", "    let a = 1", "", "      b", "", "- Parameter x: is", "    continued", nil, "    first",
    ]
    let ofPage = DocumentationExample.examples(of: "p", page, indented: false)
    #expect(ofPage.map(\.lines) == [["let a = 1", "", "    b"]] && ofPage.map(\.line) == [3])
    let ofComment = DocumentationExample.examples(of: "c", comment, indented: true)
    #expect(ofComment.map(\.lines) == [["let a = 1", "", "  b"], ["first"]])
    #expect(ofComment.map(\.line) == [3, 10])
  }

  private func reason(not example: DocumentationExample) -> String? {
    Self.notCompiled.first { "\(example.name): \(example.lines.first ?? "")".hasPrefix($0.key) }?.value
  }

  /// A file whose messages name the lines of the documentation.
  private func program(_ example: DocumentationExample, shared: String?) -> String {
    func placed(_ lines: some Sequence<String>, from line: Int) -> String {
      "#sourceLocation(file: \"\(example.file)\", line: \(line))\n"
        + lines.map { "\($0)\n" }.joined() + "#sourceLocation()\n"
    }
    // Extensions and imports stand outside of functions.
    var (inside, outside) = (example.lines, "")
    var depth = 0
    for (place, line) in example.lines.enumerated() where depth > 0 || line.hasPrefix("extension ") {
      depth += line.count { $0 == "{" } - line.count { $0 == "}" }
      outside += placed([line], from: example.line + place)
      inside[place] = ""
    }
    for (place, line) in inside.enumerated() where line.hasPrefix("import ") { inside[place] = "" }

    var around = Self.surroundings[example.name] ?? ""
    if let end = around.range(of: "// file scope") {
      outside = around[..<end.lowerBound] + outside
      around = String(around[end.upperBound...])
    }
    let block = placed(inside, from: example.line)
    let body =
      around.contains("<example>")
      ? around.replacingOccurrences(of: "<example>", with: block) : "\(around)\ndo {\n\(block)}"
    // Not NNFiles, which comes with NNLayers.
    let modules = [
      "Foundation", "NNCUDA", "NNCore", "NNData", "NNDistributed", "NNExport", "NNLayers", "NNLightning",
      "NNModels",
    ]
    return modules.map { "import \($0)\n" }.joined() + outside + """
      private func example() throws {
      \(Self.everywhere)
      do {
      \(shared ?? "")
      \(body)
      }
      }
      """
  }
}
