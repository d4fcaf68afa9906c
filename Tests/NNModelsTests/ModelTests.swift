import Foundation
import NNCore
import NNFiles
import NNLayers
import NNModels
import TestSupport
import Testing

/// The networks against torchvision's and timm's.
@Suite(.serialized)
struct ModelTests {
  /// The others take minutes together; `NN_ALL_MODELS=1` runs them too.
  static let quick: Set = [
    "alexnet", "densenet121", "googlenet", "inception_v3", "resnet18", "resnet50", "resnext50_32x4d",
    "squeezenet1_0",
    "squeezenet1_1", "shufflenet_v2_x0_5", "mobilenet_v2", "mnasnet0_5", "mobilenet_v3_small",
    "efficientnet_b0", "tf_efficientnet_lite0",
    "convnext_tiny", "vit_b_16", "vgg11_bn", "efficientnet_v2_s", "regnet_x_400mf", "regnet_y_400mf",
    "swin_t",
    "swin_v2_t", "maxvit_t", "vit_tiny_patch16_224", "vit_small_patch14_dinov2",
    "vit_small_patch14_reg4_dinov2",
    "vit_base_patch16_clip_quickgelu_224", "vit_base_patch16_siglip_224", "eva02_small_patch14_224",
    "vit_small_patch16_dinov3", "vit_small_patch16_dinov3_qkvb", "convnextv2_atto", "convnextv2_tiny",
    "mobilenetv4_conv_small", "mobilenetv4_conv_small_050", "mobilenetv4_conv_medium", "repvit_m1",
    "repvit_m0_9",
  ]
  static let runsAll = ProcessInfo.processInfo.environment["NN_ALL_MODELS"] != nil

  /// No family forgets one of its members.
  @Test func allNetworksAreListed() throws {
    let folder = Bundle.module.bundleURL.appendingPathComponent("Fixtures/models")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    let names = files.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }
      .filter { ModelFixture($0).json["official_weights"] != nil }
    #expect(names.sorted() == ModelFixture.names)
    #expect(listModels().contains(shapesnet.name))
  }

  @Test(arguments: ModelFixture.names)
  func equalsTorchvisions(_ name: String) throws {
    let fixture = ModelFixture(name)
    let network = try skipInit { try makeModel(name) }.eval()
    expectSameKeys(network, fixture)
    if Self.quick.contains(name) || Self.runsAll {
      try expectSameLogits(network, fixture)
    } else {
      print("\(name): logits are compared only with NN_ALL_MODELS=1, as they take long")
    }
  }

  private func expectSameKeys(_ network: any ImageClassifier, _ fixture: ModelFixture) {
    let state = network.stateDict()
    let names = Set(network.namedParameters().map(\.name))
    if let digest = fixture.json["state_digest"]?.string {
      let lines = state.map { key, value in
        "\(key) \(value.shape) \(StoredType(value.dtype)) \(names.contains(key) ? "param" : "buffer")\n"
      }
      #expect(state.keys.count == fixture.int("keys"))
      let found = String(FormulaNumbers.hash(lines.joined()), radix: 16)
      #expect(digest.drop { $0 == "0" } == found, "\(lines.prefix(40).joined())")
    }
    let expected = fixture.json["state_dict"]?.elements ?? []
    if fixture.json["state_digest"] == nil { #expect(state.keys == expected.compactMap { $0[0]?.string }) }
    for (entry, want) in zip(state, expected) {
      #expect(entry.value.shape == want[1]?.ints, "\(entry.key)")
      #expect("\(StoredType(entry.value.dtype))" == want[2]?.string, "\(entry.key)")
    }
    #expect(network.parameters().reduce(0) { $0 + $1.count } == fixture.int("total_params"))
    let buffers = network.buffers().filter(\.isPersistent)
    #expect(buffers.reduce(0) { $0 + $1.value.count } == fixture.int("buffer_elements"))
    if fixture.json["state_digest"] == nil {
      let parameters = expected.filter { $0[3]?.string == "param" }.compactMap { $0[0]?.string }
      #expect(network.namedParameters().map(\.name) == parameters)
    }
    if let heads = network as? any AuxiliaryClassifier {
      heads.removeAuxiliaryHeads()
      let rest = heads.parameters().reduce(0) { $0 + $1.count }
      #expect(rest == fixture.int("total_params_without_aux"))
    }
  }

  private func expectSameLogits(_ network: any ImageClassifier, _ fixture: ModelFixture) throws {
    let entries = fixture.json["logits"]?.elements ?? []
    // The check of the keys took the auxiliary heads away, and large networks are compared on small images.
    let size = entries.first?["image_size"]?.int
    let network =
      network is any AuxiliaryClassifier || size != nil
      ? try skipInit {
        try makeModel(
          fixture.name, classes: 1000, configuration: size.map { ["image_size": "\($0)"] } ?? [:])
      }.eval() : network
    var gain = Double.nan
    for entry in entries {
      let convGain = entry["conv_gain"]?.double ?? 1
      if convGain != gain { try network.loadStateDict(ModelFixture.weights(of: network, convGain: convGain)) }
      gain = convGain
      let atol = entry["atol"]?.double ?? 0
      let input = ModelFixture.input(entry["input"]?.ints ?? [])
      if let heads = network as? any AuxiliaryClassifier {
        heads.transformInput = entry["transform_input"]?.bool ?? false
        try expectSameAuxiliaryLogits(heads, entry["aux"]?.entries ?? [:], input, atol)
      }
      let differences = logitDifferences(noGrad { network(input) }, entry["rows"]?.elements ?? [], atol: atol)
      #expect(differences == [])
    }
    #expect(!entries.isEmpty)
  }

  /// Auxiliary heads run while the network itself is in training mode; batch norms and dropout are not.
  private func expectSameAuxiliaryLogits(
    _ network: any AuxiliaryClassifier, _ expected: [String: JSONValue], _ input: Tensor, _ atol: Double
  ) throws {
    if expected.isEmpty { return }
    network.train()
    for child in network.children { child.eval() }
    let outputs = noGrad { network.outputs(input) }
    network.eval()
    #expect(outputs.auxiliaryLogits.count == expected.count)
    // aux_logits, or aux_logits1 and aux_logits2.
    for (logits, name) in zip(outputs.auxiliaryLogits, expected.keys.sorted()) {
      let differences = logitDifferences(logits, expected[name]?.elements ?? [], atol: atol)
      #expect(differences == [], "\(name)")
    }
    #expect(noGrad { network.outputs(input) }.auxiliaryLogits.isEmpty)
  }

  @Test(
    arguments: ["initial", "initial_networks", "initial_tf_efficientnet_lite0"].flatMap {
      NamedEntry.all(ModelFixture($0).json, named: "model")
    })
  func startsFromTorchvisionsWeights(_ entry: NamedEntry) throws {
    let name = entry["model"]?.string ?? "?"
    let network = try withDefaultGenerator(Generator(seed: entry["seed"]?.int ?? 0)) {
      let network = try makeModel(name, classes: entry["classes"]?.int ?? 0)
      #expect(Tensor.rand(1).item() == entry["next_rand"]?.double, "\(name)")
      return network
    }
    let state = network.stateDict()
    for (key, norm) in entry["l2"]?.entries ?? [:] {
      let (value, norm) = try (#require(state[key]), #require(norm.double))
      #expect(abs(l2(value) - norm) <= 1e-6 * norm, "\(name) \(key)")
      let wanted = entry["first4"]?[key]?.doubles ?? []
      for (got, want) in zip(value.flatten().array(of: Double.self).prefix(4), wanted) {
        #expect(abs(got - want) <= 1e-7 + 1e-6 * abs(want), "\(name) \(key)")
      }
    }
    if let total = entry["total_l2"]?.double {
      let square = network.parameters().reduce(0) { $0 + $1.value.square().sum().item() }
      #expect(abs(square.squareRoot() - total) <= 1e-5 * total, "\(name)")
    }
  }

  /// Multiply-adds of convolutions and linear layers, which are all that these networks have.
  @Test(arguments: ["shapesnet", "resnet18", "mobilenet_v3_small", "mobilenetv4_conv_small", "repvit_m1"])
  func operationsAreCounted(_ name: String) throws {
    let weights = try officialWeights(name)
    let network = try skipInit { try makeModel(name, classes: name == "shapesnet" ? 20 : 1000) }.eval()
    var count = 0
    for module in network.modules {
      guard let weight = (module as? Conv2d)?.weight ?? (module as? Linear)?.weight else { continue }
      module.registerForwardHook { _, _, output in
        count += output.count * weight.count / weight.shape[0]
        return nil
      }
    }
    let size = weights.transforms.crop
    _ = noGrad { network(Tensor.zeros(1, 3, size, size)) }.array(of: Float.self)
    #expect(count == (try modelOperations(name)))
  }

  @Test func skippedStartingWeightsDrawNothing() {
    withDefaultGenerator(Generator(seed: 1)) {
      let state = Generator.default.state
      let network = skipInit { vgg16() }
      #expect(Generator.default.state == state)
      #expect(network.parameters().reduce(0) { $0 + $1.count } == 138_357_544)
      #expect(network.classifier[0].parameters()[0].value.sum().item() == 0)
      _ = Linear(2, 2)
      #expect(Generator.default.state != state)
    }
  }

  /// The layers that belong to the head, and an image that the network takes.
  static let heads: [(name: String, layers: [String], size: Int)] = [
    ("alexnet", ["classifier.6"], 64), ("vgg11", ["classifier.6"], 32), ("resnet50", ["fc"], 32),
    ("squeezenet1_1", ["classifier.1"], 32), ("densenet121", ["classifier"], 32),
    ("googlenet", ["aux1.fc2", "aux2.fc2", "fc"], 64), ("inception_v3", ["AuxLogits.fc", "fc"], 96),
    ("shufflenet_v2_x0_5", ["fc"], 32), ("mobilenet_v2", ["classifier.1"], 32),
    ("mnasnet0_5", ["classifier.1"], 32),
    ("mobilenet_v3_small", ["classifier.3"], 32), ("efficientnet_b0", ["classifier.1"], 32),
    ("tf_efficientnet_lite0", ["classifier"], 32), ("convnext_tiny", ["classifier.2"], 32),
    ("vit_b_16", ["heads.head"], 224), ("regnet_y_400mf", ["fc"], 32), ("swin_v2_t", ["head"], 64),
    ("maxvit_t", ["classifier.5"], 224), ("convnextv2_atto", ["head.fc"], 32),
    ("mobilenetv4_conv_small", ["classifier"], 32), ("repvit_m1", ["head.head.bn", "head.head.l"], 32),
  ]

  @Test(arguments: heads)
  func takesANewHead(_ entry: (name: String, layers: [String], size: Int)) throws {
    let network = try skipInit { try makeModel(entry.name) }
    network.freeze()
    network.replaceHead(classes: 7)
    let learning = network.namedParameters().filter { $0.parameter.requiresGrad }
    #expect(
      learning.map(\.name)
        == entry.layers.flatMap { ["\($0).weight", "\($0).bias"] }
        .filter { entry.name != "maxvit_t" || !$0.hasSuffix("bias") })
    #expect(noGrad { network(Tensor.zeros(2, 3, entry.size, entry.size)) }.shape == [2, 7])
  }

  @Test func unknownNamesAreErrors() {
    #expect(throws: ModelError.unknown("resnet19", nearest: ["resnet18", "resnet101", "resnet152"])) {
      try makeModel("resnet19")
    }
    let error = #expect(throws: ModelError.self) { try makeModel("SqueezeNet\n") }
    #expect(
      "\(error.map { "\($0)" } ?? "")"
        == #"unknown network "SqueezeNet\n"; nearest names: squeezenet1_0, squeezenet1_1, shapesnet"#)
  }
}
