import Foundation
import NNCore
import NNLayers
import NNModels
import TestSupport
import Testing

/// Weights under the keys of other libraries.
struct KeyMapTests {
  static let fixture = ModelFixture("key_maps")

  /// Networks as small as those of the fixture.
  private func network(_ name: String) throws -> any ImageClassifier {
    func small(_ change: (inout PatchTransformer.Options) -> Void) -> PatchTransformer {
      PatchTransformer(
        .init(patchSize: 14, width: 32, layers: 2) { options in
          options.heads = 2
          change(&options)
        }, imageSize: 28, classes: 3)
    }
    let stages = [(8, 1), (16, 1), (16, 2), (24, 1)]
    return try skipInit {
      switch name.replacingOccurrences(of: " classifier", with: "") {
      case "vit": small { _ in }
      case "torchvision vit":
        VisionTransformer(
          imageSize: 28, patchSize: 14, layers: 2, attentionHeads: 2, width: 32, hidden: 128, classes: 3)
      case "dinov2": small { $0.layerScale = 1 }
      case "dinov2_registers":
        small { ($0.layerScale, $0.registers, $0.positions) = (1, 4, .patches) }
      case "clip":
        small { ($0.normalizesEmbeddings, $0.epsilon, $0.activation) = (true, 1e-5, .quickGELU) }
      case "siglip": small { ($0.hasClassToken, $0.pooling) = (false, .attention) }
      case "convnext": ConvNeXt(stages, classes: 3, stochasticDepth: 0)
      case "convnextv2": ConvNeXtV2(stages, pointwise: true, classes: 3)
      default: try makeModel(name, classes: 3, configuration: ["image_size": "48"])
      }
    }
  }

  /// The node that gives the features of a network whose head is not in the file.
  private func node(_ name: String) -> String {
    switch name {
    case "siglip": "attn_pool"
    case "vit_small_patch16_dinov3_qkvb": "norm"
    case "convnext": "classifier.1"
    case "convnextv2": "head.norm"
    default: "class_token"
    }
  }

  /// Files of transformers, timm and of the authors give their features and logits.
  @Test(arguments: NamedEntry.all(fixture.json, named: "name"))
  func readsFilesOfOthers(_ entry: NamedEntry) throws {
    let name = try #require(entry["name"]?.string)
    let classifies = name.hasSuffix("classifier")
    let network = try network(name).eval()
    try withTemporaryFolder { folder in
      var state = StateDict()
      for pair in entry["keys"]?.elements ?? [] {
        let (key, shape) = try (#require(pair[0]?.string), #require(pair[1]?.ints))
        state[key] = FormulaNumbers.value(of: key, shape: shape)
      }
      let path = folder.path + "/model.safetensors"
      try state.write(safetensors: path)
      let report = try network.loadPretrainedWeights(from: path, replacingHead: !classifies)
      #expect(report.names == entry["library"]?.string)
      #expect(report.kept.count == (classifies ? 0 : 2))
      let x = ModelFixture.input(entry["input"]?.ints ?? [])
      let layer: any CallableModule = classifies ? network : try network.features(at: node(name))
      let output = noGrad { layer.calledWithHooks(x) }
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
