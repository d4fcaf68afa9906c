"""Golden values of timm's tf_efficientnet_lite0, in the form of the other files of models/:

    python make_efficientnet_lite.py [tf_efficientnet_lite0.safetensors]

Writes models/tf_efficientnet_lite0.json (keys, and logits in float64 with formula weights),
models/initial_tf_efficientnet_lite0.json (starting weights) and, if the file of the published weights is given,
models/tf_efficientnet_lite0_in1k.json (logits in float64 with these). Made with timm 1.0.31 on PyTorch 2.9.1.
"""

import json
import sys
from pathlib import Path

import timm
import torch

from formula import formula_weights, image, number, row_summary

NAME = "tf_efficientnet_lite0"
FOLDER = Path(__file__).parent / "models"
# Sizes that TensorFlow's padding treats differently: even, odd, and odd in some of the halvings only.
SHAPES = [[1, 3, 224, 224], [3, 3, 33, 33], [1, 3, 225, 225], [1, 3, 200, 150]]

@torch.no_grad()
def logits(state, gain):
    model = timm.create_model(NAME).eval()
    model.load_state_dict(state)
    entries = []
    for shape in SHAPES:
        single = model.float()(image(shape)).double()
        rows = model.double()(image(shape).double())
        difference = (single - rows).abs().max().item()
        entries.append({
            "input": shape, "conv_gain": gain,
            "rows": [row_summary(row) for row in rows],
            "rms": number(rows.square().mean().sqrt().item(), 6),
            "max_abs_diff_float32": number(difference, 3), "atol": number(8 * difference, 2),
        })
    return entries


class Nothing(torch.nn.Module):
    def __init__(self, *arguments, **options):
        super().__init__()


def write(name, value):
    text = json.dumps(value)
    (FOLDER / f"{name}.json").write_text(text + "\n")


def main():
    model = timm.create_model(NAME)
    parameters = dict(model.named_parameters())
    types = {torch.float32: "F32", torch.int64: "I64"}
    gain = 1.2
    write(NAME, {
        "name": NAME,
        "total_params": sum(p.numel() for p in model.parameters()),
        "buffer_elements": sum(b.numel() for b in model.buffers()),
        "official_weights": [{
            "enum": f"timm.{NAME}.IMAGENET1K_V1", "file": "tf_efficientnet_lite0-0aa007d2.pth",
            "url": "https://github.com/huggingface/pytorch-image-models/releases/download/v0.1-weights",
            "num_params": sum(p.numel() for p in model.parameters()), "acc1": 74.83, "acc5": 92.172,
            "resize": 256, "crop": 224, "interpolation": "bicubic", "min_size": [1, 1],
        }],
        "logits": logits(formula_weights(model, gain), gain),
        "state_dict": [
            [key, list(value.shape), types[value.dtype], "param" if key in parameters else "buffer"]
            for key, value in model.state_dict().items()
        ],
    })

    # timm makes a squeeze-and-excitation layer to see what arguments it takes, which draws numbers; ours does not.
    torch.manual_seed(7)
    model = timm.create_model(NAME, num_classes=10, se_layer=Nothing)
    state = {k: v.double() for k, v in model.named_parameters()}
    chosen = [k for k in state if k in ("conv_stem.weight", "conv_head.weight", "classifier.weight", "classifier.bias")
              or k.startswith("blocks.0.0.conv") or k.startswith("blocks.5.3.conv")]
    write(f"initial_{NAME}", [{
        "model": NAME, "seed": 7, "classes": 10, "next_rand": torch.rand(1).item(),
        "first4": {k: [number(v) for v in state[k].flatten()[:4].tolist()] for k in chosen},
        "l2": {k: number(state[k].norm().item()) for k in chosen},
        "total_l2": number(sum(v.square().sum() for v in state.values()).sqrt().item()),
    }])

    if len(sys.argv) > 1:
        from safetensors.torch import load_file

        write(f"{NAME}_in1k", {"name": NAME, "logits": logits(load_file(sys.argv[1]), 1)})


main()
