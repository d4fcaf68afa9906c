import ArgumentParser
import Foundation
import NNCore

/// A convolution of a network at a batch size, as its training step has it.
struct ConvolutionShape {
  let name: String
  let batch: Int
  let channels: (inputs: Int, outputs: Int)
  /// Height and width of the input, and of the kernel.
  let size: Int
  let kernel: Int
  var stride = 1
  /// How many there are of it.
  var count = 1

  /// The CNN of the examples at batch 256.
  static let cnn = [
    Self(name: "3 to 64", batch: 256, channels: (3, 64), size: 32, kernel: 3),
    Self(name: "64 to 128", batch: 256, channels: (64, 128), size: 16, kernel: 3),
    Self(name: "128 to 256", batch: 256, channels: (128, 256), size: 8, kernel: 3),
    Self(name: "256 to 512", batch: 256, channels: (256, 512), size: 4, kernel: 3),
  ]
  /// ResNet18 at batch 32 and 224x224.
  static let resnet18 =
    [Self(name: "stem", batch: 32, channels: (3, 64), size: 224, kernel: 7, stride: 2)]
    + [64, 128, 256, 512].enumerated().flatMap { stage, width in
      let size = 56 >> stage
      let same = Self(
        name: "\(width) to \(width)", batch: 32, channels: (width, width), size: size, kernel: 3,
        count: stage == 0 ? 4 : 3)
      if stage == 0 { return [same] }
      return [3, 1].map {
        Self(
          name: "\(width / 2) to \(width)", batch: 32, channels: (width / 2, width), size: size * 2,
          kernel: $0,
          stride: 2)
      } + [same]
    }

  var outputSize: Int { (size + 2 * (kernel / 2) - kernel) / stride + 1 }
  /// Multiplications and additions of one pass, computed directly.
  var operations: Double {
    2 * Double(batch * channels.inputs * channels.outputs * kernel * kernel) * Double(outputSize * outputSize)
  }

  /// Seconds of the fastest of some runs: the convolution, the gradient of its input, that of its weights.
  func seconds(samples: Int) -> [Double] {
    func channelsLast(_ size: Int, _ channels: Int) -> Tensor {
      Tensor.randn([batch, size, size, channels]).permute(0, 3, 1, 2)
    }
    func fastest(_ run: () -> Void) -> Double {
      run()
      return (0..<samples).map { _ in ContinuousClock().measure(run) / .seconds(1) }.min() ?? .nan
    }
    func convolve(_ x: Tensor, _ weight: Tensor) -> Tensor {
      x.conv2d(weight, stride: Size2(stride), padding: .symmetric(Size2(kernel / 2)))
    }
    let x = channelsLast(size, channels.inputs)
    let weight = Tensor.randn([channels.outputs, channels.inputs, kernel, kernel])
    let gradient = channelsLast(outputSize, channels.outputs)
    let trained = (x: x.requiringGrad(), weight: weight.requiringGrad())
    return [fastest { _ = convolve(x, trained.weight) }]
      + [(convolve(trained.x, weight), trained.x), (convolve(x, trained.weight), trained.weight)].map {
        y, input in
        fastest { _ = grad(of: [y], withRespectTo: [input], gradients: [gradient], retainGraph: true) }
      }
  }
}

@main
struct Convolutions: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Times each convolution of a network's training step by itself, as a table.")

  @Argument(help: "cnn (that of the examples, batch 256) or resnet18 (batch 32)") var network = "cnn"
  @Option(help: "Runs, of which the fastest counts.") var samples = 5

  func validate() throws {
    if !["cnn", "resnet18"].contains(network) {
      throw ValidationError("expected cnn or resnet18, found \(network)")
    }
    if samples < 1 { throw ValidationError("expected at least 1 sample, found \(samples)") }
  }

  func run() {
    manualSeed(0)
    print("| convolution | | GFLOP | forward | | its input | | its weights | |")
    print("|---|---|---|---|---|---|---|---|---|")
    for shape in network == "cnn" ? ConvolutionShape.cnn : ConvolutionShape.resnet18 {
      let cells = shape.seconds(samples: samples).map {
        String(format: "%.1f ms | %.0f", $0 * 1e3, shape.operations / $0 / 1e9)
      }
      let kernel = "\(shape.kernel)x\(shape.kernel)" + (shape.stride > 1 ? ", stride \(shape.stride)" : "")
      let name = shape.count > 1 ? "\(shape.count) of \(shape.name)" : shape.name
      print(
        "| \(name) at \(shape.size)x\(shape.size) | \(kernel) | \(String(format: "%.2f", shape.operations / 1e9))",
        cells.joined(separator: " | "), separator: " | ", terminator: " |\n")
    }
  }
}
