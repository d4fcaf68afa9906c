import ArgumentParser
import Foundation
import NNCore
import NNLayers
import NNLightning
import NNModels

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measures how fast a network predicts and trains on this machine.")

  @Argument(
    help: "Architecture, such as resnet18 or shapesnet; nn models lists them.",
    completion: .list(listModels()))
  var arch: String
  @Option(help: "Images per batch.")
  var batchSize = 16
  @Option(help: "Side of the images in pixels.")
  var imageSize = 224
  @Option(help: "Passes measured, behind one that is not.")
  var repeats = 5
  @Option(help: "Threads that compute (default: all processors).")
  var threads: Int?

  @OptionGroup var device: DeviceOptions

  func validate() throws {
    for (name, value) in [
      ("batch-size", batchSize), ("image-size", imageSize), ("repeats", repeats), ("threads", threads ?? 1),
    ] where value < 1 {
      throw ValidationError("--\(name): expected a number of at least 1, found \(value)")
    }
  }

  func run() throws {
    let device = try device.accelerator.device
    if let threads { ThreadPool.shared.threadCount = threads }
    manualSeed(0)
    let network = try makeModel(arch, classes: 10).to(device)
    let x = Tensor.randn([batchSize, 3, imageSize, imageSize]).to(device)
    let target = Tensor((0..<batchSize).map { $0 % 10 }).to(device)
    let optimizer = SGD(network.parameters(), learningRate: 1e-4)
    network.eval()
    let forward = measure { noGrad { _ = network(x).sum().item() } }
    network.train()
    let step = measure {
      optimizer.zeroGrad()
      crossEntropy(network(x), target).backward()
      optimizer.step()
      device.synchronize()
    }
    print(
      "\(arch), batches of \(batchSize) images of \(imageSize)x\(imageSize), "
        + (device == .cpu ? "\(ThreadPool.shared.threadCount) threads" : "\(device)")
    )
    print(
      textTable(
        ["", "best ms", "median ms", "images/s"],
        [("prediction", forward), ("training step", step)].map { name, times in
          let median = times.sorted()[times.count / 2]
          return [
            name, String(format: "%.1f", (times.min() ?? 0) * 1e3), String(format: "%.1f", median * 1e3),
            String(format: "%.1f", Double(batchSize) / median),
          ]
        }, rightAligned: [1, 2, 3]))
  }

  private func measure(_ body: () -> Void) -> [Double] {
    body()
    let clock = ContinuousClock()
    return (0..<repeats).map { _ in clock.measure(body) / .seconds(1) }
  }
}
