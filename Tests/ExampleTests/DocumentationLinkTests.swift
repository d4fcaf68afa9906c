import Foundation
import TestSupport
import Testing

/// Links and paths in the pages lead to files of the repository.
@Suite struct DocumentationLinkTests {
  private static func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: packageRoot.appendingPathComponent(path).standardized.path)
  }

  private static func matches(_ pattern: String, in file: String) throws -> [String] {
    let text = try String(contentsOf: packageRoot.appendingPathComponent(file), encoding: .utf8)
    return try text.matches(of: Regex(pattern, as: (Substring, Substring).self)).map { String($0.output.1) }
  }

  @Test func relativeLinksLeadToFiles() throws {
    var (count, broken) = (0, [String]())
    for file in try repositoryFiles(withSuffix: ".md") {
      let folder = file.contains("/") ? String(file[...(file.lastIndex(of: "/") ?? file.startIndex)]) : ""
      for link in try Self.matches(#"\]\(([^)# ]+)[^)]*\)"#, in: file) where !link.contains("://") {
        count += 1
        if !Self.exists(folder + link) { broken.append("\(file): \(link)") }
      }
    }
    #expect(count > 20 && broken == [])
  }

  /// What a contributor is sent to is where the page says.
  @Test func namedPathsExist() throws {
    let paths = try ["CONTRIBUTING.md", "Documentation/Releasing.md"].flatMap {
      try Self.matches("`((?:Sources|Tests|Documentation|Benchmarks|\\.ci)/[^`*…]+)`", in: $0)
    }
    #expect(paths.count > 30)
    #expect(paths.filter { !Self.exists($0) } == [])
  }

  /// `<doc:Page>` is a page of the same catalog.
  @Test func articlesAreInTheirCatalog() throws {
    let pages = try repositoryFiles(withSuffix: ".md").filter { $0.contains(".docc/") }
    #expect(pages.count > 8)
    for file in pages {
      let catalog = file[..<(file.range(of: ".docc/")?.upperBound ?? file.endIndex)]
      let missing = try Self.matches("<doc:([^>]+)>", in: file).filter { !Self.exists("\(catalog)\($0).md") }
      #expect(missing == [], "\(file)")
    }
  }
}
