import ArgumentParser
import Foundation
import NNCUDA
import NNCore
import NNData
import NNLayers
import NNModels

@main
struct Workloads: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Times one workload and prints its samples in seconds as a line of JSON.",
    discussion: """
      What is computed on lies on the device from the beginning. A sample begins and ends with the device idle.
      """)

  @Argument(
    help: """
      cnn-train, cnn-eval, mlp-step, scalar-add, add-once, trainer, written-out, resize, sgemm, tf32-gemm, copy, \
      forward:MODEL, forward-train:MODEL, step:MODEL or frozen:MODEL
      """)
  var name: String
  @Option(help: "Samples per batch.") var batch = 256
  @Option(help: "Samples taken, after those that do not count.") var samples = 5
  @Option(help: "Seconds for which samples are taken, at least.") var atLeast = 0.0
  @Option(help: "How often the work is done in one sample.") var repeats = 1
  @Option(help: "Samples before those that count.") var warmup = 1
  @Flag(inversion: .prefixedNo, help: "On a GPU, starts training steps as CUDA graphs.") var graphs = true
  @Option(name: .customLong("device"), help: "Device: cpu or gpu.") var place = Place.cpu
  @Flag(help: "Networks compute with mixed precision, in bfloat16 and float32.") var bf16 = false

  enum Place: String, ExpressibleByArgument, CaseIterable {
    case cpu, gpu
    var device: Device { self == .cpu ? .cpu : .gpu() }
  }
  var device: Device { place.device }

  func validate() throws {
    if place == .gpu, let problem = CUDA.problem { throw ValidationError("--device gpu: \(problem)") }
  }

  func run() throws {
    let workload = try make()
    func sample() throws {
      for _ in 0..<repeats { try workload.run() }
      device.synchronize()
    }
    for _ in 0..<warmup { try sample() }
    var seconds: [Double] = []
    let clock = ContinuousClock()
    let begin = clock.now
    while seconds.count < samples || clock.now - begin < .seconds(atLeast) {
      seconds.append(try clock.measure(sample) / .seconds(1))
    }
    let line: [String: Any] = [
      "workload": name, "unit": workload.unit, "items": workload.items * repeats, "seconds": seconds,
      "peak_bytes": try peakMemory(),
    ]
    let data = try JSONSerialization.data(withJSONObject: line, options: [.sortedKeys])
    print(String(decoding: data, as: UTF8.self))
  }

  private func make() throws -> Workload {
    manualSeed(0)
    let parts = name.split(separator: ":", maxSplits: 1).map(String.init)
    let image = [batch, 3, 224, 224]
    switch (parts[0], parts.count > 1 ? parts[1] : nil) {
    case ("cnn-train", nil): return training(FourBlockNet(), [batch, 3, 32, 32], classes: 10)
    case ("cnn-eval", nil): return forward(FourBlockNet().eval(), [batch, 3, 32, 32])
    case ("mlp-step", nil): return training(MultilayerPerceptron(), [batch, 784], classes: 10)
    case ("scalar-add", nil): return additions(100)
    case ("add-once", nil): return additions(1)
    case ("trainer", nil): return .trainer(writtenOut: false)
    case ("written-out", nil): return .trainer(writtenOut: true)
    case ("resize", nil): return resize()
    case ("sgemm", nil): return product()
    case ("tf32-gemm", nil):
      MatmulPrecision.products = .high
      return product()
    case ("copy", nil): return copy()
    case ("forward", let model?): return forward(try network(model).eval(), image)
    case ("forward-train", let model?): return forward(try network(model), image)
    case ("step", let model?): return training(try network(model), image, classes: 1000)
    case ("frozen", let model?): return training(Transferred(try network(model)), image, classes: 10)
    default: throw ValidationError("unknown workload \(name)")
    }
  }

  private func network(_ name: String) throws -> Network { Network(try makeModel(name)) }

  private func training(_ net: some Trainable, _ shape: [Int], classes: Int) -> Workload {
    let (x, target) = (
      Tensor.randn(shape).to(device), Tensor.randint(0, classes, [shape[0]]).to(device)
    )
    net.to(device)
    let optimizer = SGD(net.parameters().filter(\.requiresGrad), learningRate: 0.01)
    let step = RepeatedStep(on: graphs ? device : .cpu)
    return Workload(unit: "sample", items: shape[0]) {
      step {
        optimizer.zeroGrad()
        inPrecision { crossEntropy(net(x), target) }.backward()
        optimizer.step()
      }
    }
  }

  private func inPrecision<T>(_ body: () throws -> T) rethrows -> T {
    try withAutocast(bf16 ? .bfloat16 : nil, body)
  }

  private func forward(_ net: some Trainable, _ shape: [Int]) -> Workload {
    let x = Tensor.randn(shape).to(device)
    net.to(device)
    return Workload(unit: "sample", items: shape[0]) {
      noGrad {
        // The sum asks for values that would otherwise not be computed.
        let sum = inPrecision { net(x).sum() }
        if place == .cpu { _ = sum.item() }
      }
    }
  }

  /// A recorded addition of 16 elements, forward and backward, in chains of some length.
  private func additions(_ length: Int) -> Workload {
    let count = length == 1 ? 1_000 : 10_000
    let x = Tensor.ones([16]).to(device).requiringGrad()
    let ones = Tensor.ones([16]).to(device)
    return Workload(unit: "operation", items: count) {
      for _ in 0..<count / length {
        x.grad = nil
        var y = x
        for _ in 0..<length { y = y + 1 }
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
    let size = place == .cpu ? 2_048 : 8_192
    let (a, b) = (Tensor.randn([size, size]).to(device), Tensor.randn([size, size]).to(device))
    return Workload(unit: "product", items: 1) { _ = a.matmul(b) }
  }

  private func copy() -> Workload {
    let x = Tensor.rand([1 << (place == .cpu ? 26 : 28)]).to(device)
    return Workload(unit: "copy", items: 1) { _ = x.clone() }
  }
}

/// Greatest resident size of this process so far, in bytes; Linux alone tells it.
private func peakMemory() throws -> Int {
  let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
  let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
  return (line?.split(separator: " ").dropFirst().first).flatMap { Int($0) }.map { $0 * 1024 } ?? 0
}
