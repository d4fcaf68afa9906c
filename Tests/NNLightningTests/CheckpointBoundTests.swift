import Foundation
import NNCore
import NNFiles
import NNLightning
import TestSupport
import Testing

/// The bounds on checkpoints that SECURITY.md names.
@Suite struct CheckpointBoundTests {
  @Test(
    arguments: [
      ("\"schedulerCount\":1000", nil),
      ("\"schedulerCount\":1001", "expected schedulerCount in 0...1000 in"),
      ("\"schedulerCount\":-1", "expected schedulerCount in 0...1000 in"),
    ] as [(String, String?)])
  func countersAreBounded(_ counter: String, _ refusal: String?) throws {
    try withTemporaryFolder { folder in
      let path = folder.path + "/c.safetensors"
      try Checkpoint(model: StateDict()).write(to: path)
      let content = try StateDict(contentsOf: path)
      let header = try #require(content.metadata["checkpoint"])
      let changed = header.replacingOccurrences(of: "\"schedulerCount\":0", with: counter)
      try #require(changed != header)
      try content.write(safetensors: path, metadata: ["checkpoint": changed])
      if let refusal {
        let error = #expect(throws: CheckpointError.self) { try Checkpoint(contentsOf: path) }
        let text = "\(try #require(error))"
        #expect(text.contains(refusal) && !text.contains("\n"), "\(text)")
      } else {
        #expect(try Checkpoint(contentsOf: path).schedulers.count == 1000)
      }
    }
  }
}
