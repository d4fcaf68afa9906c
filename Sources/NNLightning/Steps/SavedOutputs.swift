import NNCore

/// Step outputs by column, with the bits of their values.
struct SavedOutputs: Codable, Sendable {
  private struct Column: Codable, Sendable {
    var name: String
    var dtype: Int32
    /// Nil where an output lacks the name.
    var bits: [UInt64?]
  }

  private var columns: [Column] = []
  private var batchSizes: [Int?]

  init(_ outputs: [StepOutput]) {
    batchSizes = outputs.map(\.batchSize)
    for (place, output) in outputs.enumerated() {
      for (name, value) in output.entries {
        var column = columns.firstIndex { $0.name == name }
        if column == nil {
          columns.append(Column(name: name, dtype: value.dtype.rawValue, bits: []))
          column = columns.count - 1
        }
        guard let column else { continue }
        let missing = place - columns[column].bits.count
        columns[column].bits += Array(repeating: nil, count: missing)
        columns[column].bits.append(value.item().bitPattern)
      }
    }
  }

  /// Refuses sizes whose sum could leave the range of `Int`.
  func check() throws {
    var sum = 0
    for size in batchSizes.compactMap({ $0 }) {
      try SavedState.check("size of a batch", size, in: 0...SavedState.greatestCount)
      sum += size
      try SavedState.check("samples of the epoch", sum, in: 0...SavedState.greatestCount)
    }
  }

  var outputs: [StepOutput] {
    batchSizes.enumerated().map { place, size in
      let entries = columns.compactMap { column -> (name: String, value: Tensor)? in
        guard place < column.bits.count, let bits = column.bits[place] else { return nil }
        let value = Tensor(Double(bitPattern: bits))
        return (name: column.name, value: value.to(DType(rawValue: column.dtype) ?? .float64))
      }
      return StepOutput(entries, batchSize: size)
    }
  }
}
