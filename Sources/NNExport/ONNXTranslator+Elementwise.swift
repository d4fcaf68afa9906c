import NNCore

extension ONNXTranslator {
  /// Arithmetic, comparisons, logic and elementary functions; nil if the operation is none of these.
  func elementwise() throws -> String? {
    let type = operation.output.dtype
    switch operation.name {
    case "add", "sub", "mul", "maximum", "minimum":
      if type == .bool { throw unsupported("ONNX has no arithmetic of bools") }
      return node(Self.operators[operation.name] ?? "", [input(0, as: type), input(1, as: type)])
    case "div": return quotient(input(0, as: type), input(1, as: type))
    case "fmod": return node("Mod", [input(0, as: type), input(1, as: type)], ["fmod": .int(1)])
    case "remainder":
      let (a, b) = (input(0, as: type), input(1, as: type))
      if !type.isFloatingPoint { return node("Mod", [a, b]) }
      return node("Sub", [a, node("Mul", [b, node("Floor", [node("Div", [a, b])])])])
    case "pow":
      let exponent = has("exponent") ? constant(number("exponent")) : input(1, as: type)
      return node("Pow", [input(0, as: type), exponent])
    case "atan2": return angle(input(0, as: type), input(1, as: type))
    case "eq", "ne", "lt", "le", "gt", "ge": return comparison()
    case "logicalAnd": return node("And", [input(0, as: .bool), input(1, as: .bool)])
    case "logicalOr": return node("Or", [input(0, as: .bool), input(1, as: .bool)])
    case "where": return node("Where", [input(0, as: .bool), input(1, as: type), input(2, as: type)])
    case "to": return input(0, as: type)
    case "clamp":
      let (low, high) = (number("min"), number("max"))
      return node(
        "Clip",
        [input(0, as: type), low == -.infinity ? "" : constant(low), high == .infinity ? "" : constant(high)])
    case "neg", "abs", "sign": return node(Self.operators[operation.name] ?? "", [input(0)])
    case "square": return node("Mul", [input(0), input(0)])
    case "floor", "ceil", "round", "trunc":
      if !type.isFloatingPoint { return input(0) }
      return operation.name == "trunc"
        ? truncated(input(0)) : node(Self.operators[operation.name] ?? "", [input(0)])
    default: return elementary(type)
    }
  }

  private static let operators = [
    "add": "Add", "sub": "Sub", "mul": "Mul", "maximum": "Max", "minimum": "Min", "neg": "Neg", "abs": "Abs",
    "sign": "Sign", "floor": "Floor", "ceil": "Ceil", "round": "Round", "exp": "Exp", "log": "Log",
    "sqrt": "Sqrt", "reciprocal": "Reciprocal", "sin": "Sin", "cos": "Cos", "tan": "Tan", "asin": "Asin",
    "acos": "Acos", "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "tanh": "Tanh", "sigmoid": "Sigmoid",
    "erf": "Erf",
  ]

  private func elementary(_ type: DType) -> String? {
    switch operation.name {
    case "expm1": return node("Sub", [node("Exp", [input(0, as: type)]), constant(1)])
    case "log1p": return node("Log", [node("Add", [input(0, as: type), constant(1)])])
    case "log2": return node("Div", [node("Log", [input(0, as: type)]), constant(0.693_147_180_559_945_3)])
    case "log10": return node("Div", [node("Log", [input(0, as: type)]), constant(2.302_585_092_994_045_7)])
    case "rsqrt": return node("Reciprocal", [node("Sqrt", [input(0, as: type)])])
    default: return Self.operators[operation.name].map { node($0, [input(0, as: type)]) }
    }
  }

  private func quotient(_ a: String, _ b: String) -> String {
    let type = operation.output.dtype
    let exact = node("Div", [a, b])
    switch text("operation") {
    case BinaryOp.floorDiv.rawValue:
      // Integers are divided towards 0: what is left over is taken away before.
      return type.isFloatingPoint
        ? node("Floor", [exact]) : node("Div", [node("Sub", [a, node("Mod", [a, b])]), b])
    case BinaryOp.truncDiv.rawValue: return type.isFloatingPoint ? truncated(exact) : exact
    default: return exact
    }
  }

  private func truncated(_ x: String) -> String {
    node("Mul", [node("Sign", [x]), node("Floor", [node("Abs", [x])])])
  }

  private func comparison() -> String {
    let type = Tensor.resultType(operand(0), operand(1))
    let operands = [input(0, as: type), input(1, as: type)]
    switch operation.name {
    case "eq": return node("Equal", operands)
    case "ne": return node("Not", [node("Equal", operands)])
    case "lt": return node("Less", operands)
    case "le": return node("LessOrEqual", operands)
    case "gt": return node("Greater", operands)
    default: return node("GreaterOrEqual", operands)
    }
  }

  /// A tensor of the type and rank of an operand.
  private func operand(_ place: Int) -> Tensor {
    Tensor.zeros(shape(place).map { _ in 1 }, dtype: dtype(place))
  }

  /// The angle of (x, y): that of the line, and half a turn where x is negative.
  private func angle(_ y: String, _ x: String) -> String {
    let zero = constant(0)
    let turn = node("Where", [node("Less", [y, zero]), constant(-Double.pi), constant(Double.pi)])
    let line = node("Atan", [node("Div", [y, x])])
    let angle = node("Where", [node("Less", [x, zero]), node("Add", [line, turn]), line])
    let isOrigin = node("And", [node("Equal", [x, zero]), node("Equal", [y, zero])])
    return node("Where", [isOrigin, zero, angle])
  }

  // MARK: Activation functions

  /// nil if the operation is no activation function.
  func activation() throws -> String? {
    let x = operation.inputs.count == 1 && operation.output.dtype.isFloatingPoint ? input(0) : ""
    if x.isEmpty { return nil }
    switch operation.name {
    case "relu": return node("Relu", [x])
    case "relu6", "hardtanh":
      return node("Clip", [x, constant(number("minimum")), constant(number("maximum"))])
    case "elu": return node("Elu", [x], ["alpha": .float(number("negative"))])
    case "selu":
      let (negative, positive) = (number("negative"), number("positive"))
      return node("Selu", [x], ["alpha": .float(negative / positive), "gamma": .float(positive)])
    case "celu":
      let below = node("Exp", [node("Mul", [node("Min", [x, constant(0)]), constant(number("rate"))])])
      return node(
        "Add",
        [node("Relu", [x]), node("Mul", [node("Sub", [below, constant(1)]), constant(number("negative"))])])
    case "silu": return node("Mul", [x, node("Sigmoid", [x])])
    case "mish": return node("Mul", [x, node("Tanh", [node("Softplus", [x])])])
    case "softplus": return softplus(x)
    case "softsign": return node("Softsign", [x])
    case "logSigmoid": return node("Neg", [node("Softplus", [node("Neg", [x])])])
    case "hardswish": return node("HardSwish", [x])
    case "hardsigmoid": return node("HardSigmoid", [x], ["alpha": .float(1.0 / 6), "beta": .float(0.5)])
    case "tanhshrink": return node("Sub", [x, node("Tanh", [x])])
    case "softshrink":
      return node("Shrink", [x], ["lambd": .float(number("lambda")), "bias": .float(number("lambda"))])
    case "hardshrink": return node("Shrink", [x], ["lambd": .float(number("lambda")), "bias": .float(0)])
    case "gelu", "geluTanh": return gelu(x)
    case "leakyRelu": return node("LeakyRelu", [x], ["alpha": .float(number("negativeSlope"))])
    case "threshold":
      return node(
        "Where", [node("Greater", [x, constant(number("threshold"))]), x, constant(number("value"))])
    case "softmax": return node("Softmax", [x], ["axis": .int(int("axis"))])
    case "logSoftmax": return node("LogSoftmax", [x], ["axis": .int(int("axis"))])
    default: return nil
    }
  }

  /// log(1 + exp(beta · x)) / beta. Above a threshold of 20 it is x itself to 1e-9 anyway.
  private func softplus(_ x: String) -> String {
    let (beta, threshold) = has("beta") ? (number("beta"), number("threshold")) : (1, .infinity)
    let scaled = beta == 1 ? x : node("Mul", [x, constant(beta)])
    let smooth = node("Softplus", [scaled])
    let result = beta == 1 ? smooth : node("Div", [smooth, constant(beta)])
    return threshold >= 20
      ? result : node("Where", [node("Greater", [scaled, constant(threshold)]), x, result])
  }

  private func gelu(_ x: String) -> String {
    let bell: String
    if operation.name == "geluTanh" {
      let cube = node("Mul", [node("Mul", [node("Mul", [x, x]), x]), constant(0.044_715)])
      bell = node("Tanh", [node("Mul", [node("Add", [x, cube]), constant(0.797_884_560_802_865_355_88)])])
    } else {
      bell = node("Erf", [node("Div", [x, constant(2.0.squareRoot())])])
    }
    return node("Mul", [node("Mul", [x, node("Add", [bell, constant(1)])]), constant(0.5)])
  }
}
