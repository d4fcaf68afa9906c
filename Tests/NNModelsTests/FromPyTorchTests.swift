import NNCore
import NNLayers
import NNModels
import TestSupport
import Testing

/// The examples of `Documentation/FromPyTorch.md`, with starting weights in place of downloaded ones.
struct FromPyTorchTests {
  @Test func fineTuning() throws {
    let network = try model("resnet18")
    network.requiresGrad(false)
    network.replaceHead(classes: 10)
    let optimizer = SGD(network.parameters().filter(\.requiresGrad), learningRate: 0.01)
    let (head, stem) = (network.stateDict()["fc.weight"], network.stateDict()["conv1.weight"])
    crossEntropy(network(Tensor.rand(2, 3, 32, 32)), Tensor([1, 2])).backward()
    optimizer.step()
    let after = network.stateDict()
    #expect(try !#require(after["fc.weight"]).isEqual(to: try #require(head)))
    #expect(try #require(after["conv1.weight"]).isEqual(to: try #require(stem)))
  }

  @Test func features() throws {
    let network = try model("resnet18")
    let images = Tensor.rand(2, 3, 32, 32)
    let backbone = try network.features(at: "layer2", "layer4").freeze()
    let maps = backbone.outputs(images)
    #expect(maps["layer2"]?.shape == [2, 128, 4, 4] && maps["layer4"]?.shape == [2, 512, 1, 1])
    #expect(maps["layer4"]?.isEqual(to: backbone(images)) == true)
    // A layer like any other.
    let classifier = Sequential(backbone, Flatten(), Linear(512, 3))
    #expect(classifier(images).shape == [2, 3])
    #expect(classifier.stateDict().keys.first == "0.conv1.weight")
    #expect(classifier.parameters().filter(\.requiresGrad).count == 2)
  }

  @Test func auxiliaryHeads() {
    let network = googlenet(classes: 4)
    let labels = Tensor([0, 3])
    let loss = network.outputs(Tensor.rand(2, 3, 64, 64)).loss(auxiliaryWeight: 0.3) {
      crossEntropy($0, labels)
    }
    loss.backward()
    // Every part learns, the auxiliary heads too.
    #expect(network.namedParameters().filter { $0.parameter.grad == nil }.map(\.name) == [])
  }
}
