import NNCore

/// Height and width of an adaptive result; a null keeps the size of the input.
private func outputSize(_ x: Tensor, _ a: Arguments) throws -> Size2 {
  guard let sizes = a.value("output_size")?.elements else { return try a.size("output_size") }
  guard sizes.count == 2, x.rank >= 3, sizes.allSatisfy({ $0.isNull || $0.int != nil }) else {
    throw FixtureError("argument output_size: expected two integers or nulls, found \(sizes)")
  }
  return Size2(sizes[0].int ?? x.shape[x.rank - 2], sizes[1].int ?? x.shape[x.rank - 1])
}

/// Pooling, of the golden group `nn`.
package let poolingFixtures: FixtureTable = [
  "max_pool2d": { c, a in
    let result = try c["x"].maxPool2dWithIndices(
      kernelSize: a.size("kernel_size"), stride: a.optionalSize("stride"), padding: a.size("padding", 0),
      dilation: a.size("dilation", 1), ceilMode: a.bool("ceil_mode"))
    return [result.values, result.indices]
  },
  "max_pool1d": { c, a in
    try [
      c["x"].maxPool1d(
        kernelSize: a.length("kernel_size"), stride: a.optionalLength("stride"),
        padding: a.length("padding", 0), dilation: a.length("dilation", 1), ceilMode: a.bool("ceil_mode"))
    ]
  },
  "avg_pool2d": { c, a in
    try [
      c["x"].avgPool2d(
        kernelSize: a.size("kernel_size"), stride: a.optionalSize("stride"), padding: a.size("padding", 0),
        ceilMode: a.bool("ceil_mode"), countIncludePad: a.bool("count_include_pad", true),
        divisorOverride: a.optionalInt("divisor_override"))
    ]
  },
  "avg_pool1d": { c, a in
    try [
      c["x"].avgPool1d(
        kernelSize: a.length("kernel_size"), stride: a.optionalLength("stride"),
        padding: a.length("padding", 0), ceilMode: a.bool("ceil_mode"),
        countIncludePad: a.bool("count_include_pad", true))
    ]
  },
  "adaptive_avg_pool2d": { c, a in
    let x = try c["x"]
    return try [x.adaptiveAvgPool2d(outputSize: outputSize(x, a))]
  },
  "adaptive_max_pool2d": { c, a in
    let x = try c["x"]
    let result = try x.adaptiveMaxPool2dWithIndices(outputSize: outputSize(x, a))
    return [result.values, result.indices]
  },
]
