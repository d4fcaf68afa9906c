import Foundation
import NNCore
import NNData
import NNLayers
import NNModels
import TestSupport
import Testing

/// `nn finetune --weights hf:…` against servers that behave as a hub.
@Suite struct HubToolTests {
  private static let commit = String(repeating: "a1b2c", count: 8)

  private static let digest: @Sendable ([UInt8], Bool) -> String = { bytes, isLarge in
    let path = FileManager.default.temporaryDirectory.path + "/\(UUID())"
    defer { unlink(path) }
    try? Data(bytes).write(to: URL(fileURLWithPath: path))
    let checksum: Checksum = isLarge ? .sha256("") : .gitBlob("")
    return (try? checksum.digest(ofFile: path)) ?? ""
  }

  private func withHub(
    arch: String, token: String? = nil, _ body: (URL, HubServer, [String: String]) throws -> Void
  ) throws {
    try withTemporaryFolder { folder in
      let file = folder.path + "/weights.safetensors"
      try withDefaultGenerator(Generator(seed: 1)) { squeezenet1_1() }.stateDict().write(safetensors: file)
      var model = HubServer.Model(
        "maker/net", commit: Self.commit,
        texts: [
          "config.json": """
          {"architecture": "\(arch)", "pretrained_cfg": {"input_size": [3, 96, 96], "crop_pct": 0.75,
           "interpolation": "bicubic", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}
          """
        ], blobs: ["model.safetensors": [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))])
      model.token = token
      let server = try HubServer(model, digest: Self.digest)
      defer { server.stop() }
      try ImageFolders(folder, "photos").write(["circle", "square"], count: 5)
      try body(
        folder, server,
        [
          "HF_HOME": folder.path + "/hf", "HF_ENDPOINT": server.endpoint, "HF_HUB_CACHE": "", "HF_TOKEN": "",
          "HF_HUB_OFFLINE": "",
        ])
    }
  }

  private func finetune(
    _ folder: URL, _ run: String, _ options: [String], _ environment: [String: String]
  ) throws -> Command {
    try Command(
      [product("nn"), "finetune", "--data", folder.path + "/photos", "--epochs", "1", "--batch-size", "4"]
        + ["--output", folder.path + "/" + run] + options, environment: environment)
  }

  /// Network, images and weights are those of the model; the run remembers its commit, and needs no hub any more.
  @Test func aModelOfAHubIsTunedAndFoundAgain() throws {
    try withHub(arch: "squeezenet1_1", token: "hf_test") { folder, server, environment in
      var environment = environment.merging(["HF_TOKEN": "hf_test"]) { $1 }
      let trained = try finetune(folder, "run", ["--weights", "hf:maker/net"], environment)
      try #require(trained.status == 0, "\(trained.output)")
      let config = try String(contentsOfFile: folder.path + "/run/config.yaml", encoding: .utf8)
      #expect(config.contains("arch: squeezenet1_1\n"), "\(config)")
      #expect(config.contains("weights: hf:maker/net@\(Self.commit)\n"), "\(config)")
      #expect(!config.contains("hf_test") && !trained.output.contains("hf_test"))
      let saved = try StateDict(contentsOf: folder.path + "/run/model.safetensors")
      let text = try #require(saved.metadata["model"])
      for part in [
        "\"resize\":128", "\"crop\":96", "\"interpolation\":\"bicubic\"", "\"mean\":[0.5,0.5,0.5]",
      ] {
        #expect(text.contains(part), "\(text)")
      }
      #expect(server.storeRequests.allSatisfy { $0["authorization"] == nil })

      server.stop()
      environment["HF_TOKEN"] = ""
      let count = server.requests.count
      let again = try finetune(
        folder, "again", ["--weights", "hf:maker/net@\(Self.commit)", "--arch", "squeezenet1_1"], environment)
      #expect(again.status == 0, "\(again.output)")
      environment["HF_HUB_OFFLINE"] = "1"
      let offline = try finetune(folder, "offline", ["--weights", "hf:maker/net"], environment)
      #expect(offline.status == 0 && server.requests.count == count, "\(offline.output)")
      // Another run goes on with it.
      let resumed = try Command(
        [product("nn"), "finetune", "--resume", "--output", folder.path + "/run", "--epochs", "2"],
        environment: environment)
      #expect(resumed.status == 0, "\(resumed.output)")
    }
  }

  @Test(arguments: [
    (["--weights", "hf:maker/net"], "expected a network that is known here, found \"squeezenett1_1\""),
    (["--weights", "hf:maker/other"], "maker/other: expected a model, found none on"),
    (["--weights", "hf:maker"], "maker: expected a model, found none on"),
    (["--weights", "hf:../net"], "expected owner/name or owner/name@revision of a model on a hub"),
  ])
  func mistakesAreNamedInOneLine(options: [String], message: String) throws {
    try withHub(arch: "squeezenett1_1") { folder, _, environment in
      let answer = try finetune(folder, "run", options, environment)
      #expect(answer.status == 1 && answer.output.contains(message), "\(answer.output)")
      #expect(answer.output.split(separator: "\n").count == 1, "\(answer.output)")
    }
  }
}
