import NNCore
import NNLayers
import NNModels
import TestSupport
import Testing

/// Networks for images of other channels than three.
@Suite struct ChannelTests {
  /// The weights of one pixel, as timm's `adapt_input_conv` changes [1, 2, 4].
  @Test(arguments: [
    (1, [7.0]), (2, [1.5, 3]), (4, [0.75, 1.5, 3, 0.75]), (5, [0.6, 1.2, 2.4, 0.6, 1.2]), (3, [1, 2, 4]),
  ])
  func adaptsWeightsAsTimm(channels: Int, expected: [Double]) throws {
    let network = ShapesNet(classes: 3)
    let first = try #require(network.modules.compactMap { $0 as? Conv2d }.first)
    first.weight.value =
      Tensor([1.0, 2, 4]).to(.float32).reshape(1, 3, 1, 1)
      .expand(first.outChannels, 3, 3, 3) + 0
    network.inputNormalization = InputNormalization(mean: [0.25, 0.5, 0.75], std: [1, 2, 3])
    network.adaptInput(channels: channels)
    #expect(network.inputChannels == channels && first.inChannels == channels)
    for (place, want) in expected.enumerated() {
      #expect(abs(first.weight.value[0, place, 1, 1].item() - want) <= 1e-6)
    }
    #expect(network.inputNormalization?.mean.count == channels)
    if channels == 1 { #expect(network.inputNormalization?.mean == [0.5]) }
  }

  /// Every family takes such images, says so, and is made anew from what it says.
  @Test(arguments: [
    "alexnet", "vgg11", "resnet18", "squeezenet1_1", "densenet121", "googlenet", "inception_v3",
    "shufflenet_v2_x0_5", "mobilenet_v2", "mnasnet0_5", "mobilenet_v3_small", "efficientnet_b0",
    "tf_efficientnet_lite0", "regnet_y_400mf", "convnext_tiny", "vit_b_32", "swin_t", "swin_v2_t", "maxvit_t",
    "vit_tiny_patch16_224", "convnextv2_atto", "mobilenetv4_conv_small", "repvit_m1", "shapesnet",
  ])
  func everyFamilyTakesOtherChannels(_ name: String) throws {
    let size = name == "inception_v3" ? 96 : name == "maxvit_t" || name.contains("vit_") ? 224 : 64
    for channels in [1, 4] {
      let network = try skipInit { try makeModel(name, classes: 3, channels: channels) }.eval()
      #expect(noGrad { network(Tensor.zeros(1, channels, size, size)) }.shape == [1, 3])
      #expect(network.configuration["channels"] == "\(channels)")
      let again = try skipInit { try makeModel(name, classes: 3, configuration: network.configuration) }
      #expect(again.inputChannels == channels && again.configuration == network.configuration)
    }
  }
}
