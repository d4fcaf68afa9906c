// Padding: elements added (or, with negative numbers, taken away) at both ends of the last dimensions.

/// What the elements that `Tensor.pad` adds are filled with.
public enum PaddingMode: String, Sendable, CaseIterable {
  /// One value everywhere; negative numbers crop.
  case constant
  /// The tensor mirrored at its first and last element, which are not repeated.
  case reflect
  /// The first and the last element repeated.
  case replicate
  /// The tensor continued periodically.
  case circular
}

extension Tensor {
  /// Adds elements at the ends of the last dimensions. As `torch.nn.functional.pad`.
  ///
  /// - Parameters:
  ///   - padding: numbers in pairs (before, behind), the last dimension first: [left, right, top, bottom, …].
  ///   - value: what `constant` fills with.
  public func pad(_ padding: [Int], mode: PaddingMode = .constant, value: Double = 0) -> Tensor {
    require(
      padding.count % 2 == 0 && padding.count / 2 <= rank, "pad",
      "padding \(padding) needs a pair of numbers for each of at most \(rank) dimensions of shape \(shape)")
    return Tensor.apply(Pad(padding: padding, mode: mode, value: value), self)
  }

  fileprivate func padded(_ padding: [Int], _ mode: PaddingMode, _ value: Double) -> Tensor {
    var ends = Array(repeating: (before: 0, behind: 0), count: rank)
    for pair in 0..<padding.count / 2 {
      ends[rank - 1 - pair] = (padding[2 * pair], padding[2 * pair + 1])
    }
    for axis in shape.indices {
      require(
        shape[axis] + ends[axis].before + ends[axis].behind >= 0
          && shape[axis] + Swift.min(ends[axis].before, 0) + Swift.min(ends[axis].behind, 0) >= 0, "pad",
        "padding \(padding) takes away more than shape \(shape) has")
    }
    if mode == .constant { return framed(ends.map(\.before), ends.map(\.behind), value) }
    return shape.indices.reduce(self) { x, axis in
      let (before, behind) = ends[axis]
      if before == 0 && behind == 0 { return x }
      guard let places = mode.places(size: shape[axis], before: before, behind: behind) else {
        return backend.fill(
          Array(x.shape[..<axis]) + [before + x.shape[axis] + behind] + Array(x.shape[(axis + 1)...]),
          0, dtype: dtype)
      }
      return x.indexSelect(axis, index: Tensor(places).to(device))
    }
  }

  /// Constant padding; the gradient of what is cropped is zero, and what is added has none.
  private func framed(_ before: [Int], _ behind: [Int], _ value: Double) -> Tensor {
    var kept = detach()
    for axis in shape.indices where before[axis] < 0 || behind[axis] < 0 {
      let start = Swift.max(0, -before[axis])
      kept = kept.slice(
        axis, from: start, length: shape[axis] - start - Swift.max(0, -behind[axis]), step: 1)
    }
    let target = shape.indices.map { shape[$0] + before[$0] + behind[$0] }
    var result = kept
    if target != kept.shape {
      result = backend.fill(target, value, dtype: dtype)
      if let strides = kept.denseStrides(for: target) {
        result = result.view(shape: target, strides: strides)
      }
      let offset = target.indices.reduce(0) { $0 + Swift.max(0, before[$1]) * result.strides[$1] }
      backend.assign(kept, to: result.view(shape: kept.shape, strides: result.strides, offset: offset))
    }
    return result.recorded("pad", inputs: [self]) { g, _ in
      [g.framed(before.map { -$0 }, behind.map { -$0 }, 0)]
    }
  }
}

extension PaddingMode {
  /// Which element of the dimension stands at each place of the padded one; nil if it is too small.
  fileprivate func places(size: Int, before: Int, behind: Int) -> [Int]? {
    require(
      before >= 0 && behind >= 0, "pad", "mode \(rawValue) does not crop: padding (\(before), \(behind))")
    switch self {
    case .constant: break
    case .reflect:
      guard
        fits(
          before < size && behind < size, "pad", .tooSmall,
          "padding (\(before), \(behind)) must be smaller than the dimension, \(size), to reflect it")
      else { return nil }
    case .replicate:
      guard fits(size > 0, "pad", .tooSmall, "there is no element to replicate") else { return nil }
    case .circular:
      guard
        fits(
          before <= size && behind <= size, "pad", .tooSmall,
          "padding (\(before), \(behind)) wraps around a dimension of size \(size) more than once")
      else { return nil }
    }
    return (-before..<size + behind).map { place in
      switch self {
      case .constant: place
      case .reflect: place < 0 ? -place : place >= size ? 2 * (size - 1) - place : place
      case .replicate: min(max(place, 0), size - 1)
      case .circular: (place + size) % size
      }
    }
  }
}

// MARK: - Primitives

private struct Pad: CompositePrimitive {
  let padding: [Int]
  let mode: PaddingMode
  let value: Double

  var name: StaticString { "pad" }
  var attributes: [String: TraceAttribute] {
    ["padding": .ints(padding), "mode": .text(mode.rawValue), "value": .number(value)]
  }

  func obstacle(_ operands: [Tensor]) -> String? {
    padding.count < 2 * operands[0].rank ? nil : "adds rows"
  }
  func evaluate(_ operands: [Tensor]) -> Tensor { operands[0].padded(padding, mode, value) }
}
