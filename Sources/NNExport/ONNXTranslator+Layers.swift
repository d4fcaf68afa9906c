import NNCore

extension ONNXTranslator {
  /// Convolutions and matrix products; nil if the operation is none of these.
  func convolutionOrProduct() throws -> String? {
    switch operation.name {
    case "conv2d":
      return node(
        "Conv", inputs,
        [
          "dilations": .ints(ints("dilations")), "group": .int(int("groups")),
          "kernel_shape": .ints(Array(shape(1).dropFirst(2))), "pads": .ints(ints("pads")),
          "strides": .ints(ints("strides")),
        ])
    case "convTranspose2d":
      return node(
        "ConvTranspose", inputs,
        [
          "dilations": .ints(ints("dilations")), "group": .int(int("groups")),
          "kernel_shape": .ints(Array(shape(1).dropFirst(2))),
          "output_padding": .ints(ints("outputPadding")), "pads": .ints(ints("padding") + ints("padding")),
          "strides": .ints(ints("strides")),
        ])
    case "linear":
      // The weight stays as it is in the state; runtimes transpose it once.
      if operation.output.shape.count == 2 { return node("Gemm", inputs, ["transB": .int(1)]) }
      let weight = node("Transpose", [input(1)], ["perm": .ints([1, 0])])
      let product = node("MatMul", [input(0), weight])
      return operation.inputs.count > 2 ? node("Add", [product, input(2)]) : product
    case "matmul": return node("MatMul", inputs)
    default: return nil
    }
  }

  // MARK: Normalisation

  /// nil if the operation is no normalisation.
  func normalization() throws -> String? {
    let x = ["batchNorm", "layerNorm", "groupNorm", "instanceNorm"].contains(operation.name) ? input(0) : ""
    if x.isEmpty { return nil }
    let type = operation.output.dtype
    let epsilon = ONNXGraph.Attribute.float(number("eps"))
    let statistics = operation.name == "batchNorm" ? 2 : 0
    let weight = flag("weight") ? input(1 + statistics) : nil
    let bias = flag("bias") ? input(operation.inputs.count - 1) : nil
    func filled(_ value: Double, _ shape: [Int]) -> String {
      constant(Tensor.full(shape, value, dtype: type))
    }
    let channels = [shape(0)[1]]
    switch operation.name {
    case "batchNorm":
      return node(
        "BatchNormalization",
        [
          x, weight ?? filled(1, channels), bias ?? filled(0, channels), input(1, as: type),
          input(2, as: type),
        ],
        ["epsilon": epsilon])
    case "layerNorm":
      let normalized = Array(shape(0).suffix(int("axes")))
      return node(
        "LayerNormalization", [x, weight ?? filled(1, normalized)] + (bias.map { [$0] } ?? []),
        ["axis": .int(-normalized.count), "epsilon": epsilon])
    case "instanceNorm":
      return node(
        "InstanceNormalization", [x, weight ?? filled(1, channels), bias ?? filled(0, channels)],
        ["epsilon": epsilon])
    default:
      let groups = int("groups")
      let grouped = node("Reshape", [x, constant([0, groups, -1])])
      let normalized = node(
        "InstanceNormalization", [grouped, filled(1, [groups]), filled(0, [groups])], ["epsilon": epsilon])
      var result = node("Reshape", [normalized, constant([0] + rowShape)])
      let sizes = constant(channels + rowShape.dropFirst().map { _ in 1 })
      if let weight { result = node("Mul", [result, node("Reshape", [weight, sizes])]) }
      if let bias { result = node("Add", [result, node("Reshape", [bias, sizes])]) }
      return result
    }
  }
}
