import NNCore
import NNLayers
import NNModels
import TestSupport
import Testing

/// What networks leave out at random in training, and other image sizes.
@Suite struct TrainingSettingsTests {
  private func chances(_ network: any ImageClassifier) -> [Double] {
    network.modules.compactMap { ($0 as? StochasticDepth)?.p }
  }

  /// As timm's `create_model("convnextv2_atto", drop_path_rate=0.22)`: 0, 0.02, … 0.22.
  @Test func dropPathGrowsInEqualSteps() throws {
    let network = try skipInit { try makeModel("convnextv2_atto", dropPath: 0.22) }
    for (place, p) in chances(network).enumerated() { #expect(abs(p - 0.02 * Double(place)) < 1e-9) }
    #expect(chances(network).count == 12)
    // Both halves of a transformer's block have the same chance.
    let transformer = try skipInit { try makeModel("vit_tiny_patch16_224", dropPath: 0.11) }
    #expect(chances(transformer).count == 24)
    #expect(abs(chances(transformer)[23] - 0.11) < 1e-9 && abs(chances(transformer)[3] - 0.01) < 1e-9)
    for name in [
      "convnext_tiny", "swin_t", "efficientnet_b0", "maxvit_t", "tf_efficientnet_lite0",
      "mobilenetv4_conv_small",
    ] {
      let other = try skipInit { try makeModel(name, dropPath: 0.5) }
      #expect(chances(other).first == 0 && chances(other).last == 0.5, "\(name)")
    }
  }

  @Test(arguments: [
    "alexnet", "vgg11", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "tf_efficientnet_lite0",
    "googlenet", "inception_v3", "squeezenet1_1", "mnasnet0_5", "vit_tiny_patch16_224", "convnextv2_atto",
    "mobilenetv4_conv_small", "repvit_m1",
  ])
  func dropoutIsBeforeTheHead(_ name: String) throws {
    let network = try skipInit { try makeModel(name, dropout: 0.125) }
    #expect(network.modules.contains { ($0 as? Dropout)?.p == 0.125 })
  }

  /// The same seed leaves the same out, and nothing is left out in evaluation.
  @Test func aSeedDecides() throws {
    let network = RepViT([(8, 1)], classes: 3)
    try network.configureTraining(dropout: 0.5)
    let x = ModelFixture.input([4, 3, 32, 32])
    func outputs(_ seed: Int) -> Tensor {
      withDefaultGenerator(Generator(seed: seed)) { noGrad { network(x) } }
    }
    for case let norm as BatchNorm2d in network.modules { norm.eval() }
    #expect(outputs(1).isEqual(to: outputs(1)) && !outputs(1).isEqual(to: outputs(2)))
    network.eval()
    #expect(outputs(1).isEqual(to: outputs(2)))
  }

  @Test func imagesOfAnotherSize() throws {
    let network = try skipInit { try makeModel("vit_small_patch14_dinov2", classes: 2, imageSize: 56) }
    #expect(network.configuration["image_size"] == "56")
    #expect(noGrad { network.eval()(Tensor.zeros(1, 3, 56, 56)) }.shape == [1, 2])
  }

  @Test func whatANetworkHasNotIsRefused() {
    func message(_ make: () throws -> any ImageClassifier) -> String {
      let error = #expect(throws: ModelError.self) { try skipInit { try make() } }
      return error.map { "\($0)" } ?? ""
    }
    #expect(
      message { try makeModel("resnet18", dropPath: 0.1) }
        == "ResNet: drop path: expected none, as it has no such layers, found 0.1")
    #expect(
      message { try makeModel("resnet18", dropout: 0.1) }
        == "ResNet: dropout: expected none, as it has no such layers, found 0.1")
    #expect(
      message { try makeModel("convnext_tiny", dropPath: 1) }
        == "ConvNeXt: drop path: expected a probability in 0..<1, found 1.0")
    #expect(
      message { try makeModel("resnet18", imageSize: 64) }
        == "resnet18: image size: expected none, as it takes images of any size, found 64")
    #expect(
      message { try makeModel("vit_b_16", imageSize: 63) }
        == "vit_b_16: image size: expected a multiple of its patches' size, found 63")
    #expect(
      message { try makeModel("resnet18", channels: 0) }
        == "resnet18: channels: expected a number in 1...1024, found 0")
  }
}
