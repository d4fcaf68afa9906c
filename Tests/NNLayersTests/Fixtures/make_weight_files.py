"""Weight files as training scripts leave them, of a small network with the keys conv.weight, bn.* and fc.*:

    python make_weight_files.py

Writes weights/*. Made with PyTorch 2.9.1.
"""

import argparse
import collections
import enum
from pathlib import Path

import numpy as np
import torch
from torch import nn

FOLDER = Path(__file__).parent / "weights"


class Net(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 1, bias=False)
        self.bn = nn.BatchNorm2d(2)
        self.fc = nn.Linear(2, classes)
        self.register_buffer("volatile", torch.ones(1), persistent=False)
        self.heads = [self.fc]


class Config:
    """A class that no reader knows."""

    def __init__(self):
        self.rate, self.path = 0.1, Path("data")


class Settings(dict):
    """A dictionary with attributes."""


class Phase(enum.Enum):
    TRAIN = 1


def prefixed(prefix, state):
    return {prefix + key: value for key, value in state.items()}


def main():
    FOLDER.mkdir(exist_ok=True)
    torch.manual_seed(0)
    net = Net()
    state = {k: v.clone() for k, v in net.state_dict().items()}
    average = {k: v * 2 if v.is_floating_point() else v for k, v in state.items()}
    optimizer = torch.optim.Adam(net.parameters())
    net.fc(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    net.load_state_dict(state)
    numbers = {"best": np.float64(0.5), "history": np.arange(3), "random": np.random.get_state()}

    def save(name, value, **options):
        torch.save(value, FOLDER / name, **options)

    save("plain.pth", state)
    save("legacy.pth", {"state_dict": state, "args": Config()}, _use_new_zipfile_serialization=False)
    save("parallel.pth", prefixed("module.", state))
    save("compiled.pth", prefixed("module._orig_mod.", state))
    inner = {k.replace("fc.", "fc._orig_mod.").replace("bn.", "bn.module."): v for k, v in state.items()}
    save("inner.pth", {"state_dict": inner})
    save("lightning.ckpt", {
        "state_dict": {**prefixed("model.", state), "criterion.weight": torch.ones(3), "accuracy.total": torch.tensor(3)},
        "epoch": 3, "optimizer_states": [optimizer.state_dict()], "hyper_parameters": argparse.Namespace(lr=0.1),
        "loops": {}, "callbacks": {Config: {Phase.TRAIN: 1}},
    })
    save("reference.pth", {
        "epoch": 1, "model_ema": {**prefixed("module.", average), "n_averaged": torch.tensor(5)}, "model": state,
        "optimizer": optimizer.state_dict(), "args": argparse.Namespace(lr=0.1), **numbers,
    })
    save("timm.pth.tar", {
        "epoch": 1, "arch": "net", "state_dict_ema": average, "state_dict": state, "args": Config(),
        "settings": Settings(a=[Config()]), "scaler": torch.amp.GradScaler(enabled=False), "device": torch.device("cpu"),
        "dtype": torch.float16, "function": prefixed, "counts": collections.Counter("aab"),
        "groups": collections.defaultdict(list, {(1, 2): [Config()]}),
    })
    save("nested.pth", {"models": {"teacher": prefixed("backbone.", average), "student": prefixed("backbone.", state)}})
    save("ema_only.pth", {"ema": prefixed("ema_model.", {**state, "n_averaged": torch.tensor(5)}), "step": torch.tensor(7)})
    save("half.pth", {"net": {k: v.half() if v.is_floating_point() else v for k, v in state.items()}})
    save("brain.pth", {"net": {k: v.bfloat16() if v.is_floating_point() else v for k, v in state.items()}})
    save("counted.pth", {**state, "total_ops": torch.zeros(1), "conv.total_ops": torch.zeros(1), "fc.total_params": torch.zeros(1)})
    save("other_head.pth", {"state_dict": Net(7).state_dict() | {k: v for k, v in state.items() if "fc" not in k}})
    save("whole.pth", net)
    save("whole_inside.pth", {"model": net, "ema": None, "epoch": 2})
    save("wider.pth", {**state, "extra.weight": torch.ones(2, 2), "bn.gain": torch.ones(2)})
    save("beside_object.pth", {**state, "config": Config()})


main()
