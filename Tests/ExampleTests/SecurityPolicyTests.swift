import Foundation
import NNCore
import NNFiles
import NNModels
import TestSupport
import Testing

/// SECURITY.md says what the sources do, and which test holds it.
@Suite struct SecurityPolicyTests {
  struct Bound: Sendable, CustomTestStringConvertible {
    let name: String
    /// Nil if the value is not one number.
    let value: Int?
    let constant: String
    let file: String
    let test: (suite: String, function: String)

    var testDescription: String { name }

    /// A row `| what | 1,024 bytes | `constant` in `Sources/….swift` | `Suite.test` |`.
    init?(_ row: String) {
      let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count == 4 else { return nil }
      let quoted = { (cell: String) in
        cell.split(separator: "`", omittingEmptySubsequences: false).enumerated()
          .filter { $0.offset % 2 == 1 }.map { String($0.element) }
      }
      let (place, test) = (quoted(cells[2]), quoted(cells[3]).first?.split(separator: ".") ?? [])
      guard place.count == 2, test.count == 2 else { return nil }
      name = cells[0]
      value = Int(cells[1].prefix { $0.isNumber || $0 == "," }.filter { $0 != "," })
      (constant, file) = (place[0], place[1])
      self.test = (String(test[0]), String(test[1]))
    }
  }

  static let policy =
    (try? String(contentsOf: packageRoot.appendingPathComponent("SECURITY.md"), encoding: .utf8)) ?? ""
  static let rows = policy.split(separator: "\n").map(String.init).filter {
    $0.hasPrefix("| ") && $0.contains("Tests.")
  }
  static let bounds = rows.compactMap { Bound($0) }

  static let testSources: [String] = {
    let folder = packageRoot.appendingPathComponent("Tests")
    let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
    return (files?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "swift" }
      .compactMap { try? String(contentsOf: $0, encoding: .utf8) }
  }()

  @Test func everyRowIsWhole() {
    #expect(Self.bounds.count == Self.rows.count && Self.rows.count > 30)
  }

  /// `64 << 10`, `4_000_000` or `60`.
  private static func number(_ text: Substring) -> Int? {
    let parts = text.replacingOccurrences(of: "_", with: "").components(separatedBy: " << ")
      .map { Int($0.trimmingCharacters(in: .whitespaces)) }
    guard let first = parts[0], parts.count <= 2 else { return nil }
    return parts.count == 1 ? first : parts[1].map { first << $0 }
  }

  @Test(arguments: bounds) func statedNumbersAreThoseOfTheSources(_ bound: Bound) throws {
    let source = try String(contentsOf: packageRoot.appendingPathComponent(bound.file), encoding: .utf8)
    try #require(source.contains(bound.constant))
    guard let value = bound.value else { return }
    // A constant, or the default of a parameter.
    let pattern = try Regex(
      "\\b\(bound.constant)(?:: [A-Za-z]+)? = ([0-9_]+(?: << [0-9]+)?)", as: (Substring, Substring).self)
    let found = source.matches(of: pattern).compactMap { Self.number($0.output.1) }
    #expect(found == [value])
  }

  @Test(arguments: bounds) func namedTestsAreThere(_ bound: Bound) throws {
    let suite = try #require(
      Self.testSources.first {
        $0.contains("struct \(bound.test.suite) ") || $0.contains("class \(bound.test.suite) ")
      }, "no suite \(bound.test.suite)")
    #expect(suite.contains("func \(bound.test.function)("))
  }

  /// The bound on class names, which is known to the tool alone.
  @Test func classNamesAreBounded() throws {
    try withTemporaryFolder { folder in
      let path = folder.path + "/model.safetensors"
      let names = (0...1_000_000).lazy.map { "\"\($0)\"" }.joined(separator: ",")
      let description =
        "{\"format\":\"swift-nn model 1\",\"arch\":\"shapesnet\",\"classes\":[\(names)],\"imageSize\":32,"
        + "\"normalize\":true,\"libraryVersion\":\"0.1.0\"}"
      try ShapesNet(classes: 2).stateDict().write(safetensors: path, metadata: ["model": description])
      let refused = try nn(["predict", path, path])
      #expect(refused.status == 1)
      #expect(
        refused.output.contains("expected 1 to 1000000 class names, found 1000001"), "\(refused.output)")
      #expect(refused.output.split(separator: "\n").count == 1)
    }
  }
}
