"""Writes v2.json: what random transforms of torchvision.transforms.v2 make of the images beside this file.

    python make_v2.py    (PyTorch 2.9.1, torchvision 0.24.1, Pillow 13.0.0)
"""
import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode as I
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

folder = Path(__file__).parent
blob = (folder / "transforms.safetensors").read_bytes()
length = int.from_bytes(blob[:8], "little")
header = json.loads(blob[8:8 + length])


def stored(name):
    start, end = header[name]["data_offsets"]
    data = np.frombuffer(blob[8 + length + start:8 + length + end], np.uint8)
    return data.reshape(header[name]["shape"])


images = {n: Image.fromarray(stored("image/" + n)) for n in "abc"}


class AugMix(v2.AugMix):
    """With the operations on PIL's images instead of those on tensors."""

    def _apply_image_or_video_transform(self, image, *args, **settings):
        result = super()._apply_image_or_video_transform(F.to_pil_image(image[0]), *args, **settings)
        return F.pil_to_tensor(result)[None]


always = {"p": 1.0}
transforms = {
    "invert": v2.RandomInvert(0.4), "posterize": v2.RandomPosterize(3), "solarize": v2.RandomSolarize(100.0),
    "autocontrast": v2.RandomAutocontrast(0.7), "equalize": v2.RandomEqualize(), "rgb": v2.RGB(),
    "sharpness": v2.RandomAdjustSharpness(2.5), "permutation": v2.RandomChannelPermutation(),
    "photometric": v2.RandomPhotometricDistort(), "identity": v2.Identity(),
    "photometric_strong": v2.RandomPhotometricDistort((0.2, 2), (0.1, 3), (0, 2), (-0.3, 0.4), 0.8),
    "perspective": v2.RandomPerspective(),
    "perspective_nearest": v2.RandomPerspective(0.9, 1.0, I.NEAREST, fill=[9, 200, 30]),
    "perspective_bicubic": v2.RandomPerspective(0.3, 0.8, I.BICUBIC, fill=77),
    "scale_jitter": v2.ScaleJitter((12, 20)), "scale_jitter_nearest": v2.ScaleJitter((9, 7), (0.5, 1.0), I.NEAREST),
    "shortest_size": v2.RandomShortestSize([5, 9, 14]), "shortest_size_limit": v2.RandomShortestSize([8, 20], 21),
    "resize": v2.RandomResize(6, 25), "zoom_out": v2.RandomZoomOut(),
    "zoom_out_fill": v2.RandomZoomOut([1, 2, 3], (1.5, 2.0), 0.9), "jpeg": v2.JPEG((5, 95)), "jpeg_75": v2.JPEG(75),
    "choice": v2.RandomChoice([v2.RandomInvert(1.0), v2.RandomEqualize(1.0), v2.Identity()], [1.0, 2.0, 0.5]),
    "order": v2.RandomOrder([v2.RandomInvert(0.5), v2.RandomSolarize(90.0), v2.RandomPosterize(2)]),
    "augmix": AugMix(), "augmix_strong": AugMix(8, 2, 2, 0.4, False, I.NEAREST, fill=[50]),
}
result = {"images": {}, "elastic": [], "noise": []}
for name, transform in transforms.items():
    torch.manual_seed(13)
    result["images"][name] = {
        image: [hashlib.sha256(np.ascontiguousarray(transform(images[image]))).hexdigest()[:8] for _ in range(20)]
        for image in "abc"}

for alpha, sigma, mode, fill in ((50.0, 1.5, I.BILINEAR, 0), (20.0, 0.0, I.BILINEAR, 90), (30.0, 1.0, I.NEAREST, 7)):
    torch.manual_seed(17)
    transform = v2.ElasticTransform(alpha, sigma, mode, fill)
    result["elastic"].append({
        "alpha": alpha, "sigma": sigma, "nearest": mode == I.NEAREST, "fill": fill,
        "pixels": [np.array(transform(images["b"])).flatten().tolist() for _ in range(2)]})

for dtype in (torch.uint8, torch.float32):
    for mean, sigma, clip in ((0.0, 0.1, True), (0.3, 0.5, True), (-0.2, 0.4, False)):
        if dtype == torch.uint8 and not clip:
            continue
        x = torch.arange(24).reshape(2, 3, 2, 2) * 10
        x = x.to(torch.uint8) if dtype == torch.uint8 else x.float() / 240
        torch.manual_seed(19)
        y = v2.GaussianNoise(mean, sigma, clip)(x)
        result["noise"].append({
            "bytes": dtype == torch.uint8, "mean": mean, "sigma": sigma, "clip": clip, "result": y.flatten().tolist()})
x = torch.arange(24, dtype=torch.float32).reshape(2, 3, 2, 2) / 10
matrix = (torch.arange(144, dtype=torch.float32).reshape(12, 12) % 7 - 3) / 5
result["linear"] = v2.LinearTransformation(matrix, torch.arange(12.0) / 3)(x).flatten().tolist()
with open(folder / "v2.json", "w") as file:
    json.dump(result, file)
    file.write("\n")
