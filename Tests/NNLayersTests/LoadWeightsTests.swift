import Foundation
import NNCore
import NNFiles
import NNLayers
import Testing

@Suite struct LoadWeightsTests {
  private final class Net: Module {
    let fc = Linear(3, 2)
  }

  @Test func renamesKeysWhileLoading() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("nn-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("w.pth").path
    let (source, target) = (Net(), Net())
    try source.stateDict().renaming { "model." + $0.replacingOccurrences(of: "fc", with: "head") }.write(
      pth: path)
    #expect(throws: FileError.self) { try target.loadWeights(from: path, prefix: "model.") }
    let rename = { (key: String) in key.replacingOccurrences(of: "head", with: "fc") }
    #expect(try target.loadWeights(from: path, prefix: "model.", renaming: rename).isEmpty)
    for (key, value) in source.stateDict() {
      #expect(target.stateDict()[key]?.array(of: Float.self) == value.array(of: Float.self), "\(key)")
    }
    // Two keys that become one are refused, in one line that names the file.
    #expect {
      try target.loadWeights(from: path, renaming: { _ in "fc.weight" })
    } throws: { error in
      "\(error)".hasPrefix("\(path): expected keys that differ") && !"\(error)".contains("\n")
    }
  }
}
