"""Golden values of small networks of transformers (Hugging Face) and timm:

    python make_key_maps.py

Writes models/key_maps.json: for each network its keys and shapes, and the features of an image in float64 with formula
weights; of networks with a head the logits. Made with transformers 4.57.3 and timm 1.0.31 on PyTorch 2.9.1.
"""

import json
import re
from pathlib import Path

import torch
import transformers as hf
from timm.models.convnext import ConvNeXt

from formula import formula_value, image, number

COMMON = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14)
WIDE = dict(COMMON, intermediate_size=128)


def entry(name, model, shape=(1, 3, 28, 28), features=lambda out: out.last_hidden_state[:, 0], renamed=None, library="transformers"):
    """renamed: what a key is called in the file."""
    model = model.eval()
    names = {key: (renamed or (lambda key: key))(key) for key in model.state_dict()}
    values = {key: formula_value(names[key], list(value.shape), 1.0) for key, value in model.state_dict().items()
              if value.dtype.is_floating_point}
    model.load_state_dict(values, strict=False)
    state = {names[key]: value for key, value in values.items()}
    with torch.no_grad():
        row = features(model.double()(image(list(shape)).double()))[0]
    return {
        "name": name, "library": library, "input": list(shape), "keys": [[key, list(value.shape)] for key, value in state.items()],
        "features": [number(v) for v in row.tolist()],
    }


def authors(key):
    """What Facebook Research's files call a tensor of timm's ConvNeXt."""
    for pattern, name in [
        (r"^stem\.", "downsample_layers.0."), (r"^stages\.(\d+)\.downsample\.", r"downsample_layers.\1."),
        (r"\.blocks\.", "."), ("conv_dw", "dwconv"), (r"mlp\.fc", "pwconv"), (r"mlp\.grn\.weight", "grn.gamma"),
        (r"mlp\.grn\.bias", "grn.beta"), (r"^head\.norm\.", "norm."), (r"^head\.fc\.", "head."),
    ]:
        key = re.sub(pattern, name, key)
    return key


def main():
    small = dict(WIDE, hidden_size=384, num_hidden_layers=12, num_attention_heads=6, intermediate_size=1536,
                 image_size=48, patch_size=16, num_register_tokens=4, query_bias=True, value_bias=True)
    entries = [
        entry("vit", hf.ViTModel(hf.ViTConfig(**WIDE, layer_norm_eps=1e-6), add_pooling_layer=False)),
        entry("dinov2", hf.Dinov2Model(hf.Dinov2Config(**COMMON))),
        entry("dinov2_registers", hf.Dinov2WithRegistersModel(hf.Dinov2WithRegistersConfig(**COMMON))),
        entry("clip", hf.CLIPVisionModel(hf.CLIPVisionConfig(**WIDE)), features=lambda out: out.pooler_output),
        entry("siglip", hf.SiglipVisionModel(hf.SiglipVisionConfig(**WIDE, hidden_act="gelu")),
              features=lambda out: out.pooler_output),
        entry("vit_small_patch16_dinov3_qkvb", hf.DINOv3ViTModel(hf.DINOv3ViTConfig(**small)), (1, 3, 48, 48)),
    ]
    convnext = dict(hidden_sizes=[8, 16, 16, 24], depths=[1, 1, 2, 1], num_labels=3)
    small = dict(dims=(8, 16, 16, 24), depths=(1, 1, 2, 1), num_classes=3)
    logits, pooled, image32 = lambda out: out.logits, lambda out: out.pooler_output, (1, 3, 32, 32)
    entries += [
        entry("vit classifier", hf.ViTForImageClassification(hf.ViTConfig(**WIDE, layer_norm_eps=1e-6, num_labels=3)),
              features=logits),
        entry("torchvision vit classifier",
              hf.ViTForImageClassification(hf.ViTConfig(**WIDE, layer_norm_eps=1e-6, num_labels=3)), features=logits),
        entry("convnext classifier", hf.ConvNextForImageClassification(hf.ConvNextConfig(**convnext)), image32, logits),
        entry("convnext", hf.ConvNextModel(hf.ConvNextConfig(**convnext)), image32, pooled),
        entry("convnext", hf.DINOv3ConvNextModel(hf.DINOv3ConvNextConfig(**convnext)), image32, pooled),
        entry("convnextv2 classifier", hf.ConvNextV2ForImageClassification(hf.ConvNextV2Config(**convnext)), image32,
              logits),
        entry("convnextv2", hf.ConvNextV2Model(hf.ConvNextV2Config(**convnext)), image32, pooled),
        entry("convnext classifier", ConvNeXt(**small), image32, lambda out: out, library="timm"),
        entry("convnext classifier", ConvNeXt(**small), image32, lambda out: out, authors, "the authors"),
        entry("convnextv2 classifier", ConvNeXt(**small, use_grn=True, ls_init_value=None), image32, lambda out: out,
              authors, "the authors"),
    ]
    path = Path(__file__).parent / "models" / "key_maps.json"
    path.write_text(json.dumps(entries, separators=(",", ":")) + "\n")


main()
