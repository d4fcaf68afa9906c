import NNCore

/// Arithmetic with two operands, and with numbers.
package let arithmeticFixtures: FixtureTable = [
  "add": { c, a in try [c["x"] + scaled(c["y"], a)] },
  "sub": { c, a in try [c["x"] - scaled(c["y"], a)] },
  "mul": { c, _ in try [c["x"] * c["y"]] },
  "div": { c, a in try [quotient(c["x"], c["y"], a)] },
  "maximum": { c, _ in try [c["x"].maximum(c["y"])] },
  "minimum": { c, _ in try [c["x"].minimum(c["y"])] },
  "pow": { c, _ in try [c["x"].pow(c["y"])] },
  "int_div": { c, a in try [quotient(c["x"], c["y"], a)] },
  "int_truediv": { c, _ in try [(c["x"] / c["y"]).to(c.dtype)] },
  "fmod": { c, _ in try [c["x"].fmod(c["y"])] },
  "remainder": { c, _ in try [c["x"].remainder(c["y"])] },
  "atan2": { c, _ in try [c["x"].atan2(c["y"])] },
  "add_scalar": { c, a in try [c["x"] + a.double("other") * a.double("alpha", 1)] },
  "sub_scalar": { c, a in try [c["x"] - a.double("other") * a.double("alpha", 1)] },
  "mul_scalar": { c, a in try [c["x"] * a.double("other")] },
  "div_scalar": { c, a in try [quotient(c["x"], Tensor(a.double("other"), dtype: c.dtype), a)] },
  "fmod_scalar": { c, a in try [c["x"].fmod(a.double("other"))] },
  "remainder_scalar": { c, a in try [c["x"].remainder(a.double("other"))] },
  "rsub_scalar": { c, a in try [a.double("other") - c["x"]] },
  "rdiv_scalar": { c, a in try [a.double("other") / c["x"]] },
  "pow_scalar": { c, a in try [c["x"].pow(a.double("other"))] },
  "rpow_scalar": { c, a in try [Tensor(a.double("base")).pow(c["x"])] },
  "lerp": { c, a in
    try [
      c.optional("weight").map { try c["x"].lerp(c["y"], weight: $0) }
        ?? c["x"].lerp(c["y"], weight: a.double("weight"))
    ]
  },
]

private func scaled(_ y: Tensor, _ a: Arguments) throws -> Tensor {
  try a.optionalDouble("alpha").map { y * $0 } ?? y
}

private func quotient(_ x: Tensor, _ y: Tensor, _ a: Arguments) throws -> Tensor {
  switch try a.optionalString("rounding_mode") {
  case nil: x / y
  case "floor": x.div(y, rounding: .floor)
  case "trunc": x.div(y, rounding: .trunc)
  case let mode?: throw FixtureError("argument rounding_mode: '\(mode)' is not supported")
  }
}
