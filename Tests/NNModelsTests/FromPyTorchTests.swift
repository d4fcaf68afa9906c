import NNCore
import NNData
import NNLayers
import NNModels
import TestSupport
import Testing

/// The examples of the guide `FromPyTorch`, with starting weights in place of downloaded ones.
struct FromPyTorchTests {
  @Test func tensors() throws {
    let gradient = withDefaultGenerator(Generator(seed: 0)) { () -> Tensor? in
      let x = Tensor.randn(4, 3).requiringGrad()
      let loss = (x.matmul(Tensor.ones(3, 2)).relu() - 1).square().mean()
      loss.backward()
      #expect(x[.all, 0].sum().item().isFinite)
      return x.grad
    }
    #expect(gradient?.shape == [4, 3])
    let m = Tensor([[1.0, 2], [3, 4]])
    #expect(m[.ellipsis, .stride(by: 2)].shape == [2, 1] && m[.newAxis].shape == [1, 2, 2])
    #expect(m[m .> 2].array(of: Double.self) == [3, 4])
    #expect(m.max(1).indices.array(of: Int.self) == [1, 1] && cat([m, m], axis: 1).shape == [2, 4])
    let y = Tensor.ones(2).requiringGrad()
    let first = grad(of: (y * y * y).sum(), withRespectTo: [y], createGraph: true)[0]
    #expect(first.flatMap { grad(of: $0.sum(), withRespectTo: [y])[0] }?.array(of: Double.self) == [6, 6])
    #expect(try LinearAlgebra.solve(m, Tensor([[1.0], [1]])).shape == [2, 1])
  }

  final class Net: Module, Layer {
    let conv = Conv2d(3, 8, kernelSize: 3, padding: 1)
    let head = Linear(8, 10)
    func forward(_ x: Tensor) -> Tensor { head(conv(x).relu().mean([2, 3])) }
  }

  @Test func layersAndOptimizers() throws {
    let net = Net()
    let optimizer = SGD(
      [
        ParameterGroup(net.conv.parameters()) { $0.learningRate = 1e-4 },
        ParameterGroup(net.head.parameters()),
      ],
      learningRate: 0.1
    ) { $0.momentum = 0.9 }
    let scheduler = StepLR(optimizer, stepSize: 30)
    optimizer.zeroGrad()
    crossEntropy(net(Tensor.rand(2, 3, 8, 8)), Tensor([1, 2])).backward()
    _ = clipGradNorm(net.parameters(), maxNorm: 1)
    optimizer.step()
    scheduler.step()
    let other = Net()
    try other.loadStateDict(net.stateDict())
    #expect(other.head.weight.value.isEqual(to: net.head.weight.value))
  }

  @Test func data() throws {
    var shapes = SyntheticShapes(count: 100)
    shapes.transform = Compose {
      Resize(40, 40)
      CenterCrop(32)
      ToTensor()
      Normalize(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
    }
    let loader = DataLoader(shapes, batchSize: 32, shuffle: true, workers: 2)
    var sizes: [[Int]] = []
    try loader.forEach { batch in sizes.append(batch.input.shape) }
    #expect(sizes == [[32, 3, 32, 32], [32, 3, 32, 32], [32, 3, 32, 32], [4, 3, 32, 32]])
    #expect(randomSplit(shapes, fractions: [0.8, 0.2]).map(\.count) == [80, 20])
  }

  @Test func fineTuning() throws {
    let network = try makeModel("resnet18")
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
    let network = try makeModel("resnet18")
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
