import Foundation
import NNCore
import NNData
import NNFiles
import NNLayers
import NNModels
import TestSupport
import Testing

/// Files of other people through the command line: weights under other names, and files that mean harm.
@Suite struct ForeignFileTests {
  private func network(_ arch: String) throws -> StateDict {
    try withDefaultGenerator(Generator(seed: 1)) { try makeModel(arch) }.stateDict()
  }

  private func finetune(_ folder: URL, _ weights: String, _ options: [String] = []) throws -> Command {
    try nn(
      [
        "finetune", "--data", "photos", "--arch", "squeezenet1_1", "--weights", weights, "--epochs", "1",
        "--batch-size", "8", "--output", weights + ".run",
      ] + options, in: folder)
  }

  /// Whatever the keys begin with, the run is that of the plain file, and how the file was read is told in one line.
  @Test func prefixesOfWeightsAreFound() throws {
    try withTemporaryFolder { folder in
      try ImageFolders(folder, "photos").write(["a", "b"])
      let state = try network("squeezenet1_1")
      try state.write(pth: folder.path + "/plain.pth")
      let plain = try finetune(folder, "plain.pth")
      try #require(plain.status == 0, "\(plain.output)")
      let trained = try Data(contentsOf: folder.appendingPathComponent("plain.pth.run/model.safetensors"))
      let prefixes = ["module.", "_orig_mod.", "module._orig_mod.", "net.backbone.student."]
      for (index, prefix) in prefixes.enumerated() {
        let name = "\(index).safetensors"
        try state.addingPrefix(prefix).write(safetensors: folder.path + "/" + name)
        let run = try finetune(folder, name)
        #expect(run.status == 0 && run.output.contains(prefix), "\(run.output)")
        let model = folder.appendingPathComponent("\(name).run/model.safetensors")
        #expect(try Data(contentsOf: model) == trained, "\(prefix)")
      }
      let named = try finetune(folder, "3.safetensors", ["--prefix", "module.", "--output", "named"])
      #expect(named.status == 1 && !named.output.contains("Fatal"), "\(named.output)")
    }
  }

  /// Another network's file: counts, some keys of each kind, and whose file it is.
  @Test func weightsOfAnotherNetworkAreRefusedInALine() throws {
    try withTemporaryFolder { folder in
      try ImageFolders(folder, "photos").write(["a", "b"])
      try network("squeezenet1_0").write(pth: folder.path + "/other.pth")
      let refused = try finetune(folder, "other.pth")
      #expect(refused.status == 1 && refused.output.contains("squeezenet1_0"), "\(refused.output)")
      let error = try #require(refused.output.split(separator: "\n").last { $0.contains("other.pth") })
      #expect(error.utf8.count < 1_200, "\(error)")
      #expect(!FileManager.default.fileExists(atPath: folder.path + "/other.pth.run/model.safetensors"))
    }
  }

  /// A few bytes that claim gigabytes take neither memory nor time.
  @Test(arguments: ["length of a text", "size of the picture"])
  func picturesThatClaimGigabytesTakeNoMemory(_ claim: String) throws {
    try withTemporaryFolder { folder in
      let photos = ImageFolders(folder, "photos")
      var png = Image(width: 4, height: 4).pngData()
      if claim == "length of a text" {
        png =
          Array(png[..<8]) + [0x7f, 0xff, 0xff, 0xf0] + Array("tEXt".utf8) + Array(repeating: 0, count: 25)
      } else {
        png.replaceSubrange(16..<24, with: [0, 0, 0x60, 0, 0, 0, 0x60, 0])
      }
      for index in 0..<6 { try photos.write(png, to: "a/\(index).png") }
      // The memory of the process is limited to what it needs without them.
      let command = "ulimit -v 3000000; exec \"$0\" check photos --workers 4"
      let checked = try Command(["bash", "-c", command, product("nn")], in: folder)
      #expect(checked.status == 1 && checked.output.contains("6 images: 6 damaged"), "\(checked.output)")
    }
  }

  /// What a file calls its tensors does not reach the terminal as it is.
  @Test func namesInFilesAreShownEscaped() throws {
    try withTemporaryFolder { folder in
      let path = folder.path + "/keys.safetensors"
      let state: StateDict = ["\u{1b}]0;title\u{7}weight": Tensor.ones(2), "a\u{202e}b": Tensor.ones(1)]
      try state.write(safetensors: path)
      try ImageFolders(folder, "photos").write(["a", "b"])
      for command in [try nn(["inspect", path]), try finetune(folder, path)] {
        #expect(
          !command.output.contains("\u{1b}]") && !command.output.contains("\u{202e}"), "\(command.output)")
        #expect(command.output.contains("\\u{1b}]0;title"), "\(command.output)")
      }
    }
  }
}
