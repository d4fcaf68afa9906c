import ArgumentParser
import Foundation
import NNCore
import NNLightning
import NNModels

struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models",
    abstract: "Lists the networks that --arch takes.",
    discussion: """
      nn models
      nn models dinov2

      Of each its parameters, the multiply-adds for one image, the size of that image, the share of ImageNet's validation \
      images whose class it names with its official weights (top 1, as their source says), the terms of these weights, \
      and where they are. Weights on huggingface.co are taken by --weights hf:owner/name.
      """)

  @Argument(help: "List only names that contain this text.", completion: .list(listModels()))
  var word: String?

  func run() throws {
    let word = word?.lowercased() ?? ""
    let names = listModels().filter { word.isEmpty || $0.contains(word) }
    guard !names.isEmpty else { throw ModelError.unknown(word, nearest: nearest(word)) }
    let rows = try names.map { name in
      let weights = try officialWeights(name)
      return [
        name, String(format: "%.1f M", Double(weights.parameterCount) / 1e6),
        String(format: "%.2f G", Double(try modelOperations(name)) / 1e9), "\(weights.transforms.crop)",
        weights.accuracy.map { String(format: "%.2f", $0.top1) } ?? "-", "\(weights.license)", place(weights),
      ]
    }
    print(
      textTable(
        ["network", "parameters", "operations", "image", "top 1", "license", "weights"], rows,
        rightAligned: [1, 2, 3, 4]))
    print("\(names.count) network\(names.count == 1 ? "" : "s")")
  }

  /// What `--weights` calls them, or their address.
  private func place(_ weights: PretrainedWeights) -> String {
    let hub = "https://huggingface.co/"
    guard weights.url.hasPrefix(hub) else {
      return weights.url.hasPrefix("file://") ? "with the library" : weights.url
    }
    return HubWeights.prefix
      + weights.url.dropFirst(hub.count).split(separator: "/").prefix(2).joined(separator: "/")
  }

  private func nearest(_ word: String) -> [String] { nearestNames(to: word, among: listModels()) }
}
