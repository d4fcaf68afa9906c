import NNCore
import NNLayers
import NNModels
import TestSupport
import Testing

/// RepViT with its sums of convolutions made one.
@Suite struct RepViTTests {
  @Test(arguments: [true, false], [true, false])
  func aReparameterizedNetworkIsTheSameFunction(isLegacy: Bool, isDistilled: Bool) throws {
    let network = RepViT([(16, 1), (32, 2)], isLegacy: isLegacy, classes: 5)
    try network.loadStateDict(FormulaNumbers.weights(of: network))
    if !isDistilled { network.replaceHead(classes: 4) }
    network.eval()
    let plain = network.reparameterized()
    let x = ModelFixture.input([2, 3, 64, 64])
    #expect(noGrad { plain(x) }.isClose(to: noGrad { network(x) }, absoluteTolerance: 1e-4))
    #expect(plain.isReparameterized && !network.isReparameterized && !plain.isTraining)
    #expect(plain.buffers().isEmpty)
    // timm's names behind `fuse()`.
    let keys = plain.stateDict().keys
    #expect(keys.contains("stages.0.blocks.0.token_mixer.weight") && keys.contains("head.bias"))
    #expect(plain.configuration == ["reparameterized": "true"])
  }

  /// What timm saves of a network behind `fuse()` is read by one that was made so.
  @Test func readsAFusedFile() throws {
    let network = try skipInit {
      try makeModel("repvit_m0_9", classes: 3, configuration: ["reparameterized": "true"])
    }
    let other = try #require(try makeModel("repvit_m0_9", classes: 3) as? RepViT).eval().reparameterized()
    #expect(network.stateDict().keys == other.stateDict().keys)
    try network.loadStateDict(other.stateDict())
    #expect(throws: StateError.self) {
      try skipInit { repvit_m0_9(classes: 3) }.loadStateDict(other.stateDict())
    }
  }
}
