import Foundation
import NNCore
import NNData
import TestSupport
import Testing

/// A file among the fixtures of this target.
func fixture(_ path: String) -> String {
  Bundle.module.bundleURL.appendingPathComponent("Fixtures/\(path)").path
}

/// A folder of its own for one test, removed afterwards.
func withTemporaryFolder<R>(_ body: (String) throws -> R) throws -> R {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("nndata-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder.path)
}

/// Names of everything in a folder, hidden files included.
func contents(of folder: String) -> [String] {
  (try? FileManager.default.contentsOfDirectory(atPath: folder).sorted()) ?? ["no folder"]
}

/// SHA-256 of some bytes, in hexadecimal.
func sha256(_ bytes: UnsafeRawBufferPointer) throws -> String {
  try withTemporaryFolder { folder in
    try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/bytes"))
    return try Checksum.sha256("").digest(ofFile: "\(folder)/bytes")
  }
}

func sha256(_ image: Image) throws -> String { try image.pixels.withUnsafeBytes { try sha256($0) } }

func expectOneLine(_ error: any Error, naming file: String, sourceLocation: SourceLocation = #_sourceLocation)
{
  let text = String(describing: error)
  #expect(!text.contains("\n") && text.contains(file), "\(text)", sourceLocation: sourceLocation)
}

/// Folder of files too large for the repository, `NN_SHARED_DIR`; tests that need it skip without it.
let sharedFolder = ProcessInfo.processInfo.environment["NN_SHARED_DIR"]
