import NNCore
import TestSupport

private func unary(_ body: @escaping @Sendable (Tensor) -> Tensor) -> @Sendable (FixtureInputs) -> [Tensor] {
  { c in [body(c["x"])] }
}

private func binary(
  _ body: @escaping @Sendable (Tensor, Tensor) -> Tensor
) -> @Sendable (FixtureInputs) -> [Tensor] {
  { c in [body(c["x"], c["y"])] }
}

/// Elementary functions, comparisons, logic and masks.
let elementwiseFixtures: FixtureTable = [
  "neg": unary { -$0 }, "abs": unary { $0.abs() }, "exp": unary { $0.exp() }, "expm1": unary { $0.expm1() },
  "square": unary { $0.square() }, "sin": unary { $0.sin() }, "cos": unary { $0.cos() },
  "tan": unary { $0.tan() }, "atan": unary { $0.atan() }, "tanh": unary { $0.tanh() },
  "sigmoid": unary { $0.sigmoid() }, "erf": unary { $0.erf() }, "sign": unary { $0.sign() },
  "floor": unary { $0.floor() }, "ceil": unary { $0.ceil() }, "round": unary { $0.round() },
  "trunc": unary { $0.trunc() }, "log": unary { $0.log() }, "log1p": unary { $0.log1p() },
  "log2": unary { $0.log2() }, "log10": unary { $0.log10() }, "sqrt": unary { $0.sqrt() },
  "rsqrt": unary { $0.rsqrt() }, "reciprocal": unary { $0.reciprocal() },
  "isnan": unary { $0.isNaN() }, "isinf": unary { $0.isInfinite() }, "isfinite": unary { $0.isFinite() },
  "nan_to_num": { c in
    [
      c["x"].nanToNum(
        nan: c.double("nan"), positiveInfinity: c.double("posinf"), negativeInfinity: c.double("neginf"))
    ]
  },
  "clamp": { c in [c["x"].clamp(min: c.argument("min")?.double, max: c.argument("max")?.double)] },
  "eq": binary { $0 .== $1 }, "ne": binary { $0 .!= $1 }, "lt": binary { $0 .< $1 },
  "le": binary { $0 .<= $1 }, "gt": binary { $0 .> $1 }, "ge": binary { $0 .>= $1 },
  "eq_scalar": { c in [c["x"] .== c.double("other")] }, "ne_scalar": { c in [c["x"] .!= c.double("other")] },
  "lt_scalar": { c in [c["x"] .< c.double("other")] }, "le_scalar": { c in [c["x"] .<= c.double("other")] },
  "gt_scalar": { c in [c["x"] .> c.double("other")] }, "ge_scalar": { c in [c["x"] .>= c.double("other")] },
  "logical_and": binary { $0 .&& $1 }, "logical_or": binary { $0 .|| $1 },
  "logical_xor": binary { $0.logicalXor($1) }, "logical_not": unary { $0.logicalNot() },
  "where": { c in [`where`(c["cond"], c["x"], c["y"])] },
  "masked_fill": { c in [c["x"].maskedFill(c["mask"], with: c.double("value"))] },
  "masked_select": { c in [c["x"].maskedSelect(c["mask"])] },
]

/// Activation functions.
let activationFixtures: FixtureTable = [
  "relu": unary { $0.relu() }, "relu6": unary { $0.relu6() }, "selu": unary { $0.selu() },
  "elu": { c in [c["x"].elu(alpha: c.double("alpha", 1))] },
  "celu": { c in [c["x"].celu(alpha: c.double("alpha", 1))] },
  "silu": unary { $0.silu() }, "mish": unary { $0.mish() },
  "softplus": { c in [c["x"].softplus(beta: c.double("beta", 1), threshold: c.double("threshold", 20))] },
  "softsign": unary { $0.softsign() }, "logsigmoid": unary { $0.logSigmoid() },
  "hardswish": unary { $0.hardswish() }, "hardsigmoid": unary { $0.hardsigmoid() },
  "hardtanh": { c in [c["x"].hardtanh(minimum: c.double("min_val", -1), maximum: c.double("max_val", 1))] },
  "tanhshrink": unary { $0.tanhshrink() }, "softshrink": unary { $0.softshrink() },
  "hardshrink": unary { $0.hardshrink() },
  "gelu": { c in [c["x"].gelu(approximate: c.string("approximate") == "tanh" ? .tanh : .none)] },
  "leaky_relu": { c in [c["x"].leakyRelu(negativeSlope: c.double("negative_slope", 0.01))] },
  "threshold": { c in [c["x"].threshold(c.double("threshold"), value: c.double("value"))] },
  "prelu": { c in [c["x"].prelu(c["weight"])] },
  "glu": { c in [c["x"].glu(c.int("dim", -1))] },
  "softmax": { c in [c["x"].softmax(c.int("dim"))] },
  "log_softmax": { c in [c["x"].logSoftmax(c.int("dim"))] },
  "softmax_xent_by_hand": binary { -($0.logSoftmax(1) * $1.softmax(1)).sum(1).mean() },
  "normalize": { c in [c["x"].normalize(p: c.double("p", 2), c.ints("dim", [1]))] },
  "cosine_similarity": { c in [c["x"].cosineSimilarity(c["y"], c.int("dim", 1))] },
]
