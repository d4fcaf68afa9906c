import Foundation
import NNCore
import NNData
import NNFiles
import NNModels
import Synchronization
import TestSupport
import Testing

/// Models of a hub, against servers that behave as one.
@Suite(.serialized) struct HubCacheTests {
  private static let commit = String(repeating: "0123456789", count: 4)
  private static let weights = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
  private static let config =
    "{\"architecture\": \"resnet18\", \"pretrained_cfg\": {\"input_size\": [3, 160, 160]}}"

  private static func model(_ name: String = "timm/net.v1") -> HubServer.Model {
    HubServer.Model(
      name, commit: commit, texts: ["config.json": config, "sub/more.txt": "more"],
      blobs: ["model.safetensors": weights])
  }

  private static let digest: @Sendable ([UInt8], Bool) -> String = { bytes, isLarge in
    let path = FileManager.default.temporaryDirectory.path + "/\(UUID())"
    defer { unlink(path) }
    try? Data(bytes).write(to: URL(fileURLWithPath: path))
    let checksum: Checksum = isLarge ? .sha256("") : .gitBlob("")
    return (try? checksum.digest(ofFile: path)) ?? ""
  }

  private func withHub(
    _ model: HubServer.Model = HubCacheTests.model(), token: String? = nil,
    trouble: @escaping HubServer.Trouble = { _, _ in nil },
    storeTrouble: @escaping HubServer.Trouble = { _, _ in nil },
    _ body: (HubServer, HubCache) throws -> Void
  ) throws {
    let server = try HubServer(model, digest: Self.digest, trouble: trouble, storeTrouble: storeTrouble)
    defer { server.stop() }
    try withTemporaryFolder { folder in
      let downloader = Downloader(timeout: 5, retries: 2, retryDelay: 0.01)
      try body(
        server,
        HubCache(folder: folder.path, endpoint: server.endpoint, token: token, downloader: downloader))
    }
  }

  private func expectOneLine(
    _ error: any Error, naming part: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let text = "\(error)"
    #expect(!text.contains("\n") && text.contains(part), "\(text)", sourceLocation: sourceLocation)
  }

  private func repository(_ text: String = "timm/net.v1") throws -> HubRepository { try HubRepository(text) }

  /// Files lie where Hugging Face's programs look for them.
  @Test func filesLieInTheLayoutOfTheHub() throws {
    try withHub { server, cache in
      let path = try cache.file("model.safetensors", of: repository())
      let folder = cache.folder + "/models--timm--net.v1"
      #expect(path == "\(folder)/snapshots/\(Self.commit)/model.safetensors")
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(Self.weights))
      let blob = "../../blobs/\(Self.digest(Self.weights, true))"
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == blob)
      #expect(try String(contentsOfFile: folder + "/refs/main", encoding: .utf8) == Self.commit)
      let deep = try cache.file("sub/more.txt", of: repository())
      #expect(try String(contentsOfFile: deep, encoding: .utf8) == "more")
      #expect(try cache.optionalFile("none.json", of: repository()) == nil)
      #expect(FileManager.default.fileExists(atPath: "\(folder)/.no_exist/\(Self.commit)/none.json"))
      #expect(try cache.commit(of: repository()) == Self.commit)

      // What is there is found without the hub: a commit at once, a branch if the hub is switched off or gone.
      let count = server.requests.count
      let pinned = try repository("timm/net.v1@\(Self.commit)")
      #expect(try cache.file("model.safetensors", of: pinned) == path)
      #expect(try cache.optionalFile("none.json", of: pinned) == nil)
      var offline = cache
      offline.isOffline = true
      #expect(try offline.file("model.safetensors", of: repository()) == path)
      #expect(server.requests.count == count)
      #expect { try offline.file("other.txt", of: repository()) } throws: { error in
        expectOneLine(error, naming: "HF_HUB_OFFLINE")
        return true
      }
      server.stop()
      var unreachable = cache
      unreachable.endpoint = "http://127.0.0.1:1"
      #expect(try unreachable.file("model.safetensors", of: repository()) == path)
    }
  }

  /// The token goes to the hub, and not on to where the hub sends.
  @Test func theTokenStaysWithTheHub() throws {
    var model = Self.model()
    model.token = "hf_secret"
    try withHub(model, token: "hf_secret") { server, cache in
      _ = try cache.file("model.safetensors", of: repository())
      _ = try cache.file("config.json", of: repository())
      #expect(server.requests.allSatisfy { $0["authorization"] == "Bearer hf_secret" })
      #expect(!server.storeRequests.isEmpty)
      #expect(server.storeRequests.allSatisfy { $0["authorization"] == nil })
    }
    // Nor anywhere without encryption.
    let plain = HubCache(folder: "/none", endpoint: "http://mirror.invalid", token: "hf_secret")
    #expect { try plain.file("config.json", of: repository()) } throws: { error in
      expectOneLine(error, naming: "HF_ENDPOINT: expected an https address")
      return !"\(error)".contains("hf_secret")
    }
  }

  @Test(
    arguments: [
      ("other/net", "", nil, false, "expected a model, found none on", "set HF_TOKEN to your token"),
      ("other/net", "", "hf_x", false, "expected a model, found none on", "that your token does not open"),
      (
        "timm/net.v1@v9", "", nil, false, "expected a revision of the model, found none called \"v9\"",
        "on http"
      ),
      ("timm/net.v1", "hf_secret", nil, true, "accept its terms on", "and set HF_TOKEN"),
      ("timm/net.v1", "hf_secret", nil, false, "expected a model, found none", "set HF_TOKEN"),
    ] as [(String, String, String?, Bool, String, String)])
  func refusalsSayWhatToDo(
    name: String, needed: String, given: String?, isGated: Bool, first: String, second: String
  ) throws {
    var model = Self.model()
    model.token = needed.isEmpty ? nil : needed
    model.isGated = isGated
    try withHub(model, token: given) { _, cache in
      #expect { try cache.file("config.json", of: repository(name)) } throws: { error in
        expectOneLine(error, naming: first)
        return "\(error)".contains(second) && error is HubError
      }
    }
  }

  @Test func aHubThatHasTooMuchToDoIsAskedAgain() throws {
    let busy = TinyServer.Answer([], status: "429 Too Many Requests", headers: ["Retry-After": "0.02"])
    let down = TinyServer.Answer([], status: "503 Service Unavailable")
    try withHub(
      trouble: { number, _ in [busy, down].dropFirst(number).first },
      storeTrouble: { number, _ in number == 0 ? busy : nil }
    ) { server, cache in
      _ = try cache.file("model.safetensors", of: repository())
      #expect(server.storeRequests.count == 2)
    }
    try withHub(trouble: { _, _ in busy }) { server, cache in
      #expect { try cache.file("model.safetensors", of: repository()) } throws: { error in
        expectOneLine(error, naming: "too many requests")
        return true
      }
      #expect(server.requests.count == 3)
    }
    // Nobody waits for an hour.
    let long = TinyServer.Answer([], status: "429 Too Many Requests", headers: ["Retry-After": "3600"])
    try withHub(trouble: { _, _ in long }) { server, cache in
      #expect(throws: DownloadError.self) { try cache.file("model.safetensors", of: repository()) }
      #expect(server.requests.count == 1)
    }
  }

  @Test func brokenDownloadsAreTakenUpAndChecked() throws {
    // The connection breaks after half of the file.
    try withHub(storeTrouble: { number, _ in
      number > 0 ? nil : TinyServer.Answer(Array(Self.weights.prefix(100_000)), length: Self.weights.count)
    }) { server, cache in
      let path = try cache.file("model.safetensors", of: repository())
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(Self.weights))
      #expect(server.storeRequests.map { $0["range"] } == [nil, "bytes=100000-"])
    }
    // Other bytes than the hub told.
    try withHub(storeTrouble: { _, _ in TinyServer.Answer(Self.weights.reversed()) }) { _, cache in
      #expect { try cache.file("model.safetensors", of: repository()) } throws: { error in
        expectOneLine(error, naming: "expected SHA-256")
        return error is DownloadError
      }
      #expect(!FileManager.default.fileExists(atPath: cache.folder + "/models--timm--net.v1/snapshots"))
    }
    // More bytes than the hub told.
    try withHub(storeTrouble: { _, _ in TinyServer.Answer(Self.weights + [1]) }) { _, cache in
      #expect(throws: DownloadError.self) { try cache.file("model.safetensors", of: repository()) }
    }
    // A file that was changed on disk.
    try withHub { server, cache in
      let path = try cache.file("model.safetensors", of: repository())
      try Data([1]).write(to: URL(fileURLWithPath: path).resolvingSymlinksInPath())
      #expect { try cache.file("model.safetensors", of: repository("timm/net.v1@\(Self.commit)")) } throws: {
        "\($0)".contains("remove it to have it downloaded again")
      }
    }
  }

  @Test(arguments: [
    (["X-Repo-Commit": "../../etc", "ETag": "\"x\""], "expected the commit in the header X-Repo-Commit"),
    (
      ["X-Repo-Commit": commit, "ETag": "\"../../../x\""],
      "expected the digest of config.json in the header ETag"
    ),
    (["X-Repo-Commit": commit], "expected the digest of config.json"),
  ])
  func strangeAnswersAreRefused(headers: [String: String], message: String) throws {
    try withHub(trouble: { _, _ in TinyServer.Answer([], headers: headers) }) { _, cache in
      #expect { try cache.file("config.json", of: repository()) } throws: { error in
        expectOneLine(error, naming: message)
        return error is HubError
      }
      let left = try FileManager.default.contentsOfDirectory(atPath: cache.folder)
      #expect(left == [])
    }
  }

  @Test(arguments: ["", "a/b/c", "../x", "a/..", "a b/c", "a/b@", "a/b@../x", "a/b@x//y", "-a/b", "ä/b"])
  func otherNamesAreRefused(text: String) {
    #expect { try HubRepository(text) } throws: { error in
      expectOneLine(error, naming: "expected owner/name or owner/name@revision")
      return true
    }
  }

  @Test func theEnvironmentDecides() throws {
    try withTemporaryFolder { folder in
      func cache(_ values: [String: String]) -> HubCache { HubCache(environment: values) }
      #expect(cache(["HOME": "/h"]).folder == "/h/.cache/huggingface/hub")
      #expect(cache(["HOME": "/h", "XDG_CACHE_HOME": "/x"]).folder == "/x/huggingface/hub")
      #expect(cache(["HF_HOME": "/f"]).folder == "/f/hub" && cache(["HF_HUB_CACHE": "/c"]).folder == "/c")
      #expect(cache([:]).endpoint == "https://huggingface.co")
      #expect(cache(["HF_ENDPOINT": "https://m.org/"]).endpoint == "https://m.org")
      #expect(cache(["HF_HUB_OFFLINE": "YES"]).isOffline && !cache(["HF_HUB_OFFLINE": "0"]).isOffline)

      // A token in its file, and one that is none.
      var model = Self.model()
      model.token = "hf_file"
      try "hf_file\n".write(toFile: folder.path + "/token", atomically: true, encoding: .utf8)
      try withHub(model) { server, _ in
        var home = ["HF_HOME": folder.path, "HF_ENDPOINT": server.endpoint]
        let file = try cache(home).optionalFile("config.json", of: repository())
        #expect(file != nil)
        home["HF_TOKEN"] = "other"
        #expect(throws: HubError.self) { try cache(home).file("sub/more.txt", of: repository()) }
        home["HF_TOKEN"] = "a\r\nX-Evil: 1"
        #expect { try cache(home).file("sub/more.txt", of: repository()) } throws: { error in
          expectOneLine(error, naming: "HF_TOKEN: expected a token of letters and digits")
          return !"\(error)".contains("Evil")
        }
        #expect(server.requests.allSatisfy { $0["x-evil"] == nil })
      }
    }
  }

  @Test func filesAreBounded() throws {
    #expect { try hubModel(["config.json": String(repeating: " ", count: 1 << 20 + 1)]) } throws: { error in
      expectOneLine(error, naming: "expected config.json of at most 1048576 bytes, found 1048577")
      return error is HubError
    }
    try withTemporaryFolder { folder in
      let token = String(repeating: "a", count: 4_097)
      try token.write(toFile: folder.path + "/token", atomically: true, encoding: .utf8)
      let cache = HubCache(environment: ["HF_HOME": folder.path, "HF_ENDPOINT": "http://127.0.0.1:1"])
      #expect { try cache.file("config.json", of: repository()) } throws: { error in
        expectOneLine(error, naming: "/token: expected a token of letters and digits")
        return error is HubError
      }
    }
  }

  // MARK: Models

  private func hubModel(_ texts: [String: String]) throws -> HubModel {
    var model = Self.model()
    model.texts = texts
    var result: HubModel?
    try withHub(model) { _, cache in result = try HubModel(repository(), cache: cache) }
    return try #require(result)
  }

  @Test func descriptionsOfTimm() throws {
    let model = try hubModel([
      "config.json": """
      {"architecture": "vit_small_patch14_dinov2", "pretrained_cfg": {"input_size": [3, 224, 224], "crop_pct": 0.9,
       "interpolation": "bicubic", "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.1], "crop_mode": "center"}}
      """
    ])
    #expect(model.architecture == "vit_small_patch14_dinov2" && model.repository.revision == Self.commit)
    let expected = ImageClassification(
      crop: 224, resize: 248, interpolation: .bicubic, mean: [0.5, 0.4, 0.3], std: [0.2, 0.2, 0.1])
    #expect(model.preparation == HubModel.ImagePreparation(stretches: false, transforms: expected))
  }

  @Test(arguments: [
    (
      "{\"size\": {\"shortest_edge\": 256}, \"crop_size\": {\"height\": 224, \"width\": 224}, \"resample\": 3}",
      false, 256, 224, InterpolationMode.bicubic
    ),
    ("{\"size\": {\"height\": 384, \"width\": 384}}", true, 384, 384, .bilinear),
    ("{\"size\": {\"shortest_edge\": 224}, \"crop_pct\": 0.875, \"resample\": 3}", false, 256, 224, .bicubic),
  ])
  func descriptionsOfTransformers(
    text: String, stretches: Bool, resize: Int, crop: Int, interpolation: InterpolationMode
  ) throws {
    let model = try hubModel([
      "config.json": "{\"model_type\": \"dinov2\"}", "preprocessor_config.json": text,
    ])
    let half: [Float] = [0.5, 0.5, 0.5]
    #expect(model.architecture == "dinov2")
    #expect(
      model.preparation
        == HubModel.ImagePreparation(
          stretches: stretches,
          transforms: ImageClassification(
            crop: crop, resize: resize, interpolation: interpolation, mean: half, std: half)))
  }

  @Test(arguments: [
    ("config.json", "[1]", "expected a JSON object"),
    ("config.json", "{\"pretrained_cfg\": {\"input_size\": [3, 1e300, 1e300]}}", "expected a size in pixels"),
    ("config.json", "{\"input_size\": [1, 224, 224]}", "expected [3, SIDE, SIDE] as input_size"),
    (
      "config.json", "{\"input_size\": [3, 224, 224], \"crop_pct\": 0}",
      "expected a number in 0...1 as crop_pct"
    ),
    ("config.json", "{\"input_size\": [3, 224, 224], \"std\": [0, 1, 1]}", "expected 3 numbers as std"),
    ("config.json", "{\"input_size\": [3, 224, 224], \"interpolation\": \"\\u001b[2J\"}", "as interpolation"),
    (
      "preprocessor_config.json", "{\"size\": {\"height\": 1, \"width\": 2}}",
      "expected equal height and width"
    ),
    (
      "preprocessor_config.json", "{\"size\": 8, \"resample\": 1e300}",
      "expected a number in 0...5 as resample"
    ),
  ])
  func strangeDescriptionsAreRefused(file: String, text: String, message: String) throws {
    #expect { try hubModel([file: text]) } throws: { error in
      expectOneLine(error, naming: message)
      return !"\(error)".contains("\u{1b}") && error is HubError
    }
  }

  /// The files that an index names lie beside it, and are read as one.
  @Test func shardsAreReadTogether() throws {
    func file(_ key: String, _ value: Float) throws -> [UInt8] {
      try withTemporaryFolder { folder in
        let path = folder.path + "/a.safetensors"
        try StateDict([(key, Tensor([value]))]).write(safetensors: path)
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
      }
    }
    let (first, second) = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    var model = Self.model()
    model.blobs = [first: try file("a", 1), second: try file("b", 2)]
    model.texts["model.safetensors.index.json"] =
      "{\"metadata\": {}, \"weight_map\": {\"b\": \"\(second)\", \"a\": \"\(first)\"}}"
    try withHub(model) { server, cache in
      let path = try HubModel(repository(), cache: cache).weights()
      let state = try StateDict(contentsOf: path)
      #expect(state["a"]?.array(of: Float.self) == [1] && state["b"]?.array(of: Float.self) == [2])
      let count = server.storeRequests.count
      #expect(try HubModel(repository(), cache: cache).weights() == path)
      #expect(server.storeRequests.count == count)
    }
  }

  @Test(arguments: [
    ("{\"a\": \"model.bin\"}", "expected names of safetensors files"),
    ("{\"a\": \"a?b.safetensors\"}", "expected names of safetensors files"),
    ("{\"a\": \"../a.safetensors\"}", "expected the name of a file for \"a\""),
    ("{\"a\": \"none.safetensors\"}", "expected a file none.safetensors in the model"),
    (
      "{" + (0...1_000).map { "\"\($0)\": \"\($0).safetensors\"" }.joined(separator: ",") + "}",
      "expected at most 1000 files"
    ),
  ])
  func strangeIndicesAreRefused(map: String, message: String) throws {
    var model = Self.model()
    model.blobs = [:]
    model.texts["model.safetensors.index.json"] = "{\"weight_map\": \(map)}"
    try withHub(model) { _, cache in
      #expect { try HubModel(repository(), cache: cache).weights() } throws: { error in
        expectOneLine(error, naming: message)
        return true
      }
    }
  }

  @Test func onlySafetensorsAreRead() throws {
    var model = Self.model()
    model.blobs = ["pytorch_model.bin": Self.weights]
    try withHub(model) { server, cache in
      #expect { try HubModel(repository(), cache: cache).weights() } throws: { error in
        expectOneLine(error, naming: "expected its weights in model.safetensors")
        return true
      }
      #expect(server.storeRequests.isEmpty)
    }
  }
}
