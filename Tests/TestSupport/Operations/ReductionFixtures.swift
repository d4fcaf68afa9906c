import NNCore

private typealias Operation = @Sendable (FixtureInputs, Arguments) throws -> [Tensor]

private func reduction(
  _ body: @escaping @Sendable (_ x: Tensor, _ axes: [Int], _ keepDim: Bool) throws -> Tensor
) -> Operation {
  { c, a in try [body(c["x"], a.ints("dim", []), a.bool("keepdim"))] }
}

/// Values with their places along one axis; over all elements without one.
private func selection(
  _ body: @escaping @Sendable (_ x: Tensor, _ axis: Int, _ keepDim: Bool) -> (Tensor, Tensor),
  _ all: @escaping @Sendable (Tensor) -> Tensor
) -> Operation {
  { c, a in
    let x = try c["x"]
    guard let axis = try a.optionalInt("dim") else { return [all(x)] }
    let (values, indices) = try body(x, axis, a.bool("keepdim"))
    return [values, indices]
  }
}

/// What is taken away from the count of elements: `unbiased` is PyTorch's older name for 1 and 0.
private func correction(_ a: Arguments) throws -> Double {
  try a.contains("unbiased") ? (a.bool("unbiased", true) ? 1 : 0) : a.double("correction", 1)
}

private func variance(_ x: Tensor, _ a: Arguments) throws -> Tensor {
  try x.variance(a.ints("dim", []), correction: correction(a), keepDim: a.bool("keepdim"))
}

/// Reductions, running sums and sorting.
package let reductionFixtures: FixtureTable = [
  "sum": reduction { $0.sum($1, keepDim: $2) }, "int_sum": reduction { $0.sum($1, keepDim: $2) },
  "mean": reduction { $0.mean($1, keepDim: $2) }, "prod": reduction { $0.prod($1, keepDim: $2) },
  "amax": reduction { $0.amax($1, keepDim: $2) }, "amin": reduction { $0.amin($1, keepDim: $2) },
  "any": reduction { $0.any($1, keepDim: $2) }, "all": reduction { $0.all($1, keepDim: $2) },
  "logsumexp": reduction { $0.logsumexp($1, keepDim: $2) },
  "count_nonzero": { c, a in try [c["x"].countNonzero(a.ints("dim", []))] },
  "max_all": { c, _ in try [c["x"].max()] }, "min_all": { c, _ in try [c["x"].min()] },
  "max": selection({ $0.max($1, keepDim: $2) }) { $0.max() },
  "min": selection({ $0.min($1, keepDim: $2) }) { $0.min() },
  "median": selection({ $0.median($1, keepDim: $2) }) { $0.reshape([-1]).median(0).values },
  "aminmax": { c, a in
    let (axes, keepDim) = try (a.ints("dim", []), a.bool("keepdim"))
    return try [c["x"].amin(axes, keepDim: keepDim), c["x"].amax(axes, keepDim: keepDim)]
  },
  "argmax": { c, a in try [c["x"].argmax(a.optionalInt("dim"), keepDim: a.bool("keepdim"))] },
  "argmin": { c, a in try [c["x"].argmin(a.optionalInt("dim"), keepDim: a.bool("keepdim"))] },
  "var": { c, a in try [variance(c["x"], a)] },
  "std": { c, a in
    try [c["x"].std(a.ints("dim", []), correction: correction(a), keepDim: a.bool("keepdim"))]
  },
  "var_mean": { c, a in
    try [variance(c["x"], a), c["x"].mean(a.ints("dim", []), keepDim: a.bool("keepdim"))]
  },
  "norm": { c, a in
    try [c["x"].norm(a.double("p"), a.ints("dim", []), keepDim: a.bool("keepdim"))]
  },
  "kthvalue": { c, a in
    let (values, indices) = try c["x"].kthvalue(
      a.int("k"), axis: a.int("dim", -1), keepDim: a.bool("keepdim"))
    return [values, indices]
  },
  "cumsum": { c, a in try [c["x"].cumsum(a.int("dim"))] },
  "cumprod": { c, a in try [c["x"].cumprod(a.int("dim"))] },
  "sort": { c, a in
    // Ours is always stable.
    a.ignore("stable")
    let (values, indices) = try c["x"].sort(a.int("dim", -1), descending: a.bool("descending"))
    return [values, indices]
  },
  "argsort": { c, a in
    a.ignore("stable")
    return try [c["x"].argsort(a.int("dim", -1), descending: a.bool("descending"))]
  },
  "topk": { c, a in
    // Ours are always sorted, which PyTorch leaves open without `sorted`.
    a.ignore("sorted")
    let (values, indices) = try c["x"].topk(
      a.int("k"), axis: a.int("dim", -1), largest: a.bool("largest", true))
    return [values, indices]
  },
]
