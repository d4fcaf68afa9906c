import ArgumentParser
import ExampleSupport
import Foundation
import NNCore
import NNData
import NNLayers
import NNModels

/// What a network trained on ImageNet sees in photos.
@main
struct PredictExample: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Names what is in photos (JPEG or PNG), with an ImageNet network.",
    discussion:
      "Example: swift run -c release PredictExample --arch squeezenet1_0 --weights squeezenet1_0.pth dog.jpg")

  @OptionGroup var pretrained: PretrainedOptions

  @OptionGroup var device: DeviceOptions

  @Option(help: "How many classes to name per photo.")
  var top = 5

  @Argument(help: "Image files.")
  var images: [String]

  func validate() throws {
    guard (1...1_000).contains(top) else { throw ValidationError("--top: expected 1 to 1000, found \(top)") }
  }

  func run() throws {
    let device = try device.accelerator.device
    let network = try pretrained.network()
    network.model.to(device).eval()
    let transform = network.transforms
    for path in images {
      let image = try Image(contentsOfFile: path)
      let probabilities = noGrad { network.model(transform(image).unsqueeze(0).to(device)).softmax(1)[0] }
      let best = probabilities.topk(top)
      print("\(path)  (\(image.width)x\(image.height))")
      for (p, index) in zip(best.values.array(of: Double.self), best.indices.array(of: Int.self)) {
        print(String(format: "  %.3f  ", p) + imagenetCategories[index])
      }
    }
  }
}
