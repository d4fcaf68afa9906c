import CNNKernels

// The numbers by which the C kernels know operations. Nothing outside this folder sees them.

extension UnaryOp {
  var kernelNumber: Int32 {
    let op =
      switch self {
      case .neg: NN_NEG
      case .abs: NN_ABS
      case .sign: NN_SIGN
      case .square: NN_SQUARE
      case .relu: NN_RELU
      case .floor: NN_FLOOR
      case .ceil: NN_CEIL
      case .round: NN_ROUND
      case .trunc: NN_TRUNC
      case .exp: NN_EXP
      case .expm1: NN_EXPM1
      case .log: NN_LOG
      case .log1p: NN_LOG1P
      case .log2: NN_LOG2
      case .log10: NN_LOG10
      case .sqrt: NN_SQRT
      case .rsqrt: NN_RSQRT
      case .reciprocal: NN_RECIPROCAL
      case .sin: NN_SIN
      case .cos: NN_COS
      case .tan: NN_TAN
      case .asin: NN_ASIN
      case .acos: NN_ACOS
      case .atan: NN_ATAN
      case .sinh: NN_SINH
      case .cosh: NN_COSH
      case .tanh: NN_TANH
      case .sigmoid: NN_SIGMOID
      case .erf: NN_ERF
      case .erfinv: NN_ERFINV
      case .softplus: NN_SOFTPLUS
      }
    return Int32(op.rawValue)
  }
}

extension BinaryOp {
  var kernelNumber: Int32 {
    let op =
      switch self {
      case .add: NN_ADD
      case .sub: NN_SUB
      case .mul: NN_MUL
      case .div: NN_DIV
      case .floorDiv: NN_FLOOR_DIV
      case .truncDiv: NN_TRUNC_DIV
      case .fmod: NN_FMOD
      case .remainder: NN_REMAINDER
      case .maximum: NN_MAXIMUM
      case .minimum: NN_MINIMUM
      case .pow: NN_POW
      case .atan2: NN_ATAN2
      }
    return Int32(op.rawValue)
  }
}

extension CompareOp {
  var kernelNumber: Int32 {
    let op =
      switch self {
      case .eq: NN_EQ
      case .ne: NN_NE
      case .lt: NN_LT
      case .le: NN_LE
      case .gt: NN_GT
      case .ge: NN_GE
      }
    return Int32(op.rawValue)
  }
}

extension ReduceOp {
  var kernelNumber: Int32 {
    let op =
      switch self {
      case .sum: NN_SUM
      case .prod: NN_PROD
      case .max: NN_MAX
      case .min: NN_MIN
      }
    return Int32(op.rawValue)
  }
}

/// An activation function as its kernels take it: a number, and up to three parameters.
struct KernelActivation {
  let number: Int32
  private(set) var a = 0.0
  private(set) var b = 0.0
  private(set) var c = 0.0

  /// Nil if there is no kernel of the function's name.
  init?(_ function: Activation) {
    number = function.name.withUTF8Buffer { _ in
      nn_activation_number(UnsafeRawPointer(function.name.utf8Start).assumingMemoryBound(to: CChar.self))
    }
    if number < 0 { return nil }
    for (place, parameter) in function.parameters.enumerated() {
      switch place {
      case 0: a = parameter.value
      case 1: b = parameter.value
      default: c = parameter.value
      }
    }
  }
}
