"""Golden values of small vision transformers of transformers (Hugging Face):

    python make_key_maps.py

Writes models/key_maps.json: for each network its keys and shapes, and the features of an image in float64 with formula
weights. Made with transformers 4.57.3 on PyTorch 2.9.1.
"""

import json
from pathlib import Path

import torch
import transformers as hf

from formula import formula_value, image, number

COMMON = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14)
WIDE = dict(COMMON, intermediate_size=128)


def entry(name, model, shape=(1, 3, 28, 28), features=lambda out: out.last_hidden_state[:, 0]):
    model = model.eval()
    state = {key: formula_value(key, list(value.shape), 1.0) for key, value in model.state_dict().items()
             if value.dtype.is_floating_point}
    model.load_state_dict(state, strict=False)
    with torch.no_grad():
        row = features(model.double()(image(list(shape)).double()))[0]
    return {
        "name": name, "input": list(shape), "keys": [[key, list(value.shape)] for key, value in state.items()],
        "features": [number(v) for v in row.tolist()],
    }


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
    path = Path(__file__).parent / "models" / "key_maps.json"
    path.write_text(json.dumps(entries, separators=(",", ":")) + "\n")


main()
