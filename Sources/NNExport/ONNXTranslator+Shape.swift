import NNCore

extension ONNXTranslator {
  /// Views, rearrangements and reductions; nil if the operation is none of these.
  func rearrangement() throws -> String? {
    let rank = operation.output.shape.count
    switch operation.name {
    case "contiguous": return input(0)
    // The batch keeps its size (0), whatever it is.
    case "reshape": return node("Reshape", [input(0), constant([0] + ints("shape"))])
    case "permute": return node("Transpose", [input(0)], ["perm": .ints(ints("order"))])
    case "squeeze": return node("Squeeze", [input(0), constant([int("axis")])])
    case "unsqueeze": return node("Unsqueeze", [input(0), constant([int("axis")])])
    case "expand": return node("Expand", [input(0), constant([1] + ints("shape"))])
    case "slice":
      let (start, length, step) = (int("start"), int("length"), int("step"))
      return slice(input(0), int("axis"), from: start, to: start + (length - 1) * step + 1, by: step)
    case "cat":
      let type = operation.output.dtype
      let parts = operation.inputs.indices.map { part in
        isRepeated(part) ? spread(input(part, as: type), rows: shape(part)) : input(part, as: type)
      }
      return node("Concat", parts, ["axis": .int(int("axis"))])
    case "flip":
      let axes = ints("axes")
      return node(
        "Slice",
        [
          input(0), constant(axes.map { _ in -1 }), constant(axes.map { _ in Int.min }), constant(axes),
          constant(axes.map { _ in -1 }),
        ])
    case "pad": return try padded(rank)
    case "channelShuffle":
      let (groups, channels, rest) = (int("groups"), rowShape[0], Array(rowShape.dropFirst()))
      let dealt = node("Reshape", [input(0), constant([0, groups, channels / groups] + rest)])
      let order = [0, 2, 1] + Array(3..<rank + 1)
      let mixed = node("Transpose", [dealt], ["perm": .ints(order)])
      return node("Reshape", [mixed, constant([0, channels] + rest)])
    case "sum": return reduced("ReduceSum", as: operation.output.dtype)
    case "mean": return reduced("ReduceMean", as: operation.output.dtype)
    case "amax": return reduced("ReduceMax", as: operation.output.dtype)
    case "amin": return reduced("ReduceMin", as: operation.output.dtype)
    case "embedding": return node("Gather", [input(1), input(0)], ["axis": .int(0)])
    default: return nil
    }
  }

  private func reduced(_ type: String, as dtype: DType) -> String {
    node(
      type, [input(0, as: dtype), constant(ints("axes"))], ["keepdims": .int(flag("keepDim") ? 1 : 0)])
  }

  private func slice(_ x: String, _ axis: Int, from start: Int, to end: Int, by step: Int = 1) -> String {
    node("Slice", [x, constant([start]), constant([end]), constant([axis]), constant([step])])
  }

  /// One row repeated for every row of the input.
  private func spread(_ row: String, rows shape: [Int]) -> String {
    let batch = node("Shape", [graph.input.name], ["start": .int(0), "end": .int(1)])
    let target = node("Concat", [batch, constant(Array(shape.dropFirst()))], ["axis": .int(0)])
    return node("Expand", [row, target])
  }

  private func padded(_ rank: Int) throws -> String {
    let padding = ints("padding")
    guard let mode = PaddingMode(rawValue: text("mode")) else {
      throw unsupported("its mode \(text("mode")) is not known")
    }
    var (before, behind) = (Array(repeating: 0, count: rank), Array(repeating: 0, count: rank))
    for pair in 0..<padding.count / 2 {
      (before[rank - 1 - pair], behind[rank - 1 - pair]) = (padding[2 * pair], padding[2 * pair + 1])
    }
    switch mode {
    case .constant:
      let value = constant(number("value"))
      return node("Pad", [input(0), constant(before + behind), value], ["mode": .text("constant")])
    case .reflect: return node("Pad", [input(0), constant(before + behind)], ["mode": .text("reflect")])
    case .replicate: return node("Pad", [input(0), constant(before + behind)], ["mode": .text("edge")])
    case .circular:
      let sizes = shape(0)
      return sizes.indices.reduce(input(0)) { x, axis in
        let size = sizes[axis]
        var parts = [x]
        if before[axis] > 0 { parts.insert(slice(x, axis, from: size - before[axis], to: size), at: 0) }
        if behind[axis] > 0 { parts.append(slice(x, axis, from: 0, to: behind[axis])) }
        return parts.count == 1 ? x : node("Concat", parts, ["axis": .int(axis)])
      }
    }
  }
}
