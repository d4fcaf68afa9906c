"""Golden values of one training step and of starting weights, in the form of the files of models/:

    python make_steps.py

Writes models/grads_tiny_….json (a step of small networks of torchvision's classes on formula weights, which
TrainingStepTests builds the same way) and models/initial_networks.json (what torchvision and timm start from after
torch.manual_seed(7), with 10 classes). Made with torchvision 0.24.1 and timm 1.0.31 on PyTorch 2.9.1.
"""

import json
from functools import partial
from pathlib import Path

import timm
import torch
from timm.models import convnext, mobilenetv3, repvit
from timm.models._efficientnet_builder import decode_arch_def, round_channels
from torch import nn
from torchvision import models
from torchvision.models import efficientnet, maxvit, regnet, swin_transformer

from formula import formula_weights, image, number, row_summary

FOLDER = Path(__file__).parent / "models"


def tiny_efficientnet_v2():
    mb, fused = efficientnet.MBConvConfig, efficientnet.FusedMBConvConfig
    rows = [fused(1, 3, 1, 8, 8, 1), fused(4, 3, 1, 8, 8, 1), fused(4, 3, 2, 8, 16, 2), mb(4, 3, 2, 16, 16, 2)]
    return efficientnet.EfficientNet(
        rows, 0, 0, num_classes=10, norm_layer=partial(nn.BatchNorm2d, eps=1e-3), last_channel=32)


def tiny_regnet():
    stages = regnet.BlockParams([1, 2], [16, 24], [8, 8], [1.0, 1.0], [2, 2], 0.25)
    return regnet.RegNet(stages, num_classes=10)


def tiny_swin():
    return models.SwinTransformer([4, 4], 16, [2, 2], [2, 4], [4, 4], stochastic_depth_prob=0, num_classes=10)


def tiny_swin_v2():
    return models.SwinTransformer(
        [4, 4], 16, [2, 2], [2, 4], [4, 4], stochastic_depth_prob=0, num_classes=10,
        block=swin_transformer.SwinTransformerBlockV2, downsample_layer=swin_transformer.PatchMergingV2)


def tiny_maxvit():
    return maxvit.MaxVit((32, 32), 8, 4, [16, 32], [1, 1], 8, 0, num_classes=10)


def tiny_convnext_v2():
    return convnext.ConvNeXt(
        depths=(1, 1, 2, 1), dims=(8, 16, 16, 24), use_grn=True, ls_init_value=None, conv_mlp=True, num_classes=10)


def tiny_mobilenet_v4():
    rows = [["er_r1_k3_s2_e4_c16"], ["uir_r1_a3_k5_s2_e3_c24", "uir_r2_a0_k3_s1_e2_c24", "uir_r1_a3_k0_s1_e4_c24"],
            ["uir_r1_a0_k0_s1_e2_c24"], ["cn_r1_k1_s1_c32"]]
    return mobilenetv3.MobileNetV3(
        decode_arch_def(rows), num_classes=10, stem_size=8, num_features=1280, head_bias=False, head_norm=True,
        round_chs_fn=partial(round_channels, multiplier=1.0))


def tiny_repvit():
    return repvit.RepVit(embed_dim=(16, 32), depth=(1, 2), num_classes=10)


def tiny_repvit_legacy():
    return repvit.RepVit(embed_dim=(16, 32), depth=(1, 2), num_classes=10, legacy=True)


def step(make, name, dtype, shape, gain, targets):
    model = make().train()
    model.load_state_dict(formula_weights(model, gain))
    model.to(dtype)
    logits = model(image(shape).to(dtype))
    loss = nn.functional.cross_entropy(logits, torch.tensor(targets))
    loss.backward()
    gradients = {key: p.grad.double() for key, p in model.named_parameters()}
    buffers = {key: b.double() for key, b in model.named_buffers() if b.dtype.is_floating_point}
    return logits.detach().double(), loss.item(), gradients, buffers


def training_step(make, shape=(2, 3, 32, 32), gain=1.0, targets=(3, 7)):
    name, shape = make.__name__, list(shape)
    single, double = (step(make, name, dtype, shape, gain, targets) for dtype in (torch.float32, torch.float64))
    difference = (single[0] - double[0]).abs().max().item()
    errors = {key: (single[2][key] - value).norm().item() for key, value in double[2].items()}
    atol = number(8 * max([difference] + list(errors.values())), 2)
    value = {
        "model": name, "input": shape, "targets": list(targets), "conv_gain": gain, "mode": "train", "loss": double[1],
        "loss_float32": single[1], "rtol": 1e-4, "atol": atol, "logits": [row_summary(row) for row in double[0]],
        "grad_l2": {key: number(v.norm().item()) for key, v in double[2].items()},
        "grad_first4": {key: [number(x) for x in v.flatten()[:4].tolist()] for key, v in double[2].items()},
        "buffer_l2_after": {key: number(v.norm().item()) for key, v in double[3].items()},
    }
    (FOLDER / f"grads_{name}.json").write_text(json.dumps(value, separators=(",", ":")) + "\n")
    print(name, double[1], atol)


def starting_weights(name, make):
    torch.manual_seed(7)
    model = make()
    following = torch.rand(1).item()
    state = {key: value.double() for key, value in model.named_parameters()}
    chosen = list(state)[:: max(1, len(state) // 8)]
    return {
        "model": name, "seed": 7, "classes": 10, "next_rand": following,
        "first4": {k: [number(v) for v in state[k].flatten()[:4].tolist()] for k in chosen},
        "l2": {k: number(state[k].norm().item()) for k in chosen},
        "total_l2": number(sum(v.square().sum() for v in state.values()).sqrt().item()),
    }


class Nothing(nn.Module):
    """timm makes a squeeze-and-excitation layer to see what arguments it takes, which draws numbers; ours does not."""

    def __init__(self, *arguments, **options):
        super().__init__()


def main():
    for make in (tiny_efficientnet_v2, tiny_regnet, tiny_swin, tiny_swin_v2, tiny_maxvit):
        training_step(make)
    training_step(tiny_convnext_v2)
    training_step(tiny_mobilenet_v4, shape=(4, 3, 32, 32), targets=[3, 7, 0, 2])
    training_step(tiny_repvit, shape=(4, 3, 32, 32), targets=[3, 7, 0, 2])
    training_step(tiny_repvit_legacy, shape=(4, 3, 32, 32), targets=[3, 7, 0, 2])
    names = ["efficientnet_v2_s", "regnet_x_400mf", "regnet_y_400mf", "swin_t", "swin_v2_t", "maxvit_t"]
    entries = [starting_weights(name, lambda: models.get_model(name, num_classes=10)) for name in names]
    for name, options in (
        ("convnextv2_atto", {}), ("convnextv2_tiny", {}), ("mobilenetv4_conv_small", {"se_layer": Nothing}),
        ("mobilenetv4_conv_medium", {"se_layer": Nothing}), ("repvit_m1", {}), ("repvit_m0_9", {}),
    ):
        entries.append(starting_weights(name, lambda: timm.create_model(name, num_classes=10, **options)))
    (FOLDER / "initial_networks.json").write_text(json.dumps(entries) + "\n")


main()
