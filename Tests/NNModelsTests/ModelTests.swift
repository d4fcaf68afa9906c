import Foundation
import NNCore
import NNLayers
import NNModels
import TestSupport
import Testing

/// The networks against torchvision's.
@Suite(.serialized)
struct ModelTests {
  /// The others take minutes together; `NN_ALL_MODELS=1` runs them too.
  static let quick: Set = [
    "resnet18", "resnet34", "resnet50", "resnext50_32x4d", "squeezenet1_0", "squeezenet1_1",
  ]
  static let runsAll = ProcessInfo.processInfo.environment["NN_ALL_MODELS"] != nil

  @Test(arguments: listModels())
  func equalsTorchvisions(_ name: String) throws {
    let fixture = ModelFixture(name)
    let network = try model(name).eval()
    expectSameKeys(network, fixture)
    if Self.quick.contains(name) || Self.runsAll {
      try expectSameLogits(network, fixture)
    } else {
      print("\(name): logits are compared only with NN_ALL_MODELS=1, as they take long")
    }
  }

  private func expectSameKeys(_ network: any ImageClassifier, _ fixture: ModelFixture) {
    let state = network.stateDict()
    let expected = fixture.json["state_dict"]?.elements ?? []
    #expect(state.keys == expected.map { $0[0].string })
    for (entry, want) in zip(state, expected) {
      #expect(entry.value.shape == want[1].ints, "\(entry.key)")
      #expect("\(StoredType(entry.value.dtype))" == want[2].string, "\(entry.key)")
    }
    #expect(network.parameters().reduce(0) { $0 + $1.count } == fixture.int("total_params"))
    #expect(network.buffers().reduce(0) { $0 + $1.value.count } == fixture.int("buffer_elements"))
    let parameters = expected.filter { $0[3].string == "param" }.map { $0[0].string }
    #expect(network.namedParameters().map(\.name) == parameters)
  }

  private func expectSameLogits(_ network: any ImageClassifier, _ fixture: ModelFixture) throws {
    let entries = fixture.json["logits"]?.elements ?? []
    var gain = Double.nan
    for entry in entries {
      let convGain = entry["conv_gain"]?.double ?? 1
      if convGain != gain { try network.loadStateDict(ModelFixture.weights(of: network, convGain: convGain)) }
      gain = convGain
      let logits = noGrad { network(ModelFixture.input(entry["input"]?.ints ?? [])) }
      let differences = logitDifferences(
        logits, entry["rows"]?.elements ?? [], atol: entry["atol"]?.double ?? 0)
      #expect(differences == [])
    }
    #expect(!entries.isEmpty)
  }

  @Test func trainsResNet18AsTorchvision() throws {
    let fixture = ModelFixture("grads_resnet18")
    let network = resnet18()
    try network.loadStateDict(ModelFixture.weights(of: network, convGain: fixture.double("conv_gain")))
    let logits = network(ModelFixture.input(fixture.json["input"]?.ints ?? []))
    #expect(
      logitDifferences(
        logits.detach(), fixture.json["logits"]?.elements ?? [], atol: fixture.double("atol")) == [])
    let targets = fixture.json["targets"]?.ints ?? []
    let loss = -stack(targets.enumerated().map { logits.logSoftmax(1)[$0, $1] }).mean()
    loss.backward()

    let (rtol, atol) = (fixture.double("rtol"), fixture.double("atol"))
    func expectClose(_ what: String, _ got: Double, _ want: Double?, _ absolute: Double) {
      #expect(abs(got - (want ?? .nan)) <= absolute + rtol * abs(want ?? .nan), "\(what)")
    }
    expectClose("loss", loss.item(), fixture.json["loss"]?.double, atol)
    for (name, parameter) in network.namedParameters() {
      let gradient = try #require(parameter.grad)
      expectClose("norm of \(name)", l2(gradient), fixture.json["grad_l2"]?[name]?.double, atol)
      let first = gradient.flatten().array(of: Double.self).prefix(4)
      for (got, want) in zip(first, fixture.json["grad_first4"]?[name]?.doubles ?? []) {
        expectClose("first of \(name)", got, want, fixture.double("first4_atol"))
      }
    }
    let buffers = network.namedBuffers().filter { $0.buffer.value.dtype.isFloatingPoint }
    #expect(buffers.count == fixture.json["buffer_l2_after"]?.entries.count)
    for (name, buffer) in buffers {
      expectClose(name, l2(buffer.value), fixture.json["buffer_l2_after"]?[name]?.double, atol)
    }
  }

  @Test func startsFromTorchvisionsWeights() throws {
    for entry in ModelFixture("initial").json.elements {
      let name = entry["model"]?.string ?? "?"
      let network = try withDefaultGenerator(Generator(seed: entry["seed"]?.int ?? 0)) {
        let network = try model(name, classes: entry["classes"]?.int ?? 0)
        #expect(Tensor.rand(1).item() == entry["next_rand"]?.double, "\(name)")
        return network
      }
      let state = network.stateDict()
      for (key, norm) in entry["l2"]?.entries ?? [:] {
        let value = try #require(state[key])
        #expect(abs(l2(value) - norm.double) <= 1e-6 * norm.double, "\(name) \(key)")
        let wanted = entry["first4"]?[key]?.doubles ?? []
        for (got, want) in zip(value.flatten().array(of: Double.self).prefix(4), wanted) {
          #expect(abs(got - want) <= 1e-7 + 1e-6 * abs(want), "\(name) \(key)")
        }
      }
    }
  }

  @Test(arguments: ["resnet18", "resnet50", "squeezenet1_1"])
  func takesANewHead(_ name: String) throws {
    let network = try model(name)
    network.freeze()
    network.replaceHead(classes: 7)
    let learning = network.namedParameters().filter { $0.parameter.requiresGrad }
    let head = name.hasPrefix("squeeze") ? "classifier.1" : "fc"
    #expect(learning.map(\.name) == ["\(head).weight", "\(head).bias"])
    #expect(noGrad { network(Tensor.zeros(2, 3, 64, 64)) }.shape == [2, 7])
  }

  @Test func unknownNamesAreErrors() {
    #expect(throws: ModelError.unknown("resnet19", nearest: ["resnet18", "resnet101", "resnet152"])) {
      try model("resnet19")
    }
    let error = #expect(throws: ModelError.self) { try model("SqueezeNet\n") }
    #expect(
      "\(error.map { "\($0)" } ?? "")"
        == #"unknown network "SqueezeNet\n"; nearest names: squeezenet1_0, squeezenet1_1, resnet18"#)
  }

  @Test func thereAre1000Categories() {
    #expect(imagenetCategories.count == 1000)
    #expect(imagenetCategories[0] == "tench")
    #expect(imagenetCategories[258] == "Samoyed")
    #expect(imagenetCategories[999] == "toilet tissue")
  }
}
