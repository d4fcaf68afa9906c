import NNCore
import NNLayers
import NNModels
import TestSupport
import Testing

/// Networks cut off at a node.
struct FeatureTests {
  private func network() throws -> ResNet {
    let network = skipInit { resnet18() }.eval()
    try network.loadStateDict(ModelFixture.weights(of: network, convGain: 1))
    return network
  }

  @Test func givesTheOutputOfAStage() throws {
    let network = try network()
    let x = ModelFixture.input([1, 3, 64, 64])
    let extractor = try network.features(at: "layer3")
    let stem = network.maxpool(network.relu(network.bn1(network.conv1(x))))
    let want = network.layer3(network.layer2(network.layer1(stem)))
    #expect(extractor(x).isEqual(to: want))
    #expect(want.shape == [1, 256, 4, 4])
    // Only the parts up to there, under their keys.
    let keys = network.stateDict().keys.filter { !$0.hasPrefix("layer4") && !$0.hasPrefix("fc") }
    #expect(extractor.stateDict().keys == keys)
  }

  @Test func givesTheOutputsOfSeveralNodes() throws {
    let network = try network()
    let x = ModelFixture.input([1, 3, 64, 64])
    var runs = 0
    network.layer2[1].registerForwardHook { _, _, _ in
      runs += 1
      return nil
    }
    let extractor = try network.features(at: "layer1.0.conv2", "layer1.0.relu_1", "layer1", "layer2.0")
    let maps = extractor.outputs(x)
    #expect(maps.keys.sorted() == ["layer1", "layer1.0.conv2", "layer1.0.relu_1", "layer2.0"])
    #expect(maps["layer1.0.relu_1"].map { $0.isEqual(to: network.layer1[0](stem(network, x))) } == true)
    #expect(maps["layer1"].map { $0.isEqual(to: network.layer1(stem(network, x))) } == true)
    #expect(maps["layer2.0"].map { $0.isEqual(to: extractor(x)) } == true)
    // What lies behind the last node is neither run nor held.
    #expect(runs == 0)
    #expect(extractor.stateDict().keys.filter { $0.hasPrefix("layer2.1") } == [])
    // The hooks are gone: a plain call records nothing.
    #expect(maps["layer1.0.conv2"]?.shape == [1, 64, 16, 16])
  }

  private func stem(_ network: ResNet, _ x: Tensor) -> Tensor {
    network.maxpool(network.relu(network.bn1(network.conv1(x))))
  }

  @Test func sharesItsPartsWithTheNetwork() throws {
    let network = skipInit { mobilenet_v2() }
    let extractor = try network.features(at: "features.3")
    extractor.freeze()
    let learning = network.namedParameters().filter { $0.parameter.requiresGrad }
    #expect(learning.first?.name == "features.4.conv.0.0.weight")
    #expect(extractor.parameters().allSatisfy { !$0.requiresGrad })
  }

  @Test(arguments: listModels())
  func everyNodeGivesItsOutput(_ name: String) throws {
    // One of each family; the others have the same stages.
    let names: Set = [
      "squeezenet1_1", "googlenet", "shufflenet_v2_x0_5", "mobilenet_v3_small", "convnext_tiny", "resnet18",
      "convnextv2_atto", "mobilenetv4_conv_small", "repvit_m1",
    ]
    let network = try skipInit { try makeModel(name) }.eval()
    #expect(Set(network.nodeNames).count == network.nodeNames.count)
    #expect(network.nodeNames.last == network.stages.last?.name)
    guard names.contains(name) else { return }
    let x = Tensor.ones(1, 3, 64, 64)
    for node in network.nodeNames {
      let extractor = try network.features(at: node)
      #expect(extractor.nodes == [node])
    }
    // All in one pass.
    let extractor = try network.features(at: network.nodeNames.filter { !isUnused($0) })
    let outputs = noGrad { extractor.outputs(x) }
    #expect(outputs.count == network.nodeNames.filter { !isUnused($0) }.count)
  }

  /// Layers that are there without being run in evaluation mode or with stride 1.
  private func isUnused(_ node: String) -> Bool {
    node.hasSuffix("stochastic_depth") || node.hasSuffix("branch1")
  }

  @Test func unknownNodesAreErrors() throws {
    let network = skipInit { squeezenet1_1() }
    for node in ["layer3", "features.99", "features.3.squeeze.weight", "", "features.", "features.0_1_x"] {
      let error = #expect(throws: NodeError.self) { try network.features(at: node) }
      #expect(
        error?.description
          == "SqueezeNet has no node \(node.debugDescription); its stages are features, classifier, flatten")
    }
  }
}
