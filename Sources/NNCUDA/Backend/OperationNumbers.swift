import CCUDAKernels
import NNCore

// The numbers by which the kernels know operations; see operations.h.

extension UnaryOp {
  /// The number, and whether it is one of the kernels that need many registers.
  var cudaNumber: (number: Int32, isCostly: Bool) {
    let (op, isCostly) =
      switch self {
      case .neg: (NN_CUDA_NEG, false)
      case .abs: (NN_CUDA_ABS, false)
      case .sign: (NN_CUDA_SIGN, false)
      case .square: (NN_CUDA_SQUARE, false)
      case .relu: (NN_CUDA_RELU, false)
      case .floor: (NN_CUDA_FLOOR, false)
      case .ceil: (NN_CUDA_CEIL, false)
      case .round: (NN_CUDA_ROUND, false)
      case .trunc: (NN_CUDA_TRUNC, false)
      case .exp: (NN_CUDA_EXP, true)
      case .expm1: (NN_CUDA_EXPM1, true)
      case .log: (NN_CUDA_LOG, true)
      case .log1p: (NN_CUDA_LOG1P, true)
      case .log2: (NN_CUDA_LOG2, true)
      case .log10: (NN_CUDA_LOG10, true)
      case .sqrt: (NN_CUDA_SQRT, false)
      case .rsqrt: (NN_CUDA_RSQRT, false)
      case .reciprocal: (NN_CUDA_RECIPROCAL, false)
      case .sin: (NN_CUDA_SIN, true)
      case .cos: (NN_CUDA_COS, true)
      case .tan: (NN_CUDA_TAN, true)
      case .asin: (NN_CUDA_ASIN, true)
      case .acos: (NN_CUDA_ACOS, true)
      case .atan: (NN_CUDA_ATAN, true)
      case .sinh: (NN_CUDA_SINH, true)
      case .cosh: (NN_CUDA_COSH, true)
      case .tanh: (NN_CUDA_TANH, true)
      case .sigmoid: (NN_CUDA_SIGMOID, true)
      case .erf: (NN_CUDA_ERF, true)
      case .erfinv: (NN_CUDA_ERFINV, true)
      case .softplus: (NN_CUDA_SOFTPLUS, true)
      }
    return (Int32(op.rawValue), isCostly)
  }

  /// Whether it changes whole numbers.
  var changesIntegers: Bool {
    switch self {
    case .neg, .abs, .sign, .square, .relu: true
    default: false
    }
  }
}

extension BinaryOp {
  var cudaNumber: (number: Int32, isCostly: Bool) {
    let (op, isCostly) =
      switch self {
      case .add: (NN_CUDA_ADD, false)
      case .sub: (NN_CUDA_SUB, false)
      case .mul: (NN_CUDA_MUL, false)
      case .div: (NN_CUDA_DIV, false)
      case .floorDiv: (NN_CUDA_FLOOR_DIV, true)
      case .truncDiv: (NN_CUDA_TRUNC_DIV, true)
      case .fmod: (NN_CUDA_FMOD, true)
      case .remainder: (NN_CUDA_REMAINDER, true)
      case .maximum: (NN_CUDA_MAXIMUM, false)
      case .minimum: (NN_CUDA_MINIMUM, false)
      case .pow: (NN_CUDA_POW, true)
      case .atan2: (NN_CUDA_ATAN2, true)
      }
    return (Int32(op.rawValue), isCostly)
  }
}

extension CompareOp {
  var cudaNumber: Int32 {
    let op =
      switch self {
      case .eq: NN_CUDA_EQ
      case .ne: NN_CUDA_NE
      case .lt: NN_CUDA_LT
      case .le: NN_CUDA_LE
      case .gt: NN_CUDA_GT
      case .ge: NN_CUDA_GE
      }
    return Int32(op.rawValue)
  }
}

extension ReduceOp {
  var cudaNumber: Int32 {
    let op =
      switch self {
      case .sum: NN_CUDA_SUM
      case .prod: NN_CUDA_PROD
      case .max: NN_CUDA_MAX
      case .min: NN_CUDA_MIN
      }
    return Int32(op.rawValue)
  }
}
