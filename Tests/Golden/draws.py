"""Seeded draws: distributions, starting weights and layers that the cases of `rng` leave out."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, SubsetRandomSampler, WeightedRandomSampler, random_split

from golden import TYPES, Folder

DTYPES = {"F32": torch.float32, "F64": torch.float64}


def drawn(op, seed, arguments):
    torch.manual_seed(seed)
    given = dict(arguments)
    dtype, shape = DTYPES[given.pop("dtype", "F32")], given.pop("shape", None)
    if op in ("rand", "randn"):
        return {"out": getattr(torch, op)(shape, dtype=dtype)}
    if op in ("uniform_", "normal_", "exponential_"):
        return {"out": getattr(torch.empty(shape, dtype=dtype), op)(*given.values())}
    if op == "randint":
        return {"out": torch.randint(given["low"], given["high"], shape)}
    if op == "bernoulli_tensor":
        return {"out": torch.bernoulli(torch.full(shape, given["p"], dtype=dtype))}
    if op == "multinomial":
        return {"out": torch.multinomial(torch.tensor(given["weights"]), given["num_samples"], given["replacement"])}
    if op.startswith("init."):
        tensor = torch.empty(shape)
        getattr(nn.init, op[len("init."):])(tensor, **given)
        return {"out": tensor}
    if op == "module":
        return dict(getattr(nn, given["type"])(*given["args"], **given.get("kwargs", {})).state_dict())
    if op == "random_split":
        parts = random_split(range(given["n"]), given["lengths"])
        return {f"split{place}": torch.tensor(part.indices) for place, part in enumerate(parts)}
    if op == "dataloader":
        loader = DataLoader(range(given["n"]), given["batch_size"], shuffle=True, drop_last=given["drop_last"])
        orders = {f"epoch{epoch}": torch.cat(list(loader)) for epoch in range(given["epochs"])}
        return {**orders, "rand_after": torch.rand(4)}
    if op == "weighted_sampler":
        return {"out": torch.tensor(list(WeightedRandomSampler(**given)))}
    assert op == "subset_sampler", op
    return {"out": torch.tensor(list(SubsetRandomSampler(given["indices"])))}


def cases():
    yield "rand", 2 ** 62 + 12345, dict(shape=[3, 0]),
    yield "rand", 2 ** 62 + 12345, dict(shape=[2, 3])
    yield "randn", 9007199254740993, dict(shape=[4, 4], dtype="F64")
    yield "uniform_", 3, dict(shape=[2, 4], a=-5, b=-4, dtype="F64")
    yield "normal_", 3, dict(shape=[3], mean=-2, std=0)
    yield "normal_", 3, dict(shape=[20], mean=4, std=3, dtype="F64")
    yield "exponential_", 3, dict(shape=[6], lambd=2.5)
    yield "exponential_", 4, dict(shape=[5], lambd=0.5, dtype="F64")
    yield "randint", 5, dict(low=-3, high=-1, shape=[2, 2])
    yield "bernoulli_tensor", 5, dict(shape=[3, 2], p=0.9)
    yield "multinomial", 5, dict(weights=[[0.1, 0.9], [3.0, 1.0]], num_samples=4, replacement=True)
    yield "multinomial", 5, dict(weights=[1.0, 2.0, 3.0], num_samples=1, replacement=True)
    for nonlinearity in ("relu", "tanh", "selu", "linear", "sigmoid", "conv2d"):
        yield "init.kaiming_uniform_", 6, dict(shape=[2, 3, 2], mode="fan_out", nonlinearity=nonlinearity)
    yield "init.kaiming_normal_", 6, dict(shape=[3, 4], a=0.3, mode="fan_out", nonlinearity="leaky_relu")
    yield "init.xavier_uniform_", 6, dict(shape=[2, 3], gain=2)
    yield "init.uniform_", 6, dict(shape=[5], a=-1, b=3)
    yield "init.normal_", 6, dict(shape=[5], mean=1, std=0.5)
    yield "init.constant_", 6, dict(shape=[2], val=0.75)
    yield "init.ones_", 6, dict(shape=[2])
    yield "init.trunc_normal_", 6, dict(shape=[5], mean=1, std=2, a=0, b=1)
    yield "module", 7, dict(type="Conv1d", args=[2, 4, [3]], kwargs=dict(stride=2, padding="valid", groups=2))
    yield "module", 7, dict(type="Conv2d", args=[2, 4, 1, 1, 0, 1, 2, False])
    yield "module", 7, dict(type="Conv2d", args=[1, 2], kwargs=dict(kernel_size=[2, 1], padding="same", padding_mode="reflect"))
    yield "module", 7, dict(type="ConvTranspose2d", args=[2, 4, 2], kwargs=dict(groups=2, dilation=2, output_padding=1, stride=2, bias=False))
    yield "module", 7, dict(type="Linear", args=[3, 2, False])
    yield "module", 7, dict(type="BatchNorm2d", args=[2], kwargs=dict(affine=False, momentum=None))
    yield "module", 7, dict(type="BatchNorm2d", args=[2, 1e-3, 0.2, True, False])
    yield "module", 7, dict(type="LayerNorm", args=[[2, 3]], kwargs=dict(bias=False))
    yield "module", 7, dict(type="LayerNorm", args=[4, 1e-6, False])
    yield "module", 7, dict(type="Embedding", args=[3, 2], kwargs=dict(padding_idx=-1))
    yield "random_split", 8, dict(n=7, lengths=[0.34, 0.33, 0.33])
    yield "random_split", 8, dict(n=6, lengths=[0, 5, 1])
    yield "dataloader", 8, dict(n=7, batch_size=3, epochs=2, drop_last=True)
    yield "weighted_sampler", 8, dict(weights=[0.5, 0.0, 2.0, 1.0], num_samples=3, replacement=False)
    yield "subset_sampler", 8, dict(indices=[4])


def write():
    folder = Folder("NNCoreTests/Fixtures/rng-arguments", "rng", rtol=1e-6)
    for op, seed, arguments in cases():
        name = folder.name(op)
        entry = {"id": name, "op": op, "seed": seed, "kwargs": arguments, "outputs": {}}
        for output, tensor in drawn(op, seed, arguments).items():
            # As they are: draws of float64 are compared bit for bit.
            folder.tensors[f"{name}/{output}"] = tensor.clone().contiguous()
            entry["outputs"][output] = {"dtype": TYPES[tensor.dtype], "shape": list(tensor.shape)}
        folder.cases.append(entry)
    folder.save()
