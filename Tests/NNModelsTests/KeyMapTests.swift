import NNCore
import NNLayers
import NNModels
import TestSupport
import Testing

/// Weights under the keys of other libraries.
struct KeyMapTests {
  static let fixture = ModelFixture("key_maps")

  /// Transformers as small as those of the fixture.
  private func network(_ name: String) throws -> PatchTransformer {
    func small(_ change: (inout PatchTransformer.Options) -> Void) -> PatchTransformer {
      PatchTransformer(
        .init(patchSize: 14, width: 32, layers: 2) { options in
          options.heads = 2
          change(&options)
        }, imageSize: 28, classes: 3)
    }
    return try skipInit {
      switch name {
      case "vit": small { _ in }
      case "dinov2": small { $0.layerScale = 1 }
      case "dinov2_registers":
        small { ($0.layerScale, $0.registers, $0.positions) = (1, 4, .patches) }
      case "clip":
        small { ($0.normalizesEmbeddings, $0.epsilon, $0.activation) = (true, 1e-5, .quickGELU) }
      case "siglip": small { ($0.hasClassToken, $0.pooling) = (false, .attention) }
      default:
        try #require(
          try makeModel(name, classes: 3, configuration: ["image_size": "48"]) as? PatchTransformer)
      }
    }
  }

  /// Files of transformers give its features.
  @Test(arguments: NamedEntry.all(fixture.json, named: "name"))
  func readsTransformersFiles(_ entry: NamedEntry) throws {
    let name = try #require(entry["name"]?.string)
    let network = try network(name).eval()
    try withTemporaryFolder { folder in
      var state = StateDict()
      for pair in entry["keys"]?.elements ?? [] {
        let (key, shape) = try (#require(pair[0]?.string), #require(pair[1]?.ints))
        state[key] = FormulaNumbers.value(of: key, shape: shape)
      }
      let path = folder.path + "/model.safetensors"
      try state.write(safetensors: path)
      let report = try network.loadPretrainedWeights(from: path, replacingHead: true)
      #expect(report.names == "transformers" && report.kept == ["head.weight", "head.bias"])
      let x = ModelFixture.input(entry["input"]?.ints ?? [])
      let node =
        name == "siglip" ? "attn_pool" : name == "vit_small_patch16_dinov3_qkvb" ? "norm" : "class_token"
      let extractor = try network.features(at: node)
      let output = noGrad { extractor(x) }
      let features = output.rank == 3 ? output.select(1, index: 0) : output
      let wanted = entry["features"]?.doubles ?? []
      #expect(features.count == wanted.count)
      for (got, want) in zip(features.array(of: Double.self), wanted) { #expect(abs(got - want) <= 1e-4) }
    }
  }

  /// A file under torchvision's keys, under timm's, and one for images of another size.
  @Test func readsTorchvisionsAndTimmsFiles() throws {
    let timm = PatchTransformer(.init(patchSize: 4, width: 64, layers: 2), imageSize: 8, classes: 3).eval()
    let vision = VisionTransformer(
      imageSize: 8, patchSize: 4, layers: 2, attentionHeads: 1, width: 64, hidden: 256, classes: 3
    ).eval()
    try vision.loadStateDict(FormulaNumbers.weights(of: vision))
    let x = ModelFixture.input([2, 3, 8, 8])
    try withTemporaryFolder { folder in
      let path = folder.path + "/weights.safetensors"
      try vision.stateDict().addingPrefix("module.").write(safetensors: path)
      #expect(try timm.loadPretrainedWeights(from: path).names == "torchvision")
      let expected = noGrad { vision(x) }
      #expect(noGrad { timm(x) }.isClose(to: expected, absoluteTolerance: 1e-5))
      try timm.stateDict().write(safetensors: path)
      let other = skipInit {
        VisionTransformer(
          imageSize: 8, patchSize: 4, layers: 2, attentionHeads: 1, width: 64, hidden: 256, classes: 3)
      }.eval()
      #expect(try other.loadPretrainedWeights(from: path).names == "timm")
      #expect(noGrad { other(x) }.isEqual(to: expected))
      let larger = PatchTransformer(.init(patchSize: 4, width: 64, layers: 2), imageSize: 16, classes: 3)
        .eval()
      try larger.loadPretrainedWeights(from: path)
      let (positions, own) = try (#require(larger.positions).value, #require(timm.positions).value)
      #expect(positions.shape == [1, 17, 64])
      #expect(positions[0, 0].isEqual(to: own[0, 0]))
    }
  }
}
