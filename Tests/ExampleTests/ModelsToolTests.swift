import Foundation
import NNCore
import NNData
import NNFiles
import NNLayers
import NNModels
import TestSupport
import Testing

/// Networks that people fine-tune, from a folder and a weight file to predictions, and the list of networks.
@Suite(.serialized) struct ModelsToolTests {
  /// Trains for two epochs on a folder of drawn images and predicts an unseen one.
  private func expectJourney(
    _ arch: String, weights: StateDict, _ arguments: [String], says: String, in folder: URL
  ) throws -> String {
    let classes = ["circle", "square", "star"]
    let images = ImageFolders(folder, "photos")
    try images.write(classes)
    try ImageFolders(folder, "new").write(["photo"], count: 1, first: 20)
    let file = folder.path + "/model.safetensors"
    try weights.write(safetensors: file)
    let run = folder.path + "/run"
    let trained = try nn(
      ["finetune", "--data", images.path, "--arch", arch, "--weights", file, "--output", run]
        + ["--batch-size", "8", "--phases", "head:1,last:1"] + arguments)
    try #require(trained.status == 0, "\(trained.output)")
    #expect(trained.output.contains(says) && trained.output.contains("test_acc"), "\(trained.output)")
    let predicted = try nn(["predict", run, "--top", "1", folder.path + "/new/photo/20.png"])
    #expect(predicted.status == 0, "\(predicted.output)")
    let last = predicted.output.split(separator: "\n").last.map(String.init) ?? ""
    #expect(classes.contains { last.hasSuffix("  " + $0) }, "\(predicted.output)")
    let tested = try nn(["test", run])
    #expect(tested.status == 0, "\(tested.output)")
    return run
  }

  /// DINOv2 as timm's hub has it: without a head, with positions for images of 518x518, which become those of 56x56.
  @Test func aDINOv2UnderTimmsKeysBecomesAClassifier() throws {
    try withTemporaryFolder { folder in
      let network = try withDefaultGenerator(Generator(seed: 1)) {
        try makeModel("vit_small_patch14_dinov2", classes: 1)
      }
      var state = StateDict()
      for (key, value) in network.stateDict() where !key.hasPrefix("head.") { state[key] = value }
      #expect(state["pos_embed"]?.shape == [1, 1370, 384])
      let run = try expectJourney(
        "vit_small_patch14_dinov2", weights: state, ["--image-size", "56"],
        says: "took the weights", in: folder)
      let saved = try StateDict(contentsOf: run + "/model.safetensors")
      #expect(saved.contains { $0.value.shape == [1, 17, 384] })
    }
  }

  /// ConvNeXt V2 under transformers' keys, for grey images.
  @Test func aConvNeXtUnderTransformersKeysBecomesAClassifier() throws {
    try withTemporaryFolder { folder in
      let network = try withDefaultGenerator(Generator(seed: 1)) {
        try makeModel("convnextv2_atto", classes: 3)
      }
      var state = StateDict()
      for (key, value) in network.stateDict() {
        var name = "convnextv2." + key
        for (own, other) in [
          (".stem.0.", ".embeddings.patch_embeddings."), (".stem.1.", ".embeddings.layernorm."),
          (".stages.", ".encoder.stages."), (".downsample.", ".downsampling_layer."),
          (".blocks.", ".layers."),
          ("conv_dw", "dwconv"), (".mlp.fc", ".pwconv"), (".mlp.grn", ".grn"),
          ("convnextv2.head.norm.", "convnextv2.layernorm."), ("convnextv2.head.fc.", "classifier."),
        ] { name = name.replacingOccurrences(of: own, with: other) }
        if key.contains(".blocks.") { name = name.replacingOccurrences(of: ".norm.", with: ".layernorm.") }
        state[name] = value
      }
      let run = try expectJourney(
        "convnextv2_atto", weights: state,
        ["--image-size", "32", "--channels", "1", "--drop-path", "0.1", "--dropout", "0.2"],
        says: "names of transformers", in: folder)
      let saved = try StateDict(contentsOf: run + "/model.safetensors")
      #expect(saved.contains { $0.value.shape == [40, 1, 4, 4] })
      let exported = try nn(["export", run, "--output", folder.path + "/model.onnx"])
      #expect(exported.status == 0 && exported.output.contains("[batch, 1, 32, 32]"), "\(exported.output)")
    }
  }

  @Test func whatANetworkDoesNotTakeIsRefused() throws {
    try withTemporaryFolder { folder in
      try ImageFolders(folder, "photos").write(["circle", "square"])
      for (arguments, message) in [
        (["--channels", "2"], "channels: expected 1 or 3, found 2"),
        (["--drop-path", "0.1"], "drop path: expected none, as it has no such layers, found 0.1"),
        (["--dropout", "2"], "dropout: expected a number in 0..<1, found 2"),
      ] {
        let command = try nn(
          ["finetune", "--data", folder.path + "/photos", "--arch", "shapesnet", "--output"]
            + [folder.path + "/run"] + arguments)
        #expect(command.status != 0 && command.output.contains(message), "\(command.output)")
      }
    }
  }

  @Test func modelsAreListed() throws {
    let all = try nn(["models"])
    let lines = all.output.split(separator: "\n").map(String.init)
    #expect(lines.count == listModels().count + 3 && !all.output.contains("unknown"), "\(all.output)")
    for (name, line) in zip(listModels(), lines.dropFirst(2)) {
      let cells = line.trimmingCharacters(in: .whitespaces).components(separatedBy: "  ")
        .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
      #expect(cells.count == 7 && cells[0] == name, "\(line)")
    }
    let some = try nn(["models", "RESNET5"])
    #expect(some.output.contains("resnet50") && some.output.contains("4.09 G"), "\(some.output)")
    #expect(
      some.output.contains("25.6 M") && some.output.contains("BSD-3-Clause") && some.output.contains("80.86"))
    let none = try nn(["models", "resnt18"])
    #expect(none.status == 1 && none.output.contains("nearest names: resnet18"), "\(none.output)")
    let script = try nn(["--generate-completion-script", "bash"])
    #expect(script.output.contains("convnextv2_atto"))
    let wrong = try nn(["train", "--arch", "convnextv2_ato", "--output", "/nowhere/run"])
    #expect(wrong.status != 0 && wrong.output.contains("convnextv2_atto"), "\(wrong.output)")
  }
}
