"""Tensor operations: arguments that the cases of `ops` leave out."""

import math

import torch
import torch.nn.functional as F

from golden import Folder, fixed, flags, given, real, ties, whole

INF, NAN = math.inf, math.nan


def on_x(function):
    return lambda t, **arguments: function(t["x"], **arguments)


def on_both(function):
    return lambda t, **arguments: function(t["x"], t["y"], **arguments)


def listed(function):
    return lambda t, **arguments: function(list(t.values()), **arguments)


def part(slices):
    return tuple(slice(*entry) if isinstance(entry, list) else entry for entry in slices)


def assigned(t, slices):
    y = t["x"].clone()
    y[part(slices)] = t["value"]
    return y


SPECIAL = {
    "slice": lambda t, slices: t["x"][part(slices)],
    "slice_assign": assigned,
    "cat": listed(torch.cat), "stack": listed(torch.stack),
    "einsum": lambda t, equation: torch.einsum(equation, *t.values()),
    "addmm": lambda t, **k: torch.addmm(t["c"], t["x"], t["y"], **k),
    "norm": lambda t, p, **k: torch.linalg.vector_norm(t["x"], ord=p, **k),
    "expand": lambda t, size: t["x"].expand(size), "repeat": lambda t, repeats: t["x"].repeat(repeats),
    "gather": lambda t, dim: t["x"].gather(dim, t["index"]),
    "take_along_dim": lambda t, dim: torch.take_along_dim(t["x"], t["index"], dim),
    "index_select": lambda t, dim: t["x"].index_select(dim, t["index"]),
    "index": lambda t: t["x"][t["index"]], "index2": lambda t: t["x"][t["i0"], t["i1"]],
    "scatter": lambda t, dim: t["x"].scatter(dim, t["index"], t["src"]),
    "scatter_add": lambda t, dim: t["x"].scatter_add(dim, t["index"], t["src"]),
    "index_add": lambda t, dim, alpha=1: t["x"].index_add(dim, t["index"], t["src"], alpha=alpha),
    "masked_fill": lambda t, value: t["x"].masked_fill(t["mask"], value),
    "masked_select": lambda t: t["x"].masked_select(t["mask"]),
    "where": lambda t: torch.where(t["cond"], t["x"], t["y"]),
    "pad": on_x(F.pad), "prelu": lambda t: F.prelu(t["x"], t["weight"]),
    "one_hot": on_x(F.one_hot), "bincount": on_x(torch.bincount),
    "cosine_similarity": on_both(F.cosine_similarity), "normalize": on_x(F.normalize),
    "int_div": on_both(torch.div), "int_sum": on_x(torch.sum),
    "rsub_scalar": lambda t, other: other - t["x"], "rdiv_scalar": lambda t, other: other / t["x"],
    "rpow_scalar": lambda t, base: torch.pow(base, t["x"]),
    "arange": lambda t, **k: torch.arange(dtype=torch.float64, **k),
    "linspace": lambda t, **k: torch.linspace(dtype=torch.float64, **k),
    "eye": lambda t, **k: torch.eye(**k),
    "max_all": on_x(torch.max), "min_all": on_x(torch.min),
}
ACTIVATIONS = {
    "elu", "celu", "gelu", "softplus", "leaky_relu", "hardtanh", "threshold", "softshrink", "hardshrink", "glu",
    "relu6", "hardswish", "hardsigmoid", "silu", "mish", "selu", "logsigmoid", "softsign", "tanhshrink",
}
PAIRS = {
    "add", "sub", "mul", "div", "pow", "maximum", "minimum", "fmod", "remainder", "atan2", "lerp", "matmul", "bmm",
    "mv", "outer", "dot", "logical_and", "logical_xor", "eq", "lt", "ge",
}


def body(op):
    if op in SPECIAL:
        return SPECIAL[op]
    if op in ACTIVATIONS:
        return on_x(getattr(F, op))
    if op in PAIRS:
        return on_both(getattr(torch, op))
    if op.endswith("_scalar"):
        function = getattr(torch, op[: -len("_scalar")])
        return lambda t, other, **arguments: function(t["x"], other, **arguments)
    return on_x(getattr(torch, op))


def cases():
    x = real
    # Arithmetic
    yield "add", dict(x=x(2, 1, 3), y=x(4, 1)), dict(alpha=3)
    yield "add", dict(x=x(), y=x(2, 0)), {}
    yield "sub", dict(x=x(4), y=x(3, 1)), dict(alpha=-0.25)
    yield "div", dict(x=x(3, 2), y=fixed(2, lo=0.5, hi=2)), dict(rounding_mode=None)
    yield "div", dict(x=fixed(7, lo=-9, hi=9), y=fixed(7, lo=-3, hi=-0.7)), dict(rounding_mode="floor")
    yield "int_div", dict(x=whole(9, lo=-9, hi=9), y=whole(9, lo=-5, hi=-1)), dict(rounding_mode="trunc")
    yield "fmod", dict(x=x(5, lo=-9, hi=9), y=x(5, lo=1.3, hi=2)), {}
    yield "remainder", dict(x=x(5, lo=-9, hi=9), y=x(5, lo=1.3, hi=2)), {}
    yield "add_scalar", dict(x=x(3)), dict(other=2, alpha=0.5)
    yield "sub_scalar", dict(x=x(3)), dict(other=-1.5, alpha=2)
    yield "div_scalar", dict(x=x(2, 3)), dict(other=-0.4)
    yield "div_scalar", dict(x=fixed(6, lo=-9, hi=9)), dict(other=1.75, rounding_mode="floor")
    yield "div_scalar", dict(x=fixed(6, lo=-9, hi=9)), dict(other=-1.75, rounding_mode="trunc")
    yield "fmod_scalar", dict(x=x(8, lo=-9, hi=9)), dict(other=2.25)
    yield "remainder_scalar", dict(x=x(8, lo=-9, hi=9)), dict(other=-2.25)
    for exponent in (1.5, -3):
        yield "pow_scalar", dict(x=x(2, 3, lo=0.3, hi=2)), dict(other=exponent)
    yield "lerp", dict(x=x(3, 1), y=x(2)), dict(weight=1.75)
    # Elementary functions and activations
    for decimals in (0, 2, -1):
        yield "round", dict(x=x(6, lo=-99, hi=99)), dict(decimals=decimals)
    yield "clamp", dict(x=x(7)), dict(min=None, max=0.5)
    yield "clamp", dict(x=x(2, 0, 3)), dict(min=-1, max=1)
    yield "nan_to_num", dict(x=given([NAN, INF, -INF, 1.5])), dict(nan=-2.0, posinf=7.5, neginf=-0.5), True
    for op, arguments in (
        ("elu", dict(alpha=2.5, inplace=False)), ("celu", dict(alpha=0.4)), ("gelu", dict(approximate="tanh")),
        ("softplus", dict(beta=0.5)), ("softplus", dict(beta=3, threshold=2)), ("leaky_relu", dict(negative_slope=-0.3)),
        ("hardtanh", dict(min_val=-0.2)), ("hardtanh", dict(max_val=3.0)), ("threshold", dict(threshold=-0.5, value=2)),
        ("softshrink", dict(lambd=0.75)), ("hardshrink", dict(lambd=1.25)), ("softshrink", dict(lambd=0.0)),
        ("relu6", dict(inplace=False)),
    ):
        yield op, dict(x=x(3, 5, lo=-4, hi=4)), arguments
    yield "silu", dict(x=x()), {}
    yield "logsigmoid", dict(x=x(0)), {}
    yield "glu", dict(x=x(4, 2, 3)), dict(dim=0)
    yield "glu", dict(x=x(4, 2, 6)), {}
    yield "prelu", dict(x=x(5), weight=x(1)), {}
    yield "prelu", dict(x=x(2, 4), weight=x(4)), {}
    for op in ("softmax", "log_softmax"):
        yield op, dict(x=x(2, 3, 4)), dict(dim=-2)
        yield op, dict(x=x()), dict(dim=-1)
        yield op, dict(x=x(2, 0, 3)), dict(dim=2)
    yield "normalize", dict(x=x(2, 3, 4)), dict(p=1, dim=-1)
    yield "normalize", dict(x=x(2, 3, 4)), dict(p=3.0, dim=[1, 2])
    yield "normalize", dict(x=x(3, 4)), dict(p=2, eps=10.0)
    yield "cosine_similarity", dict(x=x(2, 3, 4), y=x(1, 3, 4)), dict(dim=-1)
    yield "cosine_similarity", dict(x=x(2, 3), y=x(2, 3)), dict(dim=0, eps=2.0)
    # Masks
    yield "masked_fill", dict(x=x(2, 3), mask=flags(3)), dict(value=-INF), True
    yield "masked_select", dict(x=x(2, 3), mask=flags(3)), {}
    yield "logical_xor", dict(x=whole(4, hi=2), y=whole(4, hi=2)), {}
    for op in ("eq_scalar", "ge_scalar"):
        yield op, dict(x=ties(6)), dict(other=-1)
    # Reductions
    for op in ("sum", "mean", "amax", "logsumexp"):
        yield op, dict(x=x(2, 3, 2)), dict(dim=[-1, 0], keepdim=True)
        yield op, dict(x=x(2, 3, 2)), dict(dim=-2)
    for op in ("prod", "any", "all"):
        yield op, dict(x=fixed(2, 0)), dict(dim=1, keepdim=True)
    for op in ("mean", "prod"):
        yield op, dict(x=x(5)), dict(dim=0, keepdim=True)
    yield "mean", dict(x=x(2, 2)), dict(dim=None)
    yield "amax", dict(x=x()), {}
    yield "int_sum", dict(x=whole(2, 3)), dict(dim=[0, 1], keepdim=True)
    yield "prod", dict(x=x(2, 3, 2)), dict(dim=-2, keepdim=True)
    yield "any", dict(x=flags(2, 3)), dict(dim=-1, keepdim=True)
    yield "all", dict(x=flags(2, 3, 2)), dict(dim=[0, 2])
    yield "count_nonzero", dict(x=ties(2, 3, 4)), dict(dim=[0, -1])
    yield "count_nonzero", dict(x=ties(2, 3)), {}
    for op in ("max", "min", "median"):
        yield op, dict(x=x(3, 5, 2)), dict(dim=-2, keepdim=True)
        yield op, dict(x=x(7)), {}
        yield op, dict(x=x()), dict(dim=0)
    yield "aminmax", dict(x=fixed(2, 3)), dict(dim=-1, keepdim=True)
    yield "aminmax", dict(x=fixed(2, 3)), {}
    for op in ("argmax", "argmin"):
        yield op, dict(x=fixed(3, 4)), dict(keepdim=True)
        yield op, dict(x=fixed(3, 4)), dict(dim=-2, keepdim=True)
    for op in ("var", "std"):
        yield op, dict(x=x(4, 3)), dict(dim=1, unbiased=False)
        yield op, dict(x=x(4, 3)), dict(dim=[0], unbiased=True, keepdim=True)
        yield op, dict(x=x(4, 3)), dict(dim=None, correction=0)
        yield op, dict(x=x(6)), dict(correction=3)
    yield "var_mean", dict(x=x(4, 3)), dict(dim=0, keepdim=True)
    yield "var_mean", dict(x=x(4, 3)), dict(correction=0)
    for p in (0, 0.5, INF, -INF):
        yield "norm", dict(x=fixed(2, 3, 4) if p == 0 else x(2, 3, 4)), dict(p=p, dim=[0, 2], keepdim=True)
    yield "norm", dict(x=x(5)), dict(p=4.0)
    yield "kthvalue", dict(x=x(2, 5, 3)), dict(k=4, dim=1, keepdim=True)
    yield "kthvalue", dict(x=x(5)), dict(k=1)
    for op in ("cumsum", "cumprod"):
        yield op, dict(x=x(2, 3, 4)), dict(dim=-2)
        yield op, dict(x=x()), dict(dim=0)
        yield op, dict(x=x(0, 3)), dict(dim=1)
    yield "sort", dict(x=x(2, 5, 3)), dict(dim=1, descending=True)
    yield "sort", dict(x=x(6)), {}
    yield "sort", dict(x=ties(4, 5)), dict(dim=0, descending=True, stable=True)
    yield "argsort", dict(x=ties(4, 6)), dict(dim=0, descending=True, stable=True)
    yield "argsort", dict(x=fixed(4)), {}
    yield "topk", dict(x=x(4, 3)), dict(k=3, dim=0, largest=False, sorted=True)
    yield "topk", dict(x=x(6)), dict(k=6)
    # Products
    yield "matmul", dict(x=x(3, 1, 2, 4), y=x(2, 4, 3)), {}
    yield "matmul", dict(x=x(2, 0, 4), y=x(4, 3)), {}
    yield "addmm", dict(c=x(3, 1), x=x(3, 4), y=x(4, 5)), dict(beta=-2, alpha=0.25)
    yield "addmm", dict(c=x(5), x=x(3, 4), y=x(4, 5)), dict(beta=0)
    for equation, shapes in (
        ("bij,kj->bik", ((2, 3, 4), (5, 4))), ("...i,...i->...", ((2, 3), (2, 3))), ("abc->cab", ((2, 3, 4),)),
        ("ij,ij,j->i", ((2, 3), (2, 3), (3,))), ("i,i", ((4,), (4,))), ("b...d,de->b...e", ((2, 3, 2, 4), (4, 3))),
    ):
        yield "einsum", {f"x{place}": x(*shape) for place, shape in enumerate(shapes)}, dict(equation=equation)
    # Shapes
    yield "reshape", dict(x=x(2, 0, 3)), dict(shape=[0, 6])
    yield "reshape", dict(x=x(1, 1)), dict(shape=[])
    yield "movedim", dict(x=x(2, 3, 4, 5)), dict(source=[0, 1], destination=[-1, 0])
    yield "movedim", dict(x=x(2, 3, 4)), dict(source=-1, destination=1)
    yield "squeeze", dict(x=x(1, 2, 1, 3, 1)), dict(dim=[0, 1, -1])
    yield "unsqueeze", dict(x=x()), dict(dim=-1)
    yield "unflatten", dict(x=x(6, 2)), dict(dim=0, sizes=[-1, 3])
    yield "narrow", dict(x=x(5, 3)), dict(dim=0, start=-3, length=2)
    for slices in (
        [[None, None, 2], 1, [-2, None]], [[1, None], [None, -1], [None, None, 3]], [-1, -1, -1], [None, [0, 1]],
        [[5, 9]], [1, None, [None, None]],
    ):
        yield "slice", dict(x=x(3, 4, 5)), dict(slices=slices)
    yield "slice_assign", dict(x=x(3, 4, 2), value=x(2)), dict(slices=[1, [None, None, 2]])
    yield "slice_assign", dict(x=x(3, 4), value=x()), dict(slices=[-1, 2])
    yield "cat", dict(x0=x(2, 3), x1=x(2, 0), x2=x(2, 1)), dict(dim=-1)
    yield "cat", dict(x0=x(2), x1=x(1)), {}
    yield "stack", dict(x0=x(2, 3), x1=x(2, 3)), dict(dim=-2)
    yield "split", dict(x=x(2, 5)), dict(split_size_or_sections=2, dim=-1)
    yield "split", dict(x=x(4)), dict(split_size_or_sections=[4])
    yield "split", dict(x=x(4, 1)), dict(split_size_or_sections=[0, 3, 1], dim=0)
    yield "chunk", dict(x=x(2, 5, 3)), dict(chunks=2, dim=-2)
    yield "unbind", dict(x=x(2, 3)), dict(dim=-1)
    yield "expand", dict(x=x(3, 1)), dict(size=[2, 0, 3, 4])
    yield "repeat", dict(x=x(2, 1)), dict(repeats=[3, 1, 2])
    yield "repeat_interleave", dict(x=x(2, 2)), dict(repeats=3)
    yield "repeat_interleave", dict(x=x(2, 3)), dict(repeats=2, dim=-2, output_size=4)
    for mode in ("reflect", "replicate", "circular"):
        yield "pad", dict(x=x(1, 2, 3, 4)), dict(pad=[1, 0, 2, 1], mode=mode)
    yield "pad", dict(x=x(2, 3)), dict(pad=[0, 0, 1, 2], mode="constant", value=-1.5)
    yield "pad", dict(x=x(2, 3)), dict(pad=[-1, 1, 1, -1], value=None)
    yield "flip", dict(x=x(2, 3)), dict(dims=[-1, -2])
    yield "roll", dict(x=x(2, 3, 2)), dict(shifts=[-4, 1], dims=[1, -1])
    yield "roll", dict(x=x(3, 2)), dict(shifts=[2])
    for k in (-1, 4):
        yield "rot90", dict(x=x(2, 3, 2)), dict(k=k, dims=[1, -1])
    yield "tril", dict(x=x(2, 3, 4)), dict(diagonal=2)
    yield "triu", dict(x=x(4, 3)), dict(diagonal=-2)
    yield "diagonal", dict(x=x(2, 4, 3)), dict(offset=-1, dim1=1, dim2=-1)
    yield "diagonal", dict(x=x(3, 2, 4)), dict(dim1=2, dim2=0)
    # Picking and placing
    yield "take_along_dim", dict(x=x(2, 3, 4), index=whole(1, 2, 4, hi=3)), dict(dim=-2)
    yield "index_select", dict(x=x(2, 3, 4), index=whole(5, hi=4)), dict(dim=-1)
    yield "index", dict(x=x(3, 2), index=flags(3, 2)), {}
    yield "index", dict(x=x(3, 2), index=whole(2, 1, 2, lo=-3, hi=3)), {}
    yield "index2", dict(x=x(3, 4, 2), i0=whole(2, 1, hi=3), i1=whole(3, lo=-4, hi=4)), {}
    yield "scatter", dict(x=x(4, 2), index=given([[3, 0], [1, 2]], torch.int64), src=x(2, 2)), dict(dim=0)
    yield "scatter_add", dict(x=x(2, 3, 2), index=whole(2, 4, 2, hi=3), src=x(2, 4, 2)), dict(dim=-2)
    yield "index_add", dict(x=x(2, 3), index=whole(5, hi=3), src=x(2, 5)), dict(dim=-1, alpha=-0.5)
    yield "nonzero", dict(x=fixed()), {}
    yield "nonzero", dict(x=given([0.0, 0.0], grad=False)), {}
    yield "one_hot", dict(x=whole(4, hi=3)), {}
    yield "one_hot", dict(x=whole(hi=3)), dict(num_classes=4)
    yield "bincount", dict(x=whole(9, hi=4)), {}
    # Creation
    yield "arange", {}, dict(start=0.5, end=-1.0, step=-0.25)
    yield "linspace", {}, dict(start=2, end=-2, steps=6)
    yield "eye", {}, dict(n=3)


def write():
    folder = Folder("NNCoreTests/Fixtures/ops-arguments", "ops")
    for op, inputs, arguments, *special in cases():
        folder.add(op, body(op), inputs, arguments, *special)
    folder.save()
