"""Layers of sequences and volumes with their keys, in float64: outputs and gradients."""

import json

import timm.layers
import torch
from safetensors.torch import save_file

from golden import TESTS, made, real

CASES = [
    ("LSTM", dict(input_size=3, hidden_size=4), (5, 2, 3)),
    ("LSTM", dict(input_size=3, hidden_size=2, num_layers=2, bidirectional=True, batch_first=True), (2, 4, 3)),
    ("LSTM", dict(input_size=2, hidden_size=3, bias=False), (3, 2)),
    ("GRU", dict(input_size=3, hidden_size=4), (5, 2, 3)),
    ("GRU", dict(input_size=3, hidden_size=2, num_layers=2, bidirectional=True, batch_first=True), (2, 4, 3)),
    ("GRU", dict(input_size=2, hidden_size=3, bias=False), (3, 2)),
    ("TransformerEncoderLayer", dict(d_model=4, nhead=2, dim_feedforward=6, dropout=0.0), (3, 2, 4)),
    ("TransformerEncoderLayer", dict(d_model=4, nhead=2, dim_feedforward=6, dropout=0.0, norm_first=True,
                                     batch_first=True, activation="gelu", layer_norm_eps=0.01, bias=False), (2, 3, 4)),
    ("TransformerEncoder", dict(d_model=4, nhead=2, dim_feedforward=5, dropout=0.0, batch_first=True), (2, 3, 4)),
    ("RMSNorm", dict(normalized_shape=[4]), (3, 4)),
    ("RMSNorm", dict(normalized_shape=[2, 3], eps=0.1, elementwise_affine=False), (2, 2, 3)),
    ("SwiGLU", dict(in_features=3, hidden_features=5, out_features=2), (4, 3)),
    ("Conv3d", dict(in_channels=2, out_channels=3, kernel_size=[2, 3, 1], stride=[1, 2, 1], padding=[1, 0, 1]),
     (2, 2, 4, 5, 3)),
    ("Conv3d", dict(in_channels=4, out_channels=4, kernel_size=[2, 2, 2], stride=[2, 1, 1], dilation=[2, 1, 1], groups=2,
                    bias=False), (1, 4, 5, 3, 3)),
]


def layer(kind, settings):
    if kind == "TransformerEncoder":
        inner = torch.nn.TransformerEncoderLayer(**settings)
        return torch.nn.TransformerEncoder(inner, 2, torch.nn.LayerNorm(settings["d_model"]), enable_nested_tensor=False)
    library = timm.layers if kind == "SwiGLU" else torch.nn
    return getattr(library, kind)(**settings)


def write():
    rows, tensors = [], {}
    for number, (kind, settings, shape) in enumerate(CASES):
        name = f"{kind}/{number:02d}"
        module = layer(kind, settings).double()
        state = {key: made(real(*value.shape, lo=-0.8, hi=0.8), f"{name}/{key}")[0]
                 for key, value in module.state_dict().items()}
        module.load_state_dict({key: value.double() for key, value in state.items()})
        x = made(real(*shape), f"{name}/x")[0].double().requires_grad_()
        result = module(x)
        outputs = [result] if isinstance(result, torch.Tensor) else [result[0], *(
            result[1] if isinstance(result[1], tuple) else [result[1]])]
        total = 0
        tensors[f"{name}/x"] = x.detach()
        for place, output in enumerate(outputs):
            seed = made(real(*output.shape, lo=-1, hi=1), f"{name}/seed{place}")[0].double()
            total = total + (output * seed).sum()
            tensors[f"{name}/out{place}"] = output.detach()
            tensors[f"{name}/seed{place}"] = seed
        total.backward()
        tensors[f"{name}/grad"] = x.grad
        for key, value in state.items():
            tensors[f"{name}/state.{key}"] = value.double()
        for key, value in module.named_parameters():
            tensors[f"{name}/grad.{key}"] = value.grad
        rows.append({"name": name, "kind": kind, "settings": settings, "keys": list(state)})
    folder = TESTS / "NNLayersTests/Fixtures/sequences"
    folder.mkdir(exist_ok=True)
    save_file({key: value.float().contiguous() for key, value in tensors.items()}, str(folder / "tensors.safetensors"))
    (folder / "cases.json").write_text("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")
    print(f"sequences: {len(rows)} cases, {sum(f.stat().st_size for f in folder.iterdir()) // 1024} kB")
