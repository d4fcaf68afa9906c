import NNCore
import TestSupport

/// Entries of a subscript from the manifest: an integer, or [start, stop] or [start, stop, step] with nulls.
private func indices(_ c: FixtureInputs) -> [AnyTensorIndex] {
  (c.argument("slices")?.elements ?? []).map { entry in
    guard case .array(let parts) = entry else { return .element(entry.int) }
    func bound(_ place: Int) -> Int? { parts[place].isNull ? nil : parts[place].int }
    return .range(start: bound(0), end: bound(1), step: parts.count > 2 ? parts[2].int : 1)
  }
}

private func part(_ x: Tensor, _ i: [AnyTensorIndex]) -> Tensor { i.count == 1 ? x[i[0]] : x[i[0], i[1]] }

/// Views, rearrangements, picking and placing, padding, and creation.
let shapeFixtures: FixtureTable = [
  "reshape": { c in [c["x"].reshape(c.ints("shape"))] },
  "transpose_reshape": { c in [c["x"].transpose(c.int("dim0"), c.int("dim1")).reshape(c.ints("shape"))] },
  "permute_contiguous_view": { c in [c["x"].permute(c.ints("dims")).contiguous().reshape(c.ints("shape"))] },
  "permute": { c in [c["x"].permute(c.ints("dims"))] },
  "transpose": { c in [c["x"].transpose(c.int("dim0"), c.int("dim1"))] },
  "t": { c in [c["x"].t] },
  "movedim": { c in [c["x"].movedim(c.int("source"), c.int("destination"))] },
  "squeeze": { c in [c.argument("dim").map { c["x"].squeeze($0.int) } ?? c["x"].squeeze()] },
  "unsqueeze": { c in [c["x"].unsqueeze(c.int("dim"))] },
  "flatten": { c in [c["x"].flatten(from: c.int("start_dim"), to: c.int("end_dim", -1))] },
  "unflatten": { c in [c["x"].unflatten(c.int("dim"), sizes: c.ints("sizes"))] },
  "narrow": { c in [c["x"].narrow(c.int("dim"), start: c.int("start"), length: c.int("length"))] },
  "select": { c in [c["x"].select(c.int("dim"), index: c.int("index"))] },
  "slice": { c in [part(c["x"], indices(c))] },
  "slice_assign": { c in
    let i = indices(c)
    var y = c["x"] * 1
    if i.count == 1 { y[i[0]] = c["value"] } else { y[i[0], i[1]] = c["value"] }
    return [y]
  },
  "cat": { c in [cat(c.list, axis: c.int("dim"))] },
  "stack": { c in [stack(c.list, axis: c.int("dim"))] },
  "split": { c in
    let sizes = c.ints("split_size_or_sections")
    let axis = c.int("dim")
    return sizes.count == 1 ? c["x"].split(sizes[0], axis: axis) : c["x"].split(sizes, axis: axis)
  },
  "chunk": { c in c["x"].chunk(c.int("chunks"), axis: c.int("dim")) },
  "unbind": { c in c["x"].unbind(c.int("dim")) },
  "expand": { c in [c["x"].expand(c.ints("size"))] },
  "repeat": { c in [c["x"].tile(c.ints("repeats"))] },
  "tile": { c in [c["x"].tile(c.ints("dims"))] },
  "repeat_interleave": { c in [c["x"].repeatInterleave(c.int("repeats"), axis: c.int("dim"))] },
  "gather": { c in [c["x"].gather(c.int("dim"), index: c["index"])] },
  "take_along_dim": { c in [c["x"].takeAlongAxis(c["index"], c.int("dim"))] },
  "index_select": { c in [c["x"].indexSelect(c.int("dim"), index: c["index"])] },
  "index": { c in [c["x"][c["index"]]] },
  "index2": { c in [c["x"][c["i0"], c["i1"]]] },
  "scatter_add": { c in [c["x"].scatterAdd(c.int("dim"), index: c["index"], source: c["src"])] },
  "scatter": { c in [c["x"].scatter(c.int("dim"), index: c["index"], source: c["src"])] },
  "index_add": { c in [c["x"].indexAdd(c.int("dim"), index: c["index"], source: c["src"])] },
  "pad": { c in
    let mode = PaddingMode(rawValue: c.string("mode", "constant")) ?? .constant
    return [c["x"].pad(c.ints("pad"), mode: mode, value: c.double("value"))]
  },
  "flip": { c in [c["x"].flip(c.ints("dims"))] },
  "roll": { c in [c["x"].roll(c.ints("shifts"), axes: c.ints("dims"))] },
  "rot90": { c in [c["x"].rot90(c.int("k"), axes: c.pair("dims"))] },
  "tril": { c in [c["x"].tril(c.int("diagonal"))] },
  "triu": { c in [c["x"].triu(c.int("diagonal"))] },
  "diagonal": { c in [c["x"].diagonal(offset: c.int("offset"))] },
  "nonzero": { c in [c["x"].nonzero()] },
  "one_hot": { c in [c["x"].oneHot(c.int("num_classes"))] },
  "bincount": { c in [c["x"].bincount(minLength: c.int("minlength"))] },
  "arange": { c in
    [Tensor.arange(c.double("start"), c.double("end"), step: c.double("step"), dtype: c.dtype)]
  },
  "linspace": { c in
    [Tensor.linspace(c.double("start"), c.double("end"), count: c.int("steps"), dtype: c.dtype)]
  },
  "eye": { c in [Tensor.eye(c.int("n"), c.int("m"), dtype: c.dtype)] },
  "graph_reuse": { c in [(c["x"] * c["x"] + c["x"]).sum(1) * c["x"][.all, 0]] },
  "graph_detach": { c in [c["x"] * c["x"].detach() + c["x"]] },
  "graph_inplace": { c in
    var y = c["x"].sin()
    y *= 2
    y[.all, 1] += c["y"]
    y += c["x"]
    return [y]
  },
]
