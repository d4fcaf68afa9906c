"""Operations on bfloat16 tensors, as PyTorch rounds them on the CPU: the other cases know nothing of rounding."""

import torch

import layers
import ops
from golden import Folder, fixed, made, plain


def cases():
    x = fixed
    for op in ("exp", "log1p", "sqrt", "sigmoid", "tanh", "relu", "gelu", "silu"):
        yield ops.body(op), op, dict(x=x(5, 9, lo=0.1 if op in ("log1p", "sqrt") else -3, hi=3)), {}
    for op in ("add", "sub", "mul", "div"):
        yield ops.body(op), op, dict(x=x(5, 11), y=x(11, lo=0.5)), {}
    for other in (0.1, -3.7):
        yield ops.body("mul_scalar"), "mul_scalar", dict(x=x(40)), dict(other=other)
        yield ops.body("add_scalar"), "add_scalar", dict(x=x(40)), dict(other=other)
    for op in ("sum", "mean", "amax"):
        yield ops.body(op), op, dict(x=x(6, 300, lo=0)), dict(dim=[1], keepdim=False)
    yield ops.body("softmax"), "softmax", dict(x=x(6, 40)), dict(dim=-1)
    yield ops.body("matmul"), "matmul", dict(x=x(9, 33), y=x(33, 7)), {}
    for op, sizes, arguments in (
        ("linear", dict(x=x(4, 30), weight=x(5, 30), bias=x(5)), {}),
        ("conv2d", dict(x=x(2, 3, 9, 8), weight=x(4, 3, 3, 3), bias=x(4)), dict(padding=1)),
        ("conv2d", dict(x=x(2, 4, 7, 7), weight=x(6, 2, 3, 3)), dict(stride=2, groups=2)),
    ):
        yield layers.BODIES[op], op, sizes, arguments


def write():
    # A unit in the last place where sums are rounded in another order.
    folder = Folder("NNCoreTests/Fixtures/bfloat16", "bfloat16", rtol=2**-7, atol=2**-8)
    for body, op, inputs, arguments in cases():
        case = folder.name(op)
        values = {}
        for name, spec in inputs.items():
            values[name] = made(spec, f"bfloat16/{case}/{name}")[0].bfloat16()
            folder.put(f"{case}/in.{name}", values[name].float())
        result = body(values, **arguments)
        assert result.dtype == torch.bfloat16, op
        folder.put(f"{case}/out", result.float())
        folder.cases.append({
            "id": case, "op": op, "kwargs": {name: plain(value) for name, value in arguments.items()},
            "inputs": {name: folder.described(f"{case}/in.{name}") for name in inputs},
            "outputs": {"out": folder.described(f"{case}/out")},
        })
    folder.save()
