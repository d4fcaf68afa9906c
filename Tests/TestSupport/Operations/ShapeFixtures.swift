import NNCore

/// Entries of a subscript from the manifest: an integer, null for a new dimension, or [start, stop] or
/// [start, stop, step] with nulls.
private func indices(_ a: Arguments) throws -> [AnyTensorIndex] {
  try a.elements("slices").map { entry in
    if entry.isNull { return .newDimension }
    if let place = entry.int { return .element(place) }
    guard let parts = entry.elements, (1...3).contains(parts.count),
      parts.allSatisfy({ $0.isNull || $0.int != nil })
    else { throw FixtureError("argument slices: expected integers or [start, stop, step], found \(entry)") }
    // As Python's slice(stop), slice(start, stop) and slice(start, stop, step).
    if parts.count == 1 { return .range(start: nil, end: parts[0].int, step: 1) }
    return .range(start: parts[0].int, end: parts[1].int, step: parts.count > 2 ? parts[2].int ?? 1 : 1)
  }
}

private func transposed(_ x: Tensor, _ a: Arguments) throws -> Tensor {
  try x.transpose(a.int("dim0"), a.int("dim1"))
}

private func plane(_ a: Arguments) throws -> (Int, Int) {
  let axes = try a.ints("dims", [0, 1])
  guard axes.count == 2 else { throw FixtureError("argument dims: expected two axes, found \(axes)") }
  return (axes[0], axes[1])
}

/// Views, rearrangements, padding, and creation.
package let shapeFixtures: FixtureTable = [
  "reshape": { c, a in try [c["x"].reshape(a.ints("shape"))] },
  "transpose_reshape": { c, a in try [transposed(c["x"], a).reshape(a.ints("shape"))] },
  "permute_contiguous_view": { c, a in
    try [c["x"].permute(a.ints("dims")).contiguous().reshape(a.ints("shape"))]
  },
  "permute": { c, a in try [c["x"].permute(a.ints("dims"))] },
  "transpose": { c, a in try [transposed(c["x"], a)] },
  "t": { c, _ in try [c["x"].t] },
  "movedim": { c, a in try [c["x"].movedim(a.ints("source"), a.ints("destination"))] },
  "squeeze": { c, a in try [a.optionalInts("dim").map { try c["x"].squeeze($0) } ?? c["x"].squeeze()] },
  "unsqueeze": { c, a in try [c["x"].unsqueeze(a.int("dim"))] },
  "flatten": { c, a in try [c["x"].flatten(from: a.int("start_dim", 0), to: a.int("end_dim", -1))] },
  "unflatten": { c, a in try [c["x"].unflatten(a.int("dim"), sizes: a.ints("sizes"))] },
  "narrow": { c, a in try [c["x"].narrow(a.int("dim"), start: a.int("start"), length: a.int("length"))] },
  "select": { c, a in try [c["x"].select(a.int("dim"), index: a.int("index"))] },
  "slice": { c, a in try [c["x"][indices(a)]] },
  "slice_assign": { c, a in
    var y = try c["x"] * 1
    y[try indices(a)] = try c["value"]
    return [y]
  },
  "cat": { c, a in try [cat(c.list, axis: a.int("dim", 0))] },
  "stack": { c, a in try [stack(c.list, axis: a.int("dim", 0))] },
  "split": { c, a in
    let axis = try a.int("dim", 0)
    if let size = a.value("split_size_or_sections")?.int { return try c["x"].split(size, axis: axis) }
    return try c["x"].split(a.ints("split_size_or_sections"), axis: axis)
  },
  "chunk": { c, a in try c["x"].chunk(a.int("chunks"), axis: a.int("dim", 0)) },
  "unbind": { c, a in try c["x"].unbind(a.int("dim", 0)) },
  "expand": { c, a in try [c["x"].expand(a.ints("size"))] },
  "repeat": { c, a in try [c["x"].tile(a.ints("repeats"))] },
  "tile": { c, a in try [c["x"].tile(a.ints("dims"))] },
  "repeat_interleave": { c, a in
    // Only helps PyTorch to know the size beforehand.
    a.ignore("output_size")
    return try [c["x"].repeatInterleave(a.int("repeats"), axis: a.optionalInt("dim"))]
  },
  "pad": { c, a in
    let modes = Dictionary(uniqueKeysWithValues: PaddingMode.allCases.map { ($0.rawValue, $0) })
    return try [
      c["x"].pad(a.ints("pad"), mode: a.choice("mode", "constant", modes), value: a.double("value", 0))
    ]
  },
  "flip": { c, a in try [c["x"].flip(a.ints("dims"))] },
  "roll": { c, a in try [c["x"].roll(a.ints("shifts"), axes: a.ints("dims", []))] },
  "rot90": { c, a in try [c["x"].rot90(a.int("k", 1), axes: plane(a))] },
  "tril": { c, a in try [c["x"].tril(a.int("diagonal", 0))] },
  "triu": { c, a in try [c["x"].triu(a.int("diagonal", 0))] },
  "diagonal": { c, a in
    try [c["x"].diagonal(offset: a.int("offset", 0), axes: (a.int("dim1", 0), a.int("dim2", 1)))]
  },
  "arange": { c, a in
    try [Tensor.arange(a.double("start", 0), a.double("end"), step: a.double("step", 1), dtype: c.dtype)]
  },
  "linspace": { c, a in
    try [Tensor.linspace(a.double("start"), a.double("end"), count: a.int("steps"), dtype: c.dtype)]
  },
  "eye": { c, a in try [Tensor.eye(a.int("n"), a.optionalInt("m"), dtype: c.dtype)] },
]

/// Elements picked and placed by tensors, counting, and small graphs.
package let indexingFixtures: FixtureTable = [
  "gather": { c, a in try [c["x"].gather(a.int("dim"), index: c["index"])] },
  "take_along_dim": { c, a in try [c["x"].takeAlongAxis(c["index"], a.int("dim"))] },
  "index_select": { c, a in try [c["x"].indexSelect(a.int("dim"), index: c["index"])] },
  "index": { c, _ in try [c["x"][c["index"]]] },
  "index2": { c, _ in try [c["x"][c["i0"], c["i1"]]] },
  "scatter_add": { c, a in try [c["x"].scatterAdd(a.int("dim"), index: c["index"], source: c["src"])] },
  "scatter": { c, a in try [c["x"].scatter(a.int("dim"), index: c["index"], source: c["src"])] },
  "index_add": { c, a in
    let source = try a.optionalDouble("alpha").map { try c["src"] * $0 } ?? c["src"]
    return try [c["x"].indexAdd(a.int("dim"), index: c["index"], source: source)]
  },
  "nonzero": { c, _ in try [c["x"].nonzero()] },
  "one_hot": { c, a in
    let count = try a.int("num_classes", -1)
    return try [c["x"].oneHot(count < 0 ? nil : count)]
  },
  "bincount": { c, a in try [c["x"].bincount(minLength: a.int("minlength", 0))] },
  "graph_reuse": { c, _ in try [(c["x"] * c["x"] + c["x"]).sum(1) * c["x"][.all, 0]] },
  "graph_detach": { c, _ in try [c["x"] * c["x"].detach() + c["x"]] },
  "graph_inplace": { c, _ in
    var y = try c["x"].sin()
    y *= 2
    y[.all, 1] += try c["y"]
    y += try c["x"]
    return [y]
  },
]
