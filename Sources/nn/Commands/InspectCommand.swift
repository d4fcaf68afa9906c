import ArgumentParser
import Foundation
import NNCore
import NNFiles
import NNLightning

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Lists a weight file: keys, shapes, element types, sizes and statistics.",
    discussion:
      "Reads .safetensors, PyTorch's .pth, .pt and .ckpt, and .npz. Nothing in the file is executed.")

  @Argument(help: "The file.")
  var file: String
  @Option(help: "Where in a PyTorch checkpoint the tensors are, such as state_dict.")
  var key: String?
  @Option(help: "List only keys that contain this text.")
  var filter: String?
  @Flag(inversion: .prefixedNo, help: "Compute mean, deviation, least and greatest value.")
  var statistics = true

  func run() throws {
    let all = try StateDict(contentsOf: file, key: key)
    let shown = all.filter { filter.map($0.key.contains) ?? true }
    var head = ["key", "type", "shape", "size"]
    if statistics { head += ["mean", "std", "min", "max"] }
    let rows = shown.map { key, value in
      let type = all.storedType(of: key)
      let bytes = value.count * (type?.byteCount ?? value.dtype.byteCount)
      return [
        printable(key), "\(type.map { "\($0)" } ?? "\(value.dtype)")", "\(value.shape)", byteCountText(bytes),
      ]
        + (statistics ? numbers(value) : [])
    }
    print(textTable(head, rows, rightAligned: Set(3..<head.count)))
    let bytes = shown.reduce(0) { sum, entry in
      sum + entry.value.count * (all.storedType(of: entry.key)?.byteCount ?? entry.value.dtype.byteCount)
    }
    let count = shown.reduce(0) { $0 + $1.value.count }
    print("\(shown.count) tensors, \(count) elements, \(byteCountText(bytes))")
    for (name, text) in all.metadata.sorted(by: { $0.key < $1.key }) {
      let flat = printable(text.replacingOccurrences(of: "\n", with: " "))
      print("metadata \(printable(name)): \(flat.count > 200 ? flat.prefix(200) + "…" : flat[...])")
    }
  }

  private func numbers(_ tensor: Tensor) -> [String] {
    if tensor.count == 0 { return ["-", "-", "-", "-"] }
    let x = tensor.to(.float64)
    let values = [x.mean(), x.std(correction: 0), x.min(), x.max()].map { $0.item() }
    return values.map { String(format: "%.4g", $0) }
  }
}
