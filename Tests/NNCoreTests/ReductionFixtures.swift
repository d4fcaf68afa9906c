import NNCore
import TestSupport

private func reduction(
  _ body: @escaping @Sendable (_ x: Tensor, _ axes: [Int], _ keepDim: Bool) -> Tensor
) -> @Sendable (FixtureInputs) -> [Tensor] {
  { c in [body(c["x"], c.ints("dim"), c.bool("keepdim"))] }
}

/// Reductions, running sums and sorting.
let reductionFixtures: FixtureTable = [
  "sum": reduction { $0.sum($1, keepDim: $2) }, "int_sum": reduction { $0.sum($1, keepDim: $2) },
  "mean": reduction { $0.mean($1, keepDim: $2) }, "prod": reduction { $0.prod($1, keepDim: $2) },
  "amax": reduction { $0.amax($1, keepDim: $2) }, "amin": reduction { $0.amin($1, keepDim: $2) },
  "any": reduction { $0.any($1, keepDim: $2) }, "all": reduction { $0.all($1, keepDim: $2) },
  "logsumexp": reduction { $0.logsumexp($1, keepDim: $2) },
  "count_nonzero": reduction { x, axes, _ in x.countNonzero(axes) },
  "max_all": { c in [c["x"].max()] }, "min_all": { c in [c["x"].min()] },
  "max": { c in
    let (values, indices) = c["x"].max(c.int("dim"), keepDim: c.bool("keepdim"))
    return [values, indices]
  },
  "min": { c in
    let (values, indices) = c["x"].min(c.int("dim"), keepDim: c.bool("keepdim"))
    return [values, indices]
  },
  "aminmax": { c in [c["x"].amin(c.ints("dim")), c["x"].amax(c.ints("dim"))] },
  "argmax": { c in [c["x"].argmax(c.argument("dim")?.int, keepDim: c.bool("keepdim"))] },
  "argmin": { c in [c["x"].argmin(c.argument("dim")?.int, keepDim: c.bool("keepdim"))] },
  "var": { c in
    [c["x"].variance(c.ints("dim"), correction: c.double("correction", 1), keepDim: c.bool("keepdim"))]
  },
  "std": { c in
    [c["x"].std(c.ints("dim"), correction: c.double("correction", 1), keepDim: c.bool("keepdim"))]
  },
  "var_mean": { c in
    [
      c["x"].variance(c.ints("dim"), correction: c.double("correction", 1)),
      c["x"].mean(c.ints("dim")),
    ]
  },
  "norm": { c in [c["x"].norm(c.double("p"), c.ints("dim"))] },
  "median": { c in
    let (values, indices) = c["x"].median(c.int("dim"))
    return [values, indices]
  },
  "kthvalue": { c in
    let (values, indices) = c["x"].kthvalue(c.int("k"), axis: c.int("dim"))
    return [values, indices]
  },
  "cumsum": { c in [c["x"].cumsum(c.int("dim"))] },
  "cumprod": { c in [c["x"].cumprod(c.int("dim"))] },
  "sort": { c in
    let (values, indices) = c["x"].sort(c.int("dim"), descending: c.bool("descending"))
    return [values, indices]
  },
  "argsort": { c in [c["x"].argsort(c.int("dim"))] },
  "topk": { c in
    let (values, indices) = c["x"].topk(c.int("k"), axis: c.int("dim", -1), largest: c.bool("largest", true))
    return [values, indices]
  },
]
