"""Multiply-adds of all networks for one image of their usual size:

    python make_operations.py > ../../../Sources/NNModels/Resources/operations.txt

Counted by PyTorch's FlopCounterMode (convolutions, matrix products and attention) on torchvision 0.24.1 and timm 1.0.31.
"""

import json
from pathlib import Path

import timm
import torch
import torchvision
from torch.utils.flop_counter import FlopCounterMode

from make_networks import without_starting_weights


def count(name, size):
    own = name in torchvision.models.list_models()
    options = {"image_size": size} if own and name.startswith("vit_") else {}
    model = torchvision.models.get_model(name, **options) if own else timm.create_model(name, num_classes=1000)
    model = model.eval().requires_grad_(False).to("meta")
    with FlopCounterMode(display=False) as counter:
        model(torch.empty(1, 3, size, size, device="meta"))
    return counter.get_total_flops() // 2


def main():
    without_starting_weights()
    counts = {"shapesnet": 3_983_872}
    for path in (Path(__file__).parent / "models").glob("*.json"):
        value = json.loads(path.read_text())
        if isinstance(value, dict) and "official_weights" in value:
            counts[value["name"]] = count(value["name"], value["official_weights"][0]["crop"])
    print("\n".join(f"{name} {counts[name]}" for name in sorted(counts)))


main()
