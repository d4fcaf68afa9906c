import CNNKernels

/// Groups of few channels, taken together until they fill a vector: products with zeros are cheaper than registers that
/// stay empty. Depthwise convolutions and groups that fill vectors side by side have kernels of their own.
struct GroupMerge {
  /// How many groups make one.
  let factor: Int
  /// Number of groups in the end.
  let groups: Int
  private let inputs: Int
  private let outputs: Int
  /// Whether the kernels for groups side by side take these.
  let isSideBySide: Bool

  init(inputs: Int, outputs: Int, _ groups: Int, taps: Int, _ dtype: DType) {
    var factor = 1
    let path = KernelPath.current
    isSideBySide =
      path != .openBLAS && inputs == outputs
      && nn_grouped_fits(dtype.rawValue, path.rawValue, inputs, groups, taps) != 0
    if !isSideBySide && (inputs > 1 || outputs > 1) {
      while factor * min(inputs, outputs) < 16 && groups % (2 * factor) == 0 { factor *= 2 }
    }
    self.factor = factor
    self.groups = groups / factor
    self.inputs = inputs
    self.outputs = outputs
  }

  /// - Parameter weight: [groups · outputs, inputs, height, width].
  init(_ weight: Tensor, _ groups: Int) {
    self.init(
      inputs: weight.shape[1], outputs: weight.shape[0] / groups, groups,
      taps: weight.shape[2] * weight.shape[3], weight.dtype)
  }

  /// [groups · outputs, factor · inputs, height, width] with zeros between what belongs to different groups.
  func merged(_ weight: Tensor) -> Tensor {
    if factor == 1 { return weight }
    let (height, width) = (weight.shape[2], weight.shape[3])
    let backend = CPUBackend.shared
    let result = backend.fill([weight.shape[0], factor * inputs, height, width], 0, dtype: weight.dtype)
    for part in 0..<factor {
      backend.assign(block(weight, part, wide: false), to: block(result, part, wide: true))
    }
    return result
  }

  /// The weights of single groups from those of merged ones.
  func diagonal(_ merged: Tensor) -> Tensor {
    let shape = [merged.shape[0], inputs, merged.shape[2], merged.shape[3]]
    let backend = CPUBackend.shared
    let result = Tensor(uninitialized: shape, dtype: merged.dtype)
    for part in 0..<factor {
      backend.assign(block(merged, part, wide: true), to: block(result, part, wide: false))
    }
    return result
  }

  /// Group number `part` of each merged one: [merged groups, outputs, inputs, height, width].
  private func block(_ x: Tensor, _ part: Int, wide: Bool) -> Tensor {
    let s = x.strides
    return x.view(
      shape: [groups, outputs, inputs, x.shape[2], x.shape[3]],
      strides: [factor * outputs * s[0], s[0], s[1], s[2], s[3]],
      offset: x.offset + part * (outputs * s[0] + (wide ? inputs * s[1] : 0)))
  }
}
