import ArgumentParser
import Foundation
import NNCore
import NNExport
import NNLayers
import NNModels

/// Exports a network of the zoo and leaves beside it what it computes; `check_onnx.py` compares.
@main
struct Exports: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Writes NAME.onnx, and inputs and logits of batches of 1 and 4 as .npy; without a name lists all.")

  @Option(help: "Folder to write to.")
  var output = "."
  @Argument(help: "A network.")
  var name: String?

  func run() throws {
    guard let name else { return print(listModels().joined(separator: "\n")) }
    manualSeed(1)
    let network = try makeModel(name)
    let size = try officialWeights(name).transforms.crop
    // A new network hides mistakes: zeros in biases, ones in scales, and a signal that fades from layer to layer until
    // the logits are the same for every image. So its norms get the statistics of a batch.
    for parameter in network.parameters() {
      let values = parameter.value.detach()
      let isConstant = values.min().item() == values.max().item()
      if isConstant { parameter.value = values + Tensor.randn(values.shape) * 0.1 }
    }
    let norms = network.modules.compactMap { $0 as? BatchNorm }
    for norm in norms { norm.runningVariance?.value = Tensor.zeros(norm.features) }
    // Coarse patterns: the averages of fine noise would be the same for every image.
    func images(_ rows: Int) -> Tensor {
      Tensor.randn([rows, 3, 5, 5]).interpolate(size: [size, size], mode: .bilinear)
    }
    noGrad { _ = network(images(4)) }
    for norm in norms {
      // Both were 0, and took over this share.
      guard let share = norm.momentum, let mean = norm.runningMean, let variance = norm.runningVariance else {
        continue
      }
      (mean.value, variance.value) = (mean.value / share, variance.value / share)
    }
    network.eval()

    let path = "\(output)/\(name).onnx"
    try network.export(onnx: path, inputShape: [1, 3, size, size])
    for rows in [1, 4] {
      let batch = images(rows)
      try batch.write(npy: "\(path).\(rows).input.npy")
      try noGrad { network(batch) }.write(npy: "\(path).\(rows).logits.npy")
    }
  }
}
