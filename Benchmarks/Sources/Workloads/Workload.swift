import NNCore
import NNLayers
import NNModels

/// One piece of work that is timed: `run` once is one sample of `items` items.
struct Workload {
  /// What a sample's items are: images, steps, operations.
  let unit: String
  let items: Int
  let run: () throws -> Void
}

/// The CNN of four convolutions that the examples train.
final class FourBlockNet: Module {
  let features: Sequential
  let fc = Linear(2_048, 10)

  override init() {
    var layers: [any CallableModule] = []
    for (inputs, outputs) in [(3, 64), (64, 128), (128, 256), (256, 512)] {
      layers += [
        Conv2d(inputs, outputs, kernelSize: 3, padding: 1), BatchNorm2d(outputs), ReLU(),
        MaxPool2d(kernelSize: 2),
      ]
    }
    features = Sequential(layers)
  }

  func callAsFunction(_ x: Tensor) -> Tensor { fc(features(x).flatten(from: 1)) }
}

final class MultilayerPerceptron: Module {
  let fc1 = Linear(784, 128)
  let fc2 = Linear(128, 10)
  func callAsFunction(_ x: Tensor) -> Tensor { fc2(fc1(x).relu()) }
}

/// A network as a benchmark calls it.
protocol Trainable: Module {
  func callAsFunction(_ x: Tensor) -> Tensor
}
extension FourBlockNet: Trainable {}
extension MultilayerPerceptron: Trainable {}

/// A network of the zoo.
final class Network: Module, Trainable {
  let body: any ImageClassifier
  init(_ body: any ImageClassifier) { self.body = body }
  func callAsFunction(_ x: Tensor) -> Tensor { body(x) }
}

/// A frozen network whose outputs feed a new linear layer.
final class Transferred: Module, Trainable {
  let body: Network
  let head = Linear(1_000, 10)

  init(_ body: Network) {
    self.body = body
    super.init()
    body.freeze()
  }

  func callAsFunction(_ x: Tensor) -> Tensor { head(body(x)) }
}
