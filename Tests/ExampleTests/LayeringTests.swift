import Foundation
import NNFiles
import TestSupport
import Testing

/// No folder of a target uses one above it, as the section "Layout" of Documentation/Architecture.md orders them.
@Suite struct LayeringTests {
  static let sourceFolder = packageRoot.appendingPathComponent("Sources")
  static let layout = Layering.layout(
    (try? String(
      contentsOf: packageRoot.appendingPathComponent("Documentation/Architecture.md"), encoding: .utf8)) ?? ""
  )

  /// The Swift files of each target.
  static let targets: [String: [(path: String, source: SwiftSource)]] = {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: sourceFolder.path)) ?? []
    return Dictionary(
      uniqueKeysWithValues: names.map { name in
        (name, (try? Layering.sources(in: sourceFolder.appendingPathComponent(name))) ?? [])
      }
    ).filter { !$0.value.isEmpty }
  }()
  static let headerNames = (try? Layering.headerNames(in: sourceFolder)) ?? []

  private static func layering(of target: String) throws -> Layering {
    let files = try #require(targets[target])
    let imports = files.reduce(into: Set<String>()) { $0.formUnion($1.source.imports) }
    let foreign = targets.filter { imports.contains($0.key) }.values.joined()
      .reduce(into: headerNames) { $0.formUnion($1.source.declared) }
    return Layering(
      files: files, order: try #require(layout[target], "no line for \(target)"), foreign: foreign)
  }

  @Test func everyTargetHasALine() {
    #expect(Set(Self.layout.keys) == Set(Self.targets.keys))
    #expect(Self.layout["NNData"]?.last == "Inspection" && Self.headerNames.contains("nn_conv_piece"))
  }

  @Test(arguments: targets.keys.sorted())
  func foldersUseThoseBelow(_ target: String) throws {
    let layering = try Self.layering(of: target)
    #expect(layering.unnamed.isEmpty && layering.empty.isEmpty, "folders that are on one side only")
    // Names that belong to one folder are what the test looks at: without them it would see nothing.
    #expect(layering.owners.count > 10)
    for use in layering.upwardUses { Issue.record("Sources/\(target)/\(use)") }
  }

  // MARK: What is seen

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let low: String
    var high = ""
    /// Names that are found to be used upwards.
    var found: [String] = []
  }

  static let cases = [
    Case(testDescription: "type", low: "let x: Upper? = nil", high: "struct Upper {}", found: ["Upper"]),
    Case(
      testDescription: "free function", low: "let x = make(1)", high: "func make(_ x: Int) {}",
      found: ["make"]),
    Case(
      testDescription: "method of an extension", low: "func f(_ x: Lower) { x.blur() }",
      high: "extension Lower { func blur() {} }", found: ["blur"]),
    Case(
      testDescription: "property without a receiver", low: "extension Lower { var x: Int { depth + 1 } }",
      high: "extension Lower { var depth: Int { 1 } }", found: ["depth"]),
    Case(
      testDescription: "cases", low: "let x: [Kind] = [.red, .green, .blue]",
      high: "enum Kind { case red(Int, of: String), green = 3, blue\n static let plain = 1 }",
      found: ["Kind", "red", "green", "blue"]),
    Case(
      testDescription: "pattern", low: "let x = (one, other)", high: "let (one, other) = (1, 2)",
      found: ["one", "other"]),
    Case(
      testDescription: "operator", low: "let x = 1 .+. 2", high: "infix operator .+. : AdditionPrecedence",
      found: [".+."]),
    Case(
      testDescription: "nested type", low: "let x: A.Inner", high: "struct A { class Inner {} }",
      found: ["A", "Inner"]),
    Case(
      testDescription: "interpolation", low: #"let x = "a \(Upper("\(depth)")) b""#,
      high: "struct Upper {}\nlet depth = 1", found: ["Upper", "depth"]),
    Case(
      testDescription: "raw string", low: ##"let x = #"\(Upper()) " \#(depth)"#"##,
      high: "struct Upper {}\nlet depth = 1", found: ["depth"]),
    Case(testDescription: "string", low: #"let x = "Upper \" Upper""#, high: "struct Upper {}"),
    Case(
      testDescription: "text of several lines",
      low: "let x = \"\"\"\n  \"Upper\" Upper\n  \"\"\"\nlet y = depth",
      high: "struct Upper {}\nlet depth = 1", found: ["depth"]),
    Case(
      testDescription: "comments", low: "// Upper\n/* a /* Upper */ Upper */ /// Upper\nlet x = depth",
      high: "struct Upper {}\nlet depth = 1", found: ["depth"]),
    Case(
      testDescription: "label", low: "func f(depth: Int) -> Int { depth }\nlet x = f(depth: 1)",
      high: "let depth = 1"),
    Case(
      testDescription: "local value", low: "func f() { for depth in [1] { print(depth) } }",
      high: "let depth = 1"),
    Case(
      testDescription: "parameter of a closure", low: "let x = [1].map { depth in depth }",
      high: "let depth = 1"),
    Case(
      testDescription: "member behind a local value of its name",
      low: "func f(_ a: Lower) { let depth = a.depth\n print(depth) }",
      high: "extension Lower { var depth: Int { 1 } }", found: ["depth"]),
    Case(
      testDescription: "range", low: "let x = 0...depth\nlet y = 0..<depth", high: "let depth = 1",
      found: ["depth"]),
    Case(
      testDescription: "name of both", low: "extension Lower { func blur() {} }\nlet x = y.blur()",
      high: "extension Upper { func blur() {} }"),
    Case(
      testDescription: "name of Swift", low: "let x = y.map(z)", high: "extension Lower { func map() {} }"),
    Case(
      testDescription: "foreign name", low: "let x = y.shape",
      high: "extension Lower { var shape: Int { 1 } }"),
    Case(
      testDescription: "private", low: "let x = y.blur + y.depth",
      high: "extension A { private var blur: Int { 1 }\n private(set) var depth: Int { 1 } }",
      found: ["depth"]),
    Case(
      testDescription: "in a body", low: "let x = y.blur", high: "func f() { struct B { var blur = 1 } }"),
    Case(
      testDescription: "class method", low: "let x = y.blur", high: "class A { class func blur() {} }",
      found: ["blur"]),
    Case(
      testDescription: "quoted", low: "let x = y.`default`", high: "enum A { case `default` }",
      found: ["default"]),
  ]

  @Test(arguments: cases) func seesUses(_ wanted: Case) {
    let layering = Layering(
      files: [("Low/a.swift", SwiftSource(wanted.low)), ("High/b.swift", SwiftSource(wanted.high))],
      order: ["Low", "High"], foreign: ["shape"])
    #expect(layering.upwardUses.map(\.name).sorted() == wanted.found.sorted())
  }

  /// A name of two folders above is used upwards, whichever is meant; one that a folder below has too may be that one's.
  @Test(arguments: [(["a", "b", "c"], ["b"]), (["b", "a", "c"], [])])
  func lowestFolderIsMeant(_ order: [String], _ found: [String]) {
    let upper = SwiftSource("extension Lower { func blur() {} }")
    let layering = Layering(
      files: [("a/a.swift", SwiftSource("let x = y.blur()")), ("b/b.swift", upper), ("c/c.swift", upper)],
      order: order)
    #expect(layering.upwardUses.map(\.to) == found)
  }

  @Test func saysWhere() {
    let upper = SwiftSource("struct Upper {}")
    let files = [("Low/In/a.swift", SwiftSource("\n/*\n*/let x: Upper")), ("b.swift", upper)]
    let layering = Layering(files: files, order: ["Low", "."])
    #expect(
      layering.upwardUses.map(\.description)
        == ["Low/In/a.swift:3: Low uses `Upper` of ., which lies above it"])
    #expect(Layering(files: files, order: [".", "Low"]).upwardUses.isEmpty)
    #expect(Layering(files: files, order: ["Low"]).unnamed == ["."])
    #expect(Layering(files: files, order: ["Low", ".", "Other"]).empty == ["Other"])
    #expect(
      Layering.layout("# A\n\n## Layout\n\ntext\n\n```\nA: B < C\n  < D/E\nF: .\n```\n") == [
        "A": ["B", "C", "D/E"], "F": ["."],
      ])
  }
}
