import ArgumentParser
import Foundation
import NNCore
import NNDistributed
import NNLayers
import NNLightning
import NNModels

/// Training steps of several processes, which mpirun starts, or of one.
@main
struct ProcessSteps: ParsableCommand {
  @Argument(help: "cnn, or an architecture such as resnet18") var network: String
  @Option(help: "Samples of a step, of all processes together.") var batch = 64
  @Option(help: "Steps that count.") var steps = 10
  @Option(help: "MiB of a bucket of gradients.") var bucket = 4.0
  @Option(help: "none or bfloat16") var compression = "none"

  func run() throws {
    let strategy = try parallel()
    let own = batch / strategy.count
    let isSmall = network == "cnn"
    let size = isSmall ? 32 : 224
    let net = try isSmall ? FourBlocks() : Zoo(makeModel(network))
    let x = Tensor.randn([own, 3, size, size])
    let target = Tensor.randint(0, isSmall ? 10 : 1_000, [own])
    let optimizer = SGD(net.parameters(), learningRate: 0.01)
    func step() throws {
      optimizer.zeroGrad()
      strategy.backward(crossEntropy(net(x), target), completing: own)
      try strategy.averageGradients(of: optimizer.parameters, samples: own)
      optimizer.step()
    }
    for _ in 0..<3 { try step() }
    _ = try strategy.gather(Data())
    let before = strategy.traffic ?? Traffic()
    let clock = ContinuousClock()
    var seconds: [Double] = []
    for _ in 0..<steps {
      let begin = clock.now
      try step()
      seconds.append((clock.now - begin) / .seconds(1))
    }
    let after = strategy.traffic ?? Traffic()
    let count = Double(steps)
    let result: [String: Any] = [
      "seconds": seconds, "parameters": net.parameters().reduce(0) { $0 + $1.count },
      "bytes": Double(after.bytesSent - before.bytesSent) / count,
      "exchange": (after.exchangeSeconds - before.exchangeSeconds) / count,
      "wait": (after.waitSeconds - before.waitSeconds) / count,
      "threads": ThreadPool.shared.threadCount, "processes": strategy.count,
    ]
    let line = try JSONSerialization.data(withJSONObject: result, options: [.sortedKeys])
    if strategy.rank == 0 { print(String(decoding: line, as: UTF8.self)) }
  }

  private func parallel() throws -> any Strategy {
    guard let started = try Processes.start() as? DataParallel else { return SingleProcess() }
    return DataParallel(
      started.communicator, bucketBytes: Int(bucket * Double(1 << 20)),
      compression: DataParallel.Compression(rawValue: compression) ?? .none)
  }
}

private class Net: Module {
  func callAsFunction(_ x: Tensor) -> Tensor { x }
}

/// The chapter's CNN.
private final class FourBlocks: Net {
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

  override func callAsFunction(_ x: Tensor) -> Tensor { fc(features(x).flatten(from: 1)) }
}

private final class Zoo: Net {
  let body: any ImageClassifier
  init(_ body: any ImageClassifier) { self.body = body }
  override func callAsFunction(_ x: Tensor) -> Tensor { body(x) }
}
