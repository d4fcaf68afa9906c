import NNCore
import NNLayers
import NNModels
import Testing

@Suite struct TransferNetworkTests {
  private static let networks: [(name: String, size: Int, features: Int, last: [String])] = [
    ("shapesnet", 32, 128, ["features.12"]), ("alexnet", 64, 4096, ["classifier"]),
    ("vgg11", 32, 4096, ["classifier"]), ("resnet18", 32, 512, ["layer4"]),
    ("squeezenet1_1", 32, 512, ["features.12"]), ("densenet121", 32, 1024, ["features.denseblock4"]),
    ("googlenet", 64, 1024, ["inception5b"]), ("inception_v3", 96, 2048, ["Mixed_7c"]),
    ("shufflenet_v2_x0_5", 32, 1024, ["conv5"]), ("mobilenet_v2", 32, 1280, ["features.18"]),
    ("mobilenet_v3_small", 32, 1024, ["classifier"]), ("mnasnet0_5", 32, 1280, ["layers.14"]),
    ("efficientnet_b0", 32, 1280, ["features.8"]), ("tf_efficientnet_lite0", 32, 1280, ["conv_head"]),
    ("convnext_tiny", 32, 768, ["features.7"]),
    ("vit_b_16", 224, 768, ["encoder.layers.encoder_layer_11"]), ("convnextv2_atto", 32, 320, ["stages.3"]),
    ("mobilenetv4_conv_small", 32, 1280, ["conv_head"]),
  ]

  /// The features are what the last layer was given: with its weights the new head says the same.
  @Test(arguments: networks)
  func aNewHeadTakesThePlaceOfTheLast(_ entry: (name: String, size: Int, features: Int, last: [String]))
    throws
  {
    let network = try makeModel(entry.name)
    let transfer = try TransferNetwork(network, classes: 1000)
    network.eval()
    transfer.eval()
    #expect(transfer.featureCount == entry.features)
    let normalizes = entry.name.hasPrefix("squeezenet")
    #expect(transfer.head.names == (normalizes ? ["norm", "linear"] : ["linear"]))
    let x = Tensor.randn([2, 3, entry.size, entry.size], generator: Generator(seed: 1))
    #expect(noGrad { transfer.features(x) }.shape == [2, entry.features])
    if !normalizes {
      let linear = try #require(transfer.head["linear"] as? Linear)
      let names = network.namedParameters().suffix(2).map(\.name)
      let state = network.stateDict()
      linear.weight.value = try #require(state[names[0]])
      linear.bias?.value = try #require(state[names[1]])
      #expect(noGrad { transfer(x) }.isEqual(to: noGrad { network(x) }))
    }
    // The head, and no layer of the old one.
    let own = transfer.namedParameters().map(\.name).filter { !$0.hasPrefix("backbone.") }
    #expect(own.allSatisfy { $0.hasPrefix("head.") })
    let held = Set(transfer.backbone.namedParameters().map(\.name))
    #expect(!held.isEmpty && held.isSubset(of: network.namedParameters().map(\.name)))
    let last = transfer.lastBlock.first.map(ObjectIdentifier.init)
    let name = transfer.backbone.namedModules().first { ObjectIdentifier($0.module) == last }?.name
    #expect([name] == entry.last)
  }

  /// A head of several layers is taken off as a whole.
  @Test func aHeadOfLayersIsTakenOff() throws {
    let network = try makeModel("repvit_m1")
    let transfer = try TransferNetwork(network, classes: 3).eval()
    #expect(transfer.featureCount == 384 && transfer.head.names == ["norm", "linear"])
    #expect(transfer.backbone.namedParameters().allSatisfy { !$0.name.hasPrefix("head") })
    #expect(noGrad { transfer(Tensor.zeros(2, 3, 32, 32)) }.shape == [2, 3])
  }

  @Test func theHeadIsChosen() throws {
    let with = try TransferNetwork(ShapesNet(classes: 3), classes: 5, normalizesFeatures: true)
    #expect(with.head.names == ["norm", "linear"])
    let without = try TransferNetwork(squeezenet1_1(), classes: 5, normalizesFeatures: false)
    #expect(without.head.names == ["linear"])
    #expect(noGrad { without(Tensor.zeros(2, 3, 32, 32)) }.shape == [2, 5])
    with.backbone.freeze()
    #expect(
      with.namedParameters().filter { $0.parameter.requiresGrad }.map(\.name) == [
        "head.norm.weight", "head.norm.bias", "head.linear.weight", "head.linear.bias",
      ])
  }

  @Test func aNetworkWithoutALastLayerIsRefused() {
    final class Bare: Module, ImageClassifier {
      var stages: [Stage] { [.init("flatten") { $0.flatten(from: 1) }] }
      func replaceHead(classes: Int) {}
    }
    #expect(throws: NodeError.self) { try TransferNetwork(Bare(), classes: 2) }
  }

  /// Blocks of convolutions at several depths, and at the end what the last layer is given.
  @Test(arguments: [
    ("squeezenet1_1", ["features.9", "features.10", "features.11", "classifier.0"], 1792),
    ("resnet18", ["layer1", "layer2", "layer3", "flatten"], 960),
    ("vit_b_32", [], 0), ("swin_t", [], 0),
  ])
  func deepNodesAreBlocksOfConvolutions(name: String, nodes: [String], count: Int) throws {
    let network = try nodes.isEmpty ? skipInit { try makeModel(name) } : makeModel(name)
    #expect(network.deepNodes() == nodes)
    if nodes.isEmpty { return }
    #expect(try network.featureCount(of: nodes, imageSize: 64) == count)
    var form = try TransferForm(suiting: network)
    #expect(form.isPlain)
    (form.nodes, form.featureCount) = (nodes, count)
    #expect(!form.isPlain && form.problem == nil)
    let deep = try TransferNetwork(network, classes: 3, form: form)
    let plain = try TransferNetwork(network, classes: 3)
    let x = Tensor.randn([2, 3, 64, 64], generator: Generator(seed: 1))
    let (all, last) = noGrad { (deep.eval().features(x), plain.eval().features(x)) }
    #expect(all.shape == [2, count] && deep.featureCount == count)
    #expect(all.narrow(1, start: count - 512, length: 512).isEqual(to: last))
  }

  @Test func headsOfAllKindsAreBuilt() throws {
    var form = TransferForm(normalizes: true)
    form.unitLength = true
    form.neighbors = .init(stored: 7, count: 2)
    let network = try TransferNetwork(ShapesNet(classes: 3), classes: 4, form: form)
    #expect(network.head.names == ["norm", "unit", "neighbors"])
    let state = network.stateDict()
    #expect(state["head.neighbors.examples"]?.shape == [7, network.featureCount])
    #expect(state["head.neighbors.votes"]?.shape == [7, 4])
  }

  @Test func formsFromOutsideAreChecked() {
    func problem(_ change: (inout TransferForm) -> Void) -> String {
      var form = TransferForm(normalizes: false)
      change(&form)
      return form.problem ?? "none"
    }
    #expect(problem { _ in } == "none")
    let neighbors = "expected stored examples of which 1 to 10000 vote, found others"
    #expect(problem { $0.neighbors = .init(stored: 0, count: 1) } == neighbors)
    #expect(problem { $0.neighbors = .init(stored: 3, count: 1, temperature: .nan) } == neighbors)
    #expect(problem { $0.nodes = ["a"] } == "expected nodes with their number of features")
    #expect(
      problem { ($0.nodes, $0.featureCount) = (["a"], 0) } == "expected 1 to 1000000 features, found 0")
    #expect(
      problem { ($0.nodes, $0.featureCount) = (Array(repeating: "a", count: 65), 1) }
        == "expected at most 64 nodes of features, found 65")
  }
}
