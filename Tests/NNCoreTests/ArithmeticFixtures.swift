import NNCore
import TestSupport

/// Arithmetic with two operands, and with numbers.
let arithmeticFixtures: FixtureTable = [
  "add": { c in [c["x"] + (c.argument("alpha").map { c["y"] * $0.double } ?? c["y"])] },
  "sub": { c in [c["x"] - (c.argument("alpha").map { c["y"] * $0.double } ?? c["y"])] },
  "mul": { c in [c["x"] * c["y"]] },
  "div": { c in [c.argument("rounding_mode") == nil ? c["x"] / c["y"] : roundedQuotient(c)] },
  "maximum": { c in [c["x"].maximum(c["y"])] },
  "minimum": { c in [c["x"].minimum(c["y"])] },
  "pow": { c in [c["x"].pow(c["y"])] },
  "int_div": { c in [roundedQuotient(c)] },
  "int_truediv": { c in [(c["x"] / c["y"]).to(c.dtype)] },
  "fmod": { c in [c["x"].fmod(c["y"])] },
  "remainder": { c in [c["x"].remainder(c["y"])] },
  "atan2": { c in [c["x"].atan2(c["y"])] },
  "add_scalar": { c in [c["x"] + c.double("other")] },
  "sub_scalar": { c in [c["x"] - c.double("other")] },
  "mul_scalar": { c in [c["x"] * c.double("other")] },
  "div_scalar": { c in [c["x"] / c.double("other")] },
  "rsub_scalar": { c in [c.double("other") - c["x"]] },
  "rdiv_scalar": { c in [c.double("other") / c["x"]] },
  "pow_scalar": { c in [c["x"].pow(c.double("other"))] },
  "rpow_scalar": { c in [Tensor(c.double("base")).pow(c["x"])] },
  "lerp": { c in [c["x"].lerp(c["y"], weight: c.double("weight"))] },
]

private func roundedQuotient(_ c: FixtureInputs) -> Tensor {
  c["x"].div(c["y"], rounding: c.string("rounding_mode") == "floor" ? .floor : .trunc)
}
