import Foundation
import NNCore
import NNExport
import NNFiles
import NNLayers
import NNModels
import TestSupport
import Testing

/// A state dict and a configuration are the whole of a network: written, read and put into a new one they give the same
/// function.
@Suite(.serialized)
struct ConfigurationTests {
  /// One small member of each family, and what it may be besides new.
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    var size = 64
    var settings: [String: String] = [:]
    var testDescription: String { ([name] + settings.keys.sorted()).joined(separator: " ") }
  }

  static let cases = [
    Case(name: "alexnet"), Case(name: "vgg11_bn"), Case(name: "resnet18"),
    Case(name: "squeezenet1_1"),
    Case(name: "densenet121"), Case(name: "googlenet"),
    Case(name: "googlenet", settings: ["transform_input": "true"]),
    Case(name: "googlenet", settings: ["transform_input": "true", "aux_logits": "false"]),
    Case(name: "inception_v3", size: 128, settings: ["transform_input": "true"]),
    Case(name: "inception_v3", size: 128, settings: ["aux_logits": "false"]),
    Case(name: "shufflenet_v2_x0_5"), Case(name: "mobilenet_v2"), Case(name: "mnasnet0_5"),
    Case(name: "mobilenet_v3_small"), Case(name: "efficientnet_b0"),
    Case(name: "tf_efficientnet_lite0", size: 65),
    Case(name: "efficientnet_v2_s"), Case(name: "regnet_y_400mf"), Case(name: "swin_t", size: 100),
    Case(name: "swin_v2_t"), Case(name: "maxvit_t", size: 224),
    Case(name: "convnext_tiny"), Case(name: "vit_b_16", settings: ["image_size": "64"]),
    Case(name: "convnextv2_atto"), Case(name: "mobilenetv4_conv_small"), Case(name: "repvit_m1"),
    Case(name: "repvit_m1", settings: ["reparameterized": "true"]),
    Case(name: "repvit_m0_9", settings: ["distilled": "false"]),
  ]

  private func step(_ network: any CallableModule, _ x: Tensor) {
    network.train()
    let optimizer = SGD(network.parameters().filter(\.requiresGrad), learningRate: 1e-5)
    crossEntropy(network(x), Tensor([0, 1])).backward()
    optimizer.step()
    network.eval()
  }

  @Test(arguments: cases)
  func aSavedNetworkIsTheSameFunction(_ entry: Case) throws {
    try withTemporaryFolder { folder in
      let x = ModelFixture.input([2, 3, entry.size, entry.size])
      let network = try makeModel(entry.name, classes: 3, configuration: entry.settings)
      for (name, value) in entry.settings { #expect(network.configuration[name] == value) }
      step(network, x)
      let transfer = try TransferNetwork(network, classes: 2)
      #expect(transfer.configuration == network.configuration)
      let expected = noGrad { network(x) }
      let isFinite = expected.array(of: Float.self).allSatisfy { $0.isFinite }
      #expect(isFinite)

      let path = "\(folder.path)/network.safetensors"
      try network.stateDict().write(safetensors: path, metadata: network.configuration)
      let state = try StateDict(contentsOf: path)
      let again = try skipInit { try makeModel(entry.name, classes: 3, configuration: state.metadata) }
      try again.loadStateDict(state)
      again.eval()
      #expect(noGrad { again(x) }.isEqual(to: expected))
      #expect(again.configuration == network.configuration)

      step(transfer, x)
      let features = noGrad { transfer(x) }
      try transfer.stateDict().write(safetensors: path, metadata: transfer.configuration)
      let saved = try StateDict(contentsOf: path)
      let base = try skipInit { try makeModel(entry.name, classes: 3, configuration: saved.metadata) }
      let third = try TransferNetwork(base, classes: 2)
      try third.loadStateDict(saved)
      third.eval()
      #expect(noGrad { third(x) }.isEqual(to: features))
    }
  }

  @Test(.enabled(if: ONNXRuntime.isAvailable))
  func anExportedNetworkIsTheSameFunction() throws {
    try withTemporaryFolder { folder in
      var files: [(String, [(Tensor, Tensor)])] = []
      for transforms in ["true", "false"] {
        let network = try makeModel("googlenet", classes: 3, configuration: ["transform_input": transforms])
        try network.loadStateDict(ModelFixture.weights(of: network, convGain: 1))
        network.eval()
        let path = "\(folder.path)/\(transforms).onnx"
        try network.export(onnx: path, inputShape: [1, 3, 64, 64])
        let x = ModelFixture.input([2, 3, 64, 64])
        files.append((path, [(x, noGrad { network(x) })]))
      }
      #expect(!files[0].1[0].1.isEqual(to: files[1].1[0].1))
      #expect(try ONNXRuntime.failures(files) == [])
    }
  }

  /// Every network says what it is, and is made anew from that; what it is not is refused.
  @Test(arguments: listModels())
  func everyNetworkIsMadeFromItsConfiguration(_ name: String) throws {
    let network = try skipInit { try makeModel(name, classes: 3) }
    let again = try skipInit { try makeModel(name, classes: 3, configuration: network.configuration) }
    #expect(
      again.configuration == network.configuration && again.stateDict().keys == network.stateDict().keys)
    for wrong in [
      ["size": "3"], ["transform_input": "yes"], ["image_size": "9223372036854775807"], ["image_size": "17"],
      ["image_size": "2064"], ["channels": "0"], ["channels": "1e3"], ["reparameterized": "maybe"],
    ] {
      let error = #expect(throws: ModelError.self, "\(wrong)") {
        try skipInit { try makeModel(name, classes: 3, configuration: wrong) }
      }
      let message = "\(try #require(error))"
      #expect(message.contains("expected") && !message.contains("\n"))
    }
  }

  @Test func headsThatAreGoneDoNotComeBack() throws {
    let network = skipInit { googlenet(classes: 3) }
    network.removeAuxiliaryHeads()
    #expect(throws: ModelError.self) {
      try network.configure(["aux_logits": "true", "transform_input": "true"])
    }
    #expect(!network.transformInput)
  }
}
