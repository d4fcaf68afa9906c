"""Golden values of networks of torchvision and timm, in the form of the files of models/:

    python make_networks.py [NAME …]

Writes for each network models/NAME.json: numbers of keys and parameters, a digest of keys, shapes and types, the
official weights, and logits in float64 with formula weights (see README.md). Large networks get small images. Made with torchvision 0.24.1 and timm 1.0.31 on PyTorch 2.9.1.
"""

import gc
import json
import sys
from pathlib import Path


import timm
import torch
import torchvision

from formula import fnv1a, formula_weights, image, number, row_summary

FOLDER = Path(__file__).parent / "models"

# Height and width of the images, and how many; what the network is told besides.
TORCHVISION = {
    **{f"efficientnet_b{i}": ([1, 64], {}) for i in range(3, 8)},
    **{f"efficientnet_v2_{s}": ([1, 64], {}) for s in "sml"},
    "convnext_small": ([1, 64], {}), "convnext_base": ([1, 64], {}), "convnext_large": ([1, 64], {}),
    "vit_b_32": ([1, 64], {"image_size": 64}), "vit_l_16": ([1, 32], {"image_size": 32}),
    "vit_l_32": ([1, 64], {"image_size": 64}), "vit_h_14": ([1, 28], {"image_size": 28}),
    # 100 pixels do not divide into windows.
    **{f"swin_{v}{s}": ([2, 100], {}) for v in ("", "v2_") for s in "tsb"},
    **{f"regnet_x_{s}": ([1, 64], {}) for s in ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf")},
    **{f"regnet_y_{s}": ([1, 64], {}) for s in ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf", "128gf")},
    "maxvit_t": ([1, 224], {}),
}


SIZES = ("small", "base", "large")
# Images, and the weights of which the library knows.
TIMM = {
    **{f"vit_{s}_patch16_224": (32, ["augreg_in21k_ft_in1k"]) for s in ("tiny", "large")},
    "vit_small_patch16_224": (32, ["augreg_in21k_ft_in1k", "augreg_in1k", "dino"]),
    "vit_base_patch16_224": (32, ["augreg2_in21k_ft_in1k", "augreg_in21k_ft_in1k", "augreg_in1k", "dino"]),
    **{f"deit_{s}_patch16_224": (32, ["fb_in1k"]) for s in ("tiny", "small", "base")},
    **{f"vit_{s}_patch14_{r}dinov2": (42, ["lvd142m"]) for r in ("", "reg4_") for s in SIZES},
    **{f"vit_{s}_clip_224": (64, ["laion2b"]) for s in ("base_patch32", "base_patch16")},
    **{f"vit_{s}_clip_quickgelu_224": (64, ["openai"]) for s in ("base_patch32", "base_patch16")},
    "vit_large_patch14_clip_224": (42, ["laion2b"]), "vit_large_patch14_clip_quickgelu_224": (42, ["openai"]),
    **{f"vit_{s}_siglip_{n}": (48, ["webli", "v2_webli"])
       for s, n in (("base_patch16", 224), ("base_patch16", 256), ("large_patch16", 256))},
    "vit_so400m_patch14_siglip_378": (42, ["webli"]),
    "eva02_small_patch14_224": (56, ["mim_in22k"]), "eva02_base_patch14_224": (56, ["mim_in22k"]),
    **{f"vit_{s}_patch16_dinov3{b}": (48, ["lvd1689m"]) for s in SIZES for b in ("", "_qkvb")},
    **{f"convnextv2_{s}": (64, ["fcmae_ft_in1k"]) for s in ("atto", "femto", "pico")},
    **{f"convnextv2_{s}": (64, ["fcmae_ft_in22k_in1k", "fcmae_ft_in1k"]) for s in ("nano", "tiny", "base", "large")},
    "mobilenetv4_conv_small_050": (64, ["e3000_r224_in1k"]),
    "mobilenetv4_conv_small": (64, ["e2400_r224_in1k", "e1200_r224_in1k"]),
    "mobilenetv4_conv_medium": (64, ["e500_r256_in1k", "e500_r224_in1k"]),
    "mobilenetv4_conv_large": (64, ["e600_r384_in1k", "e500_r256_in1k"]),
    **{f"repvit_m{i}": (64, ["dist_in1k"]) for i in (1, 2, 3)},
    **{f"repvit_{s}": (64, ["dist_450e_in1k", "dist_300e_in1k"]) for s in ("m0_9", "m1_0", "m1_1", "m1_5", "m2_3")},
}
# Networks of timm's that take images of one size only.
ONE_SIZE = ("vit", "deit", "eva02")
# As timm's results/results-imagenet.csv reports them, ConvNeXt V2 on images of 288x288.
ACCURACY = {
    "vit_tiny_patch16_224.augreg_in21k_ft_in1k": (75.454, 92.844),
    "vit_small_patch16_224.augreg_in21k_ft_in1k": (81.384, 96.136),
    "vit_small_patch16_224.augreg_in1k": (78.846, 94.288),
    "vit_base_patch16_224.augreg2_in21k_ft_in1k": (85.096, 97.53),
    "vit_base_patch16_224.augreg_in21k_ft_in1k": (84.532, 97.292),
    "vit_base_patch16_224.augreg_in1k": (79.154, 94.09),
    "vit_large_patch16_224.augreg_in21k_ft_in1k": (85.834, 97.818),
    "deit_tiny_patch16_224.fb_in1k": (72.172, 91.112), "deit_small_patch16_224.fb_in1k": (79.844, 95.044),
    "deit_base_patch16_224.fb_in1k": (81.992, 95.736),
    "convnextv2_atto.fcmae_ft_in1k": (77.76, 93.726), "convnextv2_femto.fcmae_ft_in1k": (79.338, 94.56),
    "convnextv2_pico.fcmae_ft_in1k": (81.086, 95.48),
    "convnextv2_nano.fcmae_ft_in22k_in1k": (82.664, 96.52), "convnextv2_nano.fcmae_ft_in1k": (82.486, 96.226),
    "convnextv2_tiny.fcmae_ft_in22k_in1k": (84.416, 97.26), "convnextv2_tiny.fcmae_ft_in1k": (83.464, 96.718),
    "convnextv2_base.fcmae_ft_in22k_in1k": (86.998, 98.168), "convnextv2_base.fcmae_ft_in1k": (85.474, 97.384),
    "convnextv2_large.fcmae_ft_in22k_in1k": (87.484, 98.356), "convnextv2_large.fcmae_ft_in1k": (86.118, 97.822),
}


def timm_model(name, options):
    return timm.create_model(name, num_classes=1000, **options)


def timm_weights(name):
    """Numbers of parameters are with the head that the weights have, if they have one."""
    entries = []
    model = timm_model(name, {})
    head = sum(p.numel() for p in model.get_classifier().parameters()) if name.startswith(ONE_SIZE) else 0
    for tag in TIMM[name][1]:
        config = timm.get_pretrained_cfg(f"{name}.{tag}")
        size = config.input_size[1]
        is_deit = name.startswith("deit")
        top1, top5 = ACCURACY.get(f"{name}.{tag}", (None, None))
        smallest = size if name.startswith(ONE_SIZE) else 32 if name.startswith("convnext") else 1
        entries.append({
            "enum": f"timm.{name}.{tag}",
            "file": config.url.split("/")[-1] if is_deit else f"{name}.{tag}.safetensors",
            "address": config.url if is_deit else f"https://huggingface.co/{config.hf_hub_id}/resolve/main/model.safetensors",
            "num_params": sum(p.numel() for p in model.parameters()) - head + head // 1000 * config.num_classes,
            "acc1": top1, "acc5": top5, "resize": int(size / config.crop_pct), "crop": size,
            "interpolation": config.interpolation, "min_size": [smallest, smallest],
            **({"classes": 1000} if config.num_classes == 1000 else {}),
        })
    return entries


def torchvision_model(name, options):
    return torchvision.models.get_model(name, **options)


def torchvision_weights(name):
    entries = []
    for entry in torchvision.models.get_model_weights(name):
        transforms, meta = entry.transforms(), entry.meta
        metrics = meta["_metrics"]["ImageNet-1K"]
        entries.append({
            "enum": str(entry), "file": entry.url.split("/")[-1], "num_params": meta["num_params"],
            "acc1": metrics["acc@1"], "acc5": metrics["acc@5"], "resize": transforms.resize_size[0],
            "crop": transforms.crop_size[0], "interpolation": transforms.interpolation.value,
            "min_size": list(meta["min_size"]),
        })
    return entries


def without_starting_weights():
    """Networks are made in a second then, however large."""
    for name in dir(torch.nn.init):
        if name.endswith("_") and not name.startswith("_"):
            setattr(torch.nn.init, name, lambda tensor, *_, **__: tensor)


def logits(make, name, shape):
    """In float32 and float64, with a gain that gives numbers neither too small nor so large that rounding grows."""
    model = make().eval()
    gain, low, high = 1.0, 0.25, 3.0
    with torch.no_grad():
        for _ in range(12):
            model.float().load_state_dict(formula_weights(model.float(), gain))
            single = model(image(shape)).double()
            rms = single.square().mean().sqrt().item()
            is_small = rms < 0.05
            if rms <= 4 and not is_small:
                rows = model.double()(image(shape).double())
                difference = (single - rows).abs().max().item()
                if 8 * difference <= 1e-4:
                    break
            low, high = (gain, high) if is_small else (low, gain)
            gain = round((low * high) ** 0.5, 3)
    return {
        "input": shape, "conv_gain": gain, "rows": [row_summary(row) for row in rows],
        "rms": number(rms, 6), "max_abs_diff_float32": number(difference, 3), "atol": number(8 * difference, 2),
    }


def write(name, value):
    (FOLDER / f"{name}.json").write_text(json.dumps(value) + "\n")
    print(name, value["logits"][0]["rms"], value["logits"][0]["atol"], flush=True)


def fixture(name, make, weights, images, options):
    count, size = images
    model = make(name, {})
    parameters = dict(model.named_parameters())
    types = {torch.float32: "F32", torch.int64: "I64"}
    lines = [
        f"{key} {list(value.shape)} {types[value.dtype]} {'param' if key in parameters else 'buffer'}\n"
        for key, value in model.state_dict().items()
    ]
    sizes = {
        "total_params": sum(p.numel() for p in model.parameters()),
        "buffer_elements": sum(v.numel() for key, v in model.state_dict().items() if key not in parameters),
    }
    del model, parameters
    entry = logits(lambda: make(name, options), name, [count, 3, size, size])
    if options:
        entry["image_size"] = size
    write(name, {
        "name": name, **sizes,
        "official_weights": weights(name), "keys": len(lines), "state_digest": f"{fnv1a(''.join(lines)):016x}",
        "logits": [entry],
    })
    gc.collect()


def main():
    without_starting_weights()
    for name, (images, options) in TORCHVISION.items():
        if not sys.argv[1:] or name in sys.argv[1:]:
            fixture(name, torchvision_model, torchvision_weights, images, options)
    for name, (size, _) in TIMM.items():
        if not sys.argv[1:] or name in sys.argv[1:]:
            options = {"img_size": size} if name.startswith(ONE_SIZE) else {}
            fixture(name, timm_model, timm_weights, [1, size], options)


if __name__ == "__main__":
    main()
