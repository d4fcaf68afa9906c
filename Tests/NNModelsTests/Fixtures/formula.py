"""The numbers that the fixtures are made of, as FormulaNumbers of the tests has them."""

import numpy as np
import torch

M64 = (1 << 64) - 1


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & M64
    return value


def uniform(key, shape, low=-1.0, high=1.0):
    """FormulaNumbers.uniform: splitmix64 of the key's FNV-1a hash and the place."""
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a(key)) + np.arange(int(np.prod(shape)), dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    unit = (z >> np.uint64(40)).astype(np.float64) / 16777216
    return torch.from_numpy((low + (high - low) * unit).astype(np.float32).reshape(shape))


def formula_value(key, shape, gain):
    name = key.split(".")[-1]
    if len(shape) >= 2:
        bound = (gain if len(shape) == 4 else 1) * (6 / float(np.prod(shape[1:]))) ** 0.5
        return uniform(key, shape, -bound, bound)
    if name in ("weight", "running_var"):
        return uniform(key, shape, 0.8, 1.2)
    return uniform(key, shape, -0.1, 0.1)


def formula_weights(model, gain):
    """Of buffers the statistics of batches only: the others say where things lie."""
    buffers = {key for key, _ in model.named_buffers() if not key.endswith(("running_mean", "running_var"))}
    return {
        key: value if key in buffers else formula_value(key, list(value.shape), gain)
        for key, value in model.state_dict().items()
    }


def image(shape):
    return uniform("input/" + "x".join(map(str, shape)), shape)


def number(value, digits=9):
    return float(f"{value:.{digits}g}")


def row_summary(row):
    return {
        "first10": [number(v) for v in row[:10].tolist()], "last10": [number(v) for v in row[-10:].tolist()],
        "sum": number(row.sum().item(), 12), "l2": number(row.norm().item(), 12), "argmax": int(row.argmax()),
    }
