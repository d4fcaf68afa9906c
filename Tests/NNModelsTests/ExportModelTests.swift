import Foundation
import NNCore
import NNExport
import NNLayers
import NNModels
import TestSupport
import Testing

@Suite struct ExportModelTests {
  /// Small images that the network takes.
  private func size(_ name: String, _ network: any ImageClassifier) throws -> Int {
    let weights = try officialWeights(name)
    return network.configuration["image_size"].flatMap(Int.init) ?? weights.imageSize
      ?? max(weights.minimumSize, 64)
  }

  /// Every network of the library can be exported, with every weight that its logits depend on.
  @Test(arguments: listModels())
  func exports(name: String) throws {
    let network = try skipInit { try makeModel(name, classes: 10) }
    let size = try size(name, network)
    let exported = try ONNXModel(network, inputShape: [1, 3, size, size])
    var convolutions = 0
    var norms = 0
    for (key, module) in network.namedModules() where !key.lowercased().contains("aux") {
      convolutions += module is Conv2d ? 1 : 0
      norms += module is BatchNorm2d || module is BatchNorm1d ? 1 : 0
    }
    #expect(exported.operators["Conv", default: 0] == convolutions)
    #expect(exported.operators["BatchNormalization", default: 0] == norms)
  }

  /// Networks of every kind of block as ONNX Runtime computes them, with formula weights.
  @Test(
    .enabled(if: ONNXRuntime.isAvailable),
    arguments: [
      "alexnet", "resnet18", "squeezenet1_0", "densenet121", "googlenet", "inception_v3",
      "shufflenet_v2_x0_5", "mobilenet_v2", "mobilenet_v3_small", "mnasnet0_5", "efficientnet_b0",
      "tf_efficientnet_lite0",
      "convnext_tiny", "vit_b_16", "efficientnet_v2_s", "regnet_y_400mf", "swin_t", "swin_v2_t", "maxvit_t",
      "convnextv2_atto", "mobilenetv4_conv_small", "repvit_m1",
    ])
  func agreesWithTheRuntime(name: String) throws {
    let network = try skipInit { try makeModel(name, classes: 10) }
    try network.loadStateDict(ModelFixture.weights(of: network, convGain: 1))
    network.eval()
    let size = try size(name, network)
    try withTemporaryFolder { folder in
      let path = "\(folder.path)/\(name).onnx"
      try network.export(onnx: path, inputShape: [1, 3, size, size])
      let file = try ONNXFile(path)
      for (key, value) in network.stateDict()
      where !key.lowercased().contains("aux") && !key.hasSuffix("num_batches_tracked") {
        let constant = file.constants[key]
        // ViT's projections of queries, keys and values are parts of one tensor, its tokens repeated.
        if constant == nil, key.contains("in_proj") || key == "class_token" { continue }
        #expect(constant?.shape == value.shape, "\(key)")
        #expect(constant?.bytes == value.array(of: Float.self).withUnsafeBytes { Data($0) }, "\(key)")
      }
      let examples = [1, 4].map { rows in
        let x = ModelFixture.input([rows, 3, size, size])
        return (x, noGrad { network(x) })
      }
      let failures = try ONNXRuntime.failures([(path, examples)])
      #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }
  }

  /// A network that is cut off exports too.
  @Test func exportsFeatures() throws {
    let features = try resnet18(classes: 10).features(at: "layer2")
    let exported = try ONNXModel(features, inputShape: [1, 3, 64, 64])
    #expect(exported.operators["Gemm"] == nil && exported.operators["Conv"] == 10)
  }
}
