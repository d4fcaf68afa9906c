"""What the golden cases of all kinds share: inputs, evaluation in float64, and files.

A folder of cases is `manifest.json` and `<group>.safetensors`; see the README beside this file.
"""

import json
import math
import zlib
from pathlib import Path

import torch
from safetensors.torch import save_file

TESTS = Path(__file__).resolve().parent.parent


def real(*shape, lo=-2.0, hi=2.0, grad=True):
    """Uniform float32 numbers."""
    return ("real", shape, lo, hi, grad)


def fixed(*shape, lo=-2.0, hi=2.0):
    """Numbers whose gradient nobody asks for."""
    return real(*shape, lo=lo, hi=hi, grad=False)


def whole(*shape, lo=0, hi=5):
    """int64 in lo ..< hi."""
    return ("whole", shape, lo, hi, False)


def ties(*shape, lo=-2, hi=3):
    """Small integers as float32: equal ones among them."""
    return ("ties", shape, lo, hi, True)


def flags(*shape):
    return ("flags", shape, 0, 1, False)


def odds(*shape):
    """Rows (dimension 1) that add up to 1."""
    return ("odds", shape, 0, 1, False)


def given(values, dtype=torch.float32, grad=True):
    return ("given", values, dtype, None, grad and dtype == torch.float32)


def made(spec, key):
    kind, shape, lo, hi, grad = spec
    if kind == "given":
        return torch.tensor(shape, dtype=lo), grad
    source = torch.Generator().manual_seed(zlib.crc32(key.encode()))
    unit = torch.rand(shape, generator=source, dtype=torch.float64)
    if kind == "real":
        return (lo + (hi - lo) * unit).float(), grad
    if kind == "flags":
        return unit < 0.5, grad
    if kind == "odds":
        return (unit + 0.1).div((unit + 0.1).sum(1, keepdim=True)).float(), grad
    numbers = (lo + torch.floor(unit * (hi - lo))).long()
    return (numbers.float() if kind == "ties" else numbers), grad


def plain(value):
    """As JSON has it."""
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


TYPES = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64", torch.bool: "BOOL", torch.uint8: "U8"}


class Folder:
    """The cases of one folder."""

    def __init__(self, path, group, rtol=1e-5, atol=1e-6):
        self.path, self.group = TESTS / path, group
        self.head = {"group": group, "rtol": rtol, "atol": atol}
        self.tensors, self.cases, self.counts = {}, [], {}

    def name(self, op):
        number = self.counts.get(op, 0)
        self.counts[op] = number + 1
        return f"{op}/{number:03d}"

    def put(self, name, tensor):
        tensor = tensor.detach()
        if tensor.dtype == torch.float64:
            tensor = tensor.float()
        self.tensors[name] = tensor.clone().contiguous()

    def described(self, name):
        return [TYPES[self.tensors[name].dtype], list(self.tensors[name].shape)]

    def save(self):
        self.path.mkdir(parents=True, exist_ok=True)
        save_file(self.tensors, str(self.path / f"{self.group}.safetensors"))
        lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in self.cases)
        head = json.dumps({**self.head, "count": len(self.cases)})
        (self.path / "manifest.json").write_text(f'{head[:-1]}, "cases": [\n{lines}\n]}}\n')
        size = sum(file.stat().st_size for file in self.path.iterdir())
        print(f"{self.path.name}: {len(self.cases)} cases, {size // 1024} kB")

    def add(self, op, body, inputs, arguments, special=False):
        """A case: `body(inputs, **arguments)` in float64, its gradients, and how far float32 is from them."""
        case = self.name(op)
        values, wanted = {}, []
        for name, spec in inputs.items():
            values[name], grad = made(spec, f"{self.group}/{case}/{name}")
            self.put(f"{case}/in.{name}", values[name])
            if grad and not special:
                wanted.append(name)
        outputs, seeds, gradients = evaluated(body, values, wanted, arguments, case, torch.float64)
        for kind in (outputs, seeds, gradients):
            for name, tensor in kind.items():
                if not special and tensor.is_floating_point():
                    assert torch.isfinite(tensor).all(), (case, name, tensor)
                self.put(f"{case}/{name}", tensor)
        entry = {
            "id": case, "op": op, "kwargs": {name: plain(value) for name, value in arguments.items()},
            "inputs": {name: self.described(f"{case}/in.{name}") for name in inputs},
            "outputs": {name: self.described(f"{case}/{name}") for name in outputs},
        }
        if gradients:
            entry["grads"] = [name[len("grad."):] for name in gradients]
        if special:
            entry["special"] = True
        rough, _, rough_gradients = evaluated(body, values, wanted, arguments, case, torch.float32)
        error = 0.0
        for name, tensor in {**rough, **rough_gradients}.items():
            if not tensor.is_floating_point() or tensor.numel() == 0:
                continue
            want = self.tensors[f"{case}/{name}"].double()
            gap = (tensor.detach().double() - want).abs() - self.head["rtol"] * want.abs()
            gap = gap[torch.isfinite(gap)]
            error = max(error, gap.max().item() if gap.numel() else 0.0)
        if error > self.head["atol"] / 3:
            entry["atol"] = float(f"{error * 6:.1e}")
        self.cases.append(entry)


def evaluated(body, values, wanted, arguments, case, dtype):
    inputs, leaves = {}, {}
    for name, tensor in values.items():
        if tensor.is_floating_point():
            tensor = tensor.to(dtype, copy=True).requires_grad_(name in wanted)
            if name in wanted:
                leaves[name] = tensor
        inputs[name] = tensor
    result = body(inputs, **arguments)
    if isinstance(result, torch.Tensor):
        outputs = {"out": result}
    elif isinstance(result, dict):
        outputs = result
    else:
        outputs = {f"out{place}": tensor for place, tensor in enumerate(result)}
    seeds, total = {}, None
    for name, tensor in outputs.items():
        if tensor.requires_grad:
            seed = "gradout" if name == "out" else f"gradout.{name}"
            seeds[seed], _ = made(real(*tensor.shape, lo=-1, hi=1), f"{case}/{seed}")
            term = (tensor * seeds[seed].to(dtype)).sum()
            total = term if total is None else total + term
    gradients = {}
    if total is not None:
        found = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
        for name, gradient in zip(leaves, found):
            gradients[f"grad.{name}"] = torch.zeros_like(leaves[name]) if gradient is None else gradient
    return outputs, seeds, gradients
