import Foundation

/// The compiler's answer to programs, by file name, that import the library as it was built beside the tests.
package func typecheck(_ programs: [String: String]) throws -> Command {
  try withTemporaryFolder { folder in
    for (name, text) in programs {
      try text.write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
    }
    let build = URL(fileURLWithPath: product(""))
    let system = packageRoot.appendingPathComponent("Sources/System")
    let manager = FileManager.default
    // Of the system libraries, and those that the package manager made for the C targets.
    let maps =
      try manager.contentsOfDirectory(atPath: system.path).map {
        system.appendingPathComponent("\($0)/module.modulemap").path
      }
      + manager.contentsOfDirectory(atPath: build.path).filter { $0.hasSuffix(".build") }.map {
        build.appendingPathComponent("\($0)/module.modulemap").path
      }.filter(manager.fileExists)
    return try Command(
      [
        "swiftc", "-typecheck", "-wmo", "-module-name", "Main", "-swift-version", "6", "-I",
        build.appendingPathComponent("Modules").path,
      ]
        + maps.flatMap { ["-Xcc", "-fmodule-map-file=\($0)"] }
        + programs.keys.sorted().map { folder.appendingPathComponent($0).path })
  }
}
