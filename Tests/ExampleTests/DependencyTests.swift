import Foundation
import TestSupport
import Testing

/// The README's example as a stranger uses it: a package of its own that depends on a version of this one.
@Suite struct DependencyTests {
  @Test func readmeExampleBuildsAgainstAVersionAndTrains() throws {
    try withTemporaryFolder { folder in
      let library = folder.appendingPathComponent("swift-nn")
      try copyWorkingTree(to: library)
      for arguments in [
        ["init", "-q"], ["add", "-A"],
        [
          "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "-q", "-m",
          "Version under test",
        ],
        ["tag", "1.0.0"],
      ] {
        let git = try Command(["git", "-C", library.path] + arguments)
        try #require(git.status == 0, "\(git.output)")
      }
      let app = folder.appendingPathComponent("app")
      let sources = app.appendingPathComponent("Sources/App")
      try FileManager.default.createDirectory(at: sources, withIntermediateDirectories: true)
      try manifest(libraryAt: library).write(
        to: app.appendingPathComponent("Package.swift"), atomically: true, encoding: .utf8)
      try readmeExample().write(
        to: sources.appendingPathComponent("main.swift"), atomically: true, encoding: .utf8)

      let build = try Command(["swift", "build", "-c", "release"], in: app)
      try #require(build.status == 0, "\(build.output.suffix(4_000))")
      #expect(!build.output.contains("warning: "), "\(build.output.suffix(4_000))")
      let run = try Command([app.appendingPathComponent(".build/release/App").path], in: app)
      #expect(run.status == 0, "\(run.output.suffix(4_000))")
      #expect(run.output.contains("'test_acc':"), "\(run.output.suffix(4_000))")
    }
  }

  /// Every file that git tracks or would track, as it is now.
  private func copyWorkingTree(to target: URL) throws {
    let list = try Command([
      "git", "-C", packageRoot.path, "-c", "core.quotePath=off", "ls-files", "--cached", "--others",
      "--exclude-standard",
    ])
    try #require(list.status == 0, "this test needs a git checkout: \(list.output)")
    for path in list.output.split(separator: "\n").map(String.init) {
      let source = packageRoot.appendingPathComponent(path)
      // A file that was deleted but is still in the index.
      guard FileManager.default.fileExists(atPath: source.path) else { continue }
      let copy = target.appendingPathComponent(path)
      try FileManager.default.createDirectory(
        at: copy.deletingLastPathComponent(), withIntermediateDirectories: true)
      try FileManager.default.copyItem(at: source, to: copy)
    }
  }

  private func manifest(libraryAt url: URL) -> String {
    """
    // swift-tools-version: 6.0
    import PackageDescription

    let package = Package(
      name: "app",
      dependencies: [.package(url: "\(url.absoluteString)", from: "1.0.0")],
      targets: [
        .executableTarget(
          name: "App",
          dependencies: ["NNCore", "NNLayers", "NNData", "NNLightning"].map {
            .product(name: $0, package: "swift-nn")
          })
      ])
    """
  }

  /// The first block of Swift in the README that defines a model.
  private func readmeExample() throws -> String {
    let readme = try String(contentsOf: packageRoot.appendingPathComponent("README.md"), encoding: .utf8)
    let blocks = readme.components(separatedBy: "```swift\n").dropFirst().map {
      $0.components(separatedBy: "\n```")[0]
    }
    return try #require(blocks.first { $0.contains("TrainStep") })
  }
}
