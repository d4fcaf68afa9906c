import NNCore

private typealias Operation = @Sendable (FixtureInputs, Arguments) throws -> [Tensor]

private func unary(_ body: @escaping @Sendable (Tensor) -> Tensor) -> Operation {
  { c, a in
    // The values are the same in place.
    a.ignore("inplace")
    return try [body(c["x"])]
  }
}

private func unary(_ body: @escaping @Sendable (Tensor, Arguments) throws -> Tensor) -> Operation {
  { c, a in
    a.ignore("inplace")
    return try [body(c["x"], a)]
  }
}

private func binary(_ body: @escaping @Sendable (Tensor, Tensor) -> Tensor) -> Operation {
  { c, _ in try [body(c["x"], c["y"])] }
}

private func comparison(_ body: @escaping @Sendable (Tensor, Double) -> Tensor) -> Operation {
  { c, a in try [body(c["x"], a.double("other"))] }
}

/// Elementary functions, comparisons, logic and masks.
package let elementwiseFixtures: FixtureTable = [
  "neg": unary { -$0 }, "abs": unary { $0.abs() }, "exp": unary { $0.exp() }, "expm1": unary { $0.expm1() },
  "square": unary { $0.square() }, "sin": unary { $0.sin() }, "cos": unary { $0.cos() },
  "tan": unary { $0.tan() }, "atan": unary { $0.atan() }, "tanh": unary { $0.tanh() },
  "sigmoid": unary { $0.sigmoid() }, "erf": unary { $0.erf() }, "sign": unary { $0.sign() },
  "floor": unary { $0.floor() }, "ceil": unary { $0.ceil() },
  "round": unary { x, a in try x.round(decimals: a.int("decimals", 0)) },
  "trunc": unary { $0.trunc() }, "log": unary { $0.log() }, "log1p": unary { $0.log1p() },
  "log2": unary { $0.log2() }, "log10": unary { $0.log10() }, "sqrt": unary { $0.sqrt() },
  "rsqrt": unary { $0.rsqrt() }, "reciprocal": unary { $0.reciprocal() },
  "isnan": unary { $0.isNaN() }, "isinf": unary { $0.isInfinite() }, "isfinite": unary { $0.isFinite() },
  "nan_to_num": unary { x, a in
    try x.nanToNum(
      nan: a.double("nan", 0), positiveInfinity: a.optionalDouble("posinf"),
      negativeInfinity: a.optionalDouble("neginf"))
  },
  "clamp": unary { x, a in try x.clamp(min: a.optionalDouble("min"), max: a.optionalDouble("max")) },
  "eq": binary { $0 .== $1 }, "ne": binary { $0 .!= $1 }, "lt": binary { $0 .< $1 },
  "le": binary { $0 .<= $1 }, "gt": binary { $0 .> $1 }, "ge": binary { $0 .>= $1 },
  "eq_scalar": comparison { $0 .== $1 }, "ne_scalar": comparison { $0 .!= $1 },
  "lt_scalar": comparison { $0 .< $1 }, "le_scalar": comparison { $0 .<= $1 },
  "gt_scalar": comparison { $0 .> $1 }, "ge_scalar": comparison { $0 .>= $1 },
  "logical_and": binary { $0 .&& $1 }, "logical_or": binary { $0 .|| $1 },
  "logical_xor": binary { $0.logicalXor($1) }, "logical_not": unary { $0.logicalNot() },
  "where": { c, _ in try [`where`(c["cond"], c["x"], c["y"])] },
  "masked_fill": { c, a in try [c["x"].maskedFill(c["mask"], with: a.double("value"))] },
  "masked_select": { c, _ in try [c["x"].maskedSelect(c["mask"])] },
]

/// Activation functions.
package let activationFixtures: FixtureTable = [
  "relu": unary { $0.relu() }, "relu6": unary { $0.relu6() }, "selu": unary { $0.selu() },
  "elu": unary { x, a in try x.elu(alpha: a.double("alpha", 1)) },
  "celu": unary { x, a in try x.celu(alpha: a.double("alpha", 1)) },
  "silu": unary { $0.silu() }, "mish": unary { $0.mish() },
  "softplus": unary { x, a in
    try x.softplus(beta: a.double("beta", 1), threshold: a.double("threshold", 20))
  },
  "softsign": unary { $0.softsign() }, "logsigmoid": unary { $0.logSigmoid() },
  "hardswish": unary { $0.hardswish() }, "hardsigmoid": unary { $0.hardsigmoid() },
  "hardtanh": unary { x, a in
    try x.hardtanh(minimum: a.double("min_val", -1), maximum: a.double("max_val", 1))
  },
  "tanhshrink": unary { $0.tanhshrink() },
  "softshrink": unary { x, a in try x.softshrink(lambda: a.double("lambd", 0.5)) },
  "hardshrink": unary { x, a in try x.hardshrink(lambda: a.double("lambd", 0.5)) },
  "gelu": unary { x, a in
    try x.gelu(approximate: a.choice("approximate", "none", ["none": .none, "tanh": .tanh]))
  },
  "leaky_relu": unary { x, a in try x.leakyRelu(negativeSlope: a.double("negative_slope", 0.01)) },
  "threshold": unary { x, a in try x.threshold(a.double("threshold"), value: a.double("value")) },
  "prelu": { c, _ in try [c["x"].prelu(c["weight"])] },
  "glu": unary { x, a in try x.glu(a.int("dim", -1)) },
  "softmax": unary { x, a in try x.softmax(a.int("dim")) },
  "log_softmax": unary { x, a in try x.logSoftmax(a.int("dim")) },
  "softmax_xent_by_hand": binary { -($0.logSoftmax(1) * $1.softmax(1)).sum(1).mean() },
  "normalize": unary { x, a in
    try x.normalize(p: a.double("p", 2), a.ints("dim", [1]), epsilon: a.double("eps", 1e-12))
  },
  "cosine_similarity": { c, a in
    try [c["x"].cosineSimilarity(c["y"], a.int("dim", 1), epsilon: a.double("eps", 1e-8))]
  },
]
