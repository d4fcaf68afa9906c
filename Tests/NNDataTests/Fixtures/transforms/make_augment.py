"""Writes augment.json: what torchvision's random transforms make of the images beside this file.

    python make_augment.py    (PyTorch 2.9.1, torchvision 0.24.1, Pillow 13.0.0)
"""
import hashlib
import json
from pathlib import Path

import numpy as np
import torch
import torchvision.transforms as T
from PIL import Image
from torchvision.transforms import v2

folder = Path(__file__).parent
blob = (folder / "transforms.safetensors").read_bytes()
length = int.from_bytes(blob[:8], "little")
header = json.loads(blob[8:8 + length])


def stored(name):
    start, end = header[name]["data_offsets"]
    data = np.frombuffer(blob[8 + length + start:8 + length + end], np.uint8)
    return data.reshape(header[name]["shape"])


images = {n: Image.fromarray(stored("image/" + n)) for n in "abc"}
I, P = T.InterpolationMode, T.AutoAugmentPolicy

transforms = {
    "autoaugment_imagenet": T.AutoAugment(P.IMAGENET),
    "autoaugment_cifar10": T.AutoAugment(P.CIFAR10, interpolation=I.BILINEAR, fill=[10, 20, 30]),
    "autoaugment_svhn": T.AutoAugment(P.SVHN),
    "randaugment": T.RandAugment(),
    "randaugment_strong": T.RandAugment(3, 25, interpolation=I.BILINEAR, fill=[128, 128, 128]),
    "trivialaugment": T.TrivialAugmentWide(),
    "trivialaugment_bicubic": T.TrivialAugmentWide(interpolation=I.BICUBIC),
    "affine": T.RandomAffine(25, translate=(0.2, 0.3), scale=(0.7, 1.4), shear=(-10, 10, -5, 5)),
    "affine_bilinear": T.RandomAffine((0, 90), scale=(2, 3), shear=8, interpolation=I.BILINEAR, fill=77),
    "affine_scale": T.RandomAffine(0, translate=(0.5, 0.5), scale=(0.3, 3.0)),
    "rotation_expand": T.RandomRotation(180, expand=True),
    "rotation_bicubic": T.RandomRotation((-90, 30), interpolation=I.BICUBIC, center=(3, 5), fill=9),
    "grayscale_apply": T.Compose([T.RandomGrayscale(0.4), T.RandomApply([T.RandomVerticalFlip(0.8)], 0.6)]),
    "crop_pad": T.RandomCrop((20, 24), padding=3, pad_if_needed=True, padding_mode="edge"),
    "resized_crop": T.RandomResizedCrop((12, 9), scale=(0.2, 0.9), interpolation=I.BICUBIC),
    "color_jitter": T.ColorJitter(0.4, 0.3, 0.2, 0.1),
}
result = {"images": {}, "beta": {}, "mix": []}
for name, transform in transforms.items():
    torch.manual_seed(11)
    entry = {}
    for image in "abc":
        entry[image] = [
            hashlib.sha256(np.ascontiguousarray(transform(images[image]))).hexdigest()[:8] for _ in range(40)]
    result["images"][name] = entry

# Rounded from float32 sums, whose last bit depends on their order.
torch.manual_seed(11)
blur = T.GaussianBlur((5, 3), sigma=(0.2, 3.0))
result["blur"] = [np.array(blur(images["a"])).flatten().tolist() for _ in range(10)]

for alpha in (0.2, 0.4, 1.0, 2.5):
    torch.manual_seed(3)
    draws = torch.distributions.Beta(torch.tensor([alpha]), torch.tensor([alpha]))
    result["beta"][str(alpha)] = [float(draws.sample(())) for _ in range(12)]

for name, make in (("mixup", v2.MixUp), ("cutmix", v2.CutMix)):
    for alpha in (1.0, 0.3):
        torch.manual_seed(5)
        transform = make(alpha=alpha, num_classes=3)
        for _ in range(4):
            x = torch.arange(4 * 2 * 5 * 6, dtype=torch.float32).reshape(4, 2, 5, 6) / 100
            y, t = transform(x, torch.tensor([0, 2, 1, 1]))
            result["mix"].append({"name": name, "alpha": alpha, "input": [round(v, 6) for v in y.flatten().tolist()], "target": t.tolist()})
with open(folder / "augment.json", "w") as file:
    json.dump(result, file)
    file.write("\n")
