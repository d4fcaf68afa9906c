import Foundation

extension Tensor: CustomStringConvertible {
  /// The elements as PyTorch prints them: 4 digits, columns aligned, long tensors abridged.
  public var description: String {
    var notes: [String] = []
    if count == 0, rank != 1 { notes.append("size=\(shape)") }
    let isDefault = dtype == .float32 || dtype == .bool || dtype == .int64
    if !isDefault || (count == 0 && dtype != .float32) { notes.append("dtype=\(dtype)") }
    if let gradientFunction {
      notes.append("gradientFunction=<\(gradientFunction)>")
    } else if requiresGrad {
      notes.append("requiresGrad=true")
    }
    let suffix = notes.isEmpty ? "" : ", " + notes.joined(separator: ", ")
    if count == 0 { return "tensor([]\(suffix))" }
    return "tensor(" + TensorPrinter(detach()).text(indent: 7) + suffix + ")"
  }
}

private struct TensorPrinter {
  static let edge = 3
  let tensor: Tensor
  let abridged: Bool
  var format: (Double) -> String = { "\($0)" }
  var width = 0

  init(_ tensor: Tensor) {
    self.tensor = tensor
    abridged = tensor.count > 1_000
    let shown = visible(tensor).array(of: Double.self)
    switch tensor.dtype {
    case .bool: format = { $0 != 0 ? "True" : "False" }
    case .uint8, .int32, .int64: format = { String(Int64($0)) }
    case .float32, .float64: format = Self.floatFormat(shown)
    }
    width = shown.map { format($0).count }.max() ?? 0
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
    let finite = values.filter(\.isFinite)
    let sizes = finite.filter { $0 != 0 }.map(abs)
    func special(_ x: Double) -> String? { x.isNaN ? "nan" : x.isInfinite ? (x < 0 ? "-inf" : "inf") : nil }
    guard let low = sizes.min(), let high = sizes.max() else {
      return { special($0) ?? String(format: "%.0f.", $0) }
    }
    let areIntegers = finite.allSatisfy { $0 == $0.rounded() }
    if areIntegers {
      return high >= 1e8 || high / low > 1_000 && high > 1e8
        ? { special($0) ?? String(format: "%.4e", $0) } : { special($0) ?? String(format: "%.0f.", $0) }
    }
    return high / low > 1_000 || high > 1e8 || low < 1e-4
      ? { special($0) ?? String(format: "%.4e", $0) } : { special($0) ?? String(format: "%.4f", $0) }
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
      if isCut { words.insert("...", at: Self.edge) }
      return "[" + wrapped(words, indent: indent + 1) + "]"
    }
    var parts = places.map { text(x.select(0, index: $0), indent: indent + 1) }
    if isCut { parts.insert("...", at: Self.edge) }
    let gap = "," + String(repeating: "\n", count: x.rank - 1) + String(repeating: " ", count: indent + 1)
    return "[" + parts.joined(separator: gap) + "]"
  }

  /// Lines of at most 80 columns.
  private func wrapped(_ words: [String], indent: Int) -> String {
    let perLine = max(1, (80 - indent) / (width + 2))
    let lines = stride(from: 0, to: words.count, by: perLine).map {
      words[$0..<min($0 + perLine, words.count)].joined(separator: ", ")
    }
    return lines.joined(separator: ",\n" + String(repeating: " ", count: indent))
  }
}
