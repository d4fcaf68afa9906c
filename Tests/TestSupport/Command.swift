import Foundation

/// A program that ran to its end.
package struct Command {
  /// Exit status; a signal's number if it was ended by one.
  package let status: Int32
  /// What it wrote to standard output and standard error, in order.
  package let output: String

  /// Runs a program found on the PATH (or by its path) and waits for it.
  package init(
    _ arguments: [String], in folder: URL? = nil, environment: [String: String] = [:]
  ) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    status = process.terminationStatus
    output = String(decoding: data, as: UTF8.self)
  }
}

/// The folder of the package under test.
package let packageRoot = URL(fileURLWithPath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

/// A program of this package, built beside the running tests.
package func product(_ name: String) -> String {
  // The test bundle lies in the same folder as the executables: …/release/swift-nnPackageTests.xctest.
  URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent(name).path
}

/// Runs `body` in a new temporary folder that is removed afterwards.
package func withTemporaryFolder<T>(_ body: (URL) throws -> T) throws -> T {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("swift-nn-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}

/// The folder of data and weights too large for this repository, if the environment names one.
package var sharedFolder: URL? {
  ProcessInfo.processInfo.environment["NN_SHARED_DIR"].map { URL(fileURLWithPath: $0) }
}
