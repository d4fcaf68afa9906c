import ArgumentParser
import Foundation
import NNCore
import NNData
import NNLayers
import NNModels

@main
struct Workloads: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Times one workload and prints its samples in seconds as a line of JSON.")

  @Argument(
    help:
      "cnn-train, cnn-eval, mlp-step, scalar-add, trainer, written-out, resize, sgemm, copy, forward:MODEL, forward-train:MODEL or step:MODEL"
  )
  var name: String
  @Option(help: "Samples per batch.") var batch = 256
  @Option(help: "Samples taken, after a first one that does not count.") var samples = 5

  func run() throws {
    let workload = try make()
    try workload.run()
    var seconds: [Double] = []
    let clock = ContinuousClock()
    for _ in 0..<samples {
      let time = try clock.measure { try workload.run() }
      seconds.append(Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18)
    }
    let line: [String: Any] = [
      "workload": name, "unit": workload.unit, "items": workload.items, "seconds": seconds,
      "peak_bytes": try peakMemory(),
    ]
    let data = try JSONSerialization.data(withJSONObject: line, options: [.sortedKeys])
    print(String(decoding: data, as: UTF8.self))
  }

  private func make() throws -> Workload {
    manualSeed(0)
    let parts = name.split(separator: ":", maxSplits: 1).map(String.init)
    switch (parts[0], parts.count > 1 ? parts[1] : nil) {
    case ("cnn-train", nil): return training(FourBlockNet(), [batch, 3, 32, 32], classes: 10)
    case ("cnn-eval", nil): return forward(FourBlockNet().eval(), [batch, 3, 32, 32])
    case ("mlp-step", nil): return training(MultilayerPerceptron(), [batch, 784], classes: 10)
    case ("scalar-add", nil): return scalarAdd()
    case ("trainer", nil): return .trainer(writtenOut: false)
    case ("written-out", nil): return .trainer(writtenOut: true)
    case ("resize", nil): return resize()
    case ("sgemm", nil): return product()
    case ("copy", nil): return copy()
    case ("forward", let model?): return forward(try network(model).eval(), [batch, 3, 224, 224])
    case ("forward-train", let model?): return forward(try network(model), [batch, 3, 224, 224])
    case ("step", let model?): return training(try network(model), [batch, 3, 224, 224], classes: 1000)
    default: throw ValidationError("unknown workload \(name)")
    }
  }

  private func network(_ name: String) throws -> Network { Network(try makeModel(name)) }

  private func training(_ net: some Trainable, _ shape: [Int], classes: Int) -> Workload {
    let (x, target) = (Tensor.randn(shape), Tensor.randint(0, classes, [shape[0]]))
    let optimizer = SGD(net.parameters(), learningRate: 0.01)
    return Workload(unit: "sample", items: shape[0]) {
      optimizer.zeroGrad()
      crossEntropy(net(x), target).backward()
      optimizer.step()
    }
  }

  private func forward(_ net: some Trainable, _ shape: [Int]) -> Workload {
    let x = Tensor.randn(shape)
    return Workload(unit: "sample", items: shape[0]) { _ = noGrad { net(x).sum().item() } }
  }

  /// A recorded addition of 16 elements, forward and backward, in chains of 100.
  private func scalarAdd() -> Workload {
    let count = 10_000
    let x = Tensor.ones([16]).requiringGrad()
    let ones = Tensor.ones([16])
    return Workload(unit: "operation", items: count) {
      for _ in 0..<count / 100 {
        x.grad = nil
        var y = x
        for _ in 0..<100 { y = y + 1 }
        y.backward(gradient: ones)
      }
    }
  }
}

extension Workloads {
  /// Images of 32x32, resized to 224x224, normalised and put into a batch, on one thread.
  private func resize() -> Workload {
    var images = SyntheticShapes(count: batch)
    images.transform = Compose {
      Resize(224, 224)
      ToTensor()
      Normalize(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
    }
    let loader = DataLoader(images, batchSize: batch)
    return Workload(unit: "image", items: batch) { try loader.forEach { _ in } }
  }

  private func product() -> Workload {
    let (a, b) = (Tensor.randn([2_048, 2_048]), Tensor.randn([2_048, 2_048]))
    return Workload(unit: "product", items: 1) { _ = a.matmul(b) }
  }

  private func copy() -> Workload {
    let x = Tensor.zeros([1 << 26])
    return Workload(unit: "copy", items: 1) { _ = x.clone() }
  }
}

/// Greatest resident size of this process so far, in bytes; Linux alone tells it.
private func peakMemory() throws -> Int {
  let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
  let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
  return (line?.split(separator: " ").dropFirst().first).flatMap { Int($0) }.map { $0 * 1024 } ?? 0
}
