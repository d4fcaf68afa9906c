import Foundation

extension Tensor: CustomStringConvertible {
  /// The elements as PyTorch prints them: 4 digits, columns aligned, long tensors abridged.
  public var description: String {
    var notes: [String] = []
    if count == 0, rank != 1 { notes.append("size=(\(shape.map(String.init).joined(separator: ", ")))") }
    let isDefault = dtype == .float32 || (count > 0 && (dtype == .bool || dtype == .int64))
    if !isDefault { notes.append("dtype=\(dtype)") }
    if let gradientFunction {
      notes.append("grad_fn=<\(gradientFunction)>")
    } else if requiresGrad {
      notes.append("requires_grad=True")
    }
    let indent = "tensor(".count
    var text = "tensor(" + (count == 0 ? "[]" : TensorPrinter(detach()).text(indent: indent))
    // The notes go to the next line where they would pass the margin.
    var width =
      text.count - (text.lastIndex(of: "\n").map { text.distance(from: text.startIndex, to: $0) } ?? -1) + 1
    for note in notes {
      if width + note.count + 2 > TensorPrinter.lineWidth {
        text += ",\n" + String(repeating: " ", count: indent) + note
        width = indent + note.count
      } else {
        text += ", " + note
        width += note.count + 2
      }
    }
    return text + ")"
  }
}

/// PyTorch's rules with their default options.
private struct TensorPrinter {
  static let lineWidth = 80
  static let edge = 3
  let tensor: Tensor
  let abridged: Bool
  private var format: (Double) -> String = { "\($0)" }
  private var width = 1

  init(_ tensor: Tensor) {
    self.tensor = tensor
    abridged = tensor.count > 1_000
    let shown = visible(tensor).array(of: Double.self)
    switch tensor.dtype {
    case .bool:
      format = { $0 != 0 ? "True" : "False" }
      width = shown.map { format($0).count }.max() ?? 1
    case .uint8, .int32, .int64:
      format = { String(Int64($0)) }
      width = shown.map { format($0).count }.max() ?? 1
    case .bfloat16, .float32, .float64:
      // Zeros, NaN and infinities count neither for the notation nor for the width.
      let values = shown.filter { $0.isFinite && $0 != 0 }
      format = Self.floatFormat(values)
      width = values.map { format($0).count }.max() ?? 1
    }
  }

  /// The corners that are printed.
  private func visible(_ x: Tensor) -> Tensor {
    if !abridged { return x }
    return x.shape.indices.reduce(x) { x, axis in
      let size = x.shape[axis]
      if size <= 2 * Self.edge { return x }
      return cat(
        [
          x.narrow(axis, start: 0, length: Self.edge),
          x.narrow(axis, start: size - Self.edge, length: Self.edge),
        ], axis: axis)
    }
  }

  private static func floatFormat(_ values: [Double]) -> (Double) -> String {
    func special(_ x: Double) -> String? { x.isNaN ? "nan" : x.isInfinite ? (x < 0 ? "-inf" : "inf") : nil }
    let sizes = values.map(abs)
    let (low, high) = (sizes.min() ?? 1, sizes.max() ?? 1)
    let areIntegers = values.allSatisfy { $0 == $0.rounded() }
    if high / low > 1_000 || high > 1e8 || (!areIntegers && low < 1e-4) {
      return { special($0) ?? String(format: "%.4e", $0) }
    }
    return areIntegers
      ? { special($0) ?? String(format: "%.0f.", $0) } : { special($0) ?? String(format: "%.4f", $0) }
  }

  func text(indent: Int) -> String {
    tensor.rank == 0 ? format(tensor.item()) : text(tensor, indent: indent)
  }

  private func text(_ x: Tensor, indent: Int) -> String {
    let size = x.shape[0]
    let isCut = abridged && size > 2 * Self.edge
    let places = isCut ? Array(0..<Self.edge) + Array(size - Self.edge..<size) : Array(0..<size)
    if x.rank == 1 {
      let values = x.array(of: Double.self)
      var words = places.map { place -> String in
        let word = format(values[place])
        return String(repeating: " ", count: max(0, width - word.count)) + word
      }
      if isCut { words.insert(" ...", at: Self.edge) }
      return "[" + wrapped(words, indent: indent) + "]"
    }
    var parts = places.map { text(x.select(0, index: $0), indent: indent + 1) }
    if isCut { parts.insert("...", at: Self.edge) }
    let gap = "," + String(repeating: "\n", count: x.rank - 1) + String(repeating: " ", count: indent + 1)
    return "[" + parts.joined(separator: gap) + "]"
  }

  private func wrapped(_ words: [String], indent: Int) -> String {
    let perLine = max(1, (Self.lineWidth - indent) / (width + 2))
    let lines = stride(from: 0, to: words.count, by: perLine).map {
      words[$0..<min($0 + perLine, words.count)].joined(separator: ", ")
    }
    return lines.joined(separator: ",\n" + String(repeating: " ", count: indent + 1))
  }
}
