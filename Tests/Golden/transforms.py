"""torchvision's transforms of images, with arguments that the cases of `transforms` leave out."""

import numpy
import torch
import torchvision.transforms.functional as TF
from PIL import Image
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Normalize, Resize, ToTensor

from golden import TYPES, Folder

SIZES = {"wide": (7, 10), "tall": (9, 6)}


def cases():
    for image in SIZES:
        yield "resize", image, dict(size=5)
        yield "resize", image, dict(size=[6], max_size=8, interpolation="bicubic")
        yield "resize", image, dict(size=[8, 5], interpolation="lanczos", antialias=True)
        yield "center_crop", image, dict(size=5)
        yield "center_crop", image, dict(size=[11])
        yield "pad", image, dict(padding=[2], fill=7)
        yield "pad", image, dict(padding=[1, 2], padding_mode="symmetric")
        yield "pad", image, dict(padding=[0, 3, 2, 1], padding_mode="edge")
        yield "resized_crop", image, dict(top=1, left=2, height=5, width=6, size=[4], antialias=True)
        yield "five_crop", image, dict(size=4)
        yield "ten_crop", image, dict(size=[3, 4], vertical_flip=True)
        yield "rotate", image, dict(angle=25)
        yield "rotate", image, dict(angle=-70.5, interpolation="bilinear", expand=True, fill=[5, 6, 7])
        yield "rotate", image, dict(angle=45, fill=200, center=[0, 0])
        yield "affine", image, dict(angle=10, translate=[1, 2], scale=0.8, shear=[12], interpolation="bilinear", fill=[1, 2, 3])
        yield "affine", image, dict(angle=-15.5, translate=[0, -1], scale=1.1, shear=8.0, center=[3, 4])
    for image in ("tall",):
        yield "color_jitter_sequence", image, dict(steps=[["hue", 0.3], ["contrast", 1.7]])
        yield "posterize", image, dict(bits=1)
        yield "solarize", image, dict(threshold=40)
        yield "adjust_gamma", image, dict(gamma=1.5, gain=0.6)
        yield "adjust_hue", image, dict(factor=-0.37)
        yield "adjust_sharpness", image, dict(factor=1.4)
        yield "gaussian_blur_tensor", image, dict(kernel_size=3)
        yield "gaussian_blur_tensor", image, dict(kernel_size=[5, 3], sigma=1.2)
        yield "gaussian_blur_tensor", image, dict(kernel_size=[3, 7], sigma=[0.5])
        yield "resize_tensor", image, dict(size=5, interpolation="bilinear")
        yield "resize_tensor", image, dict(size=[6], max_size=8, interpolation="bicubic", antialias=False)
        yield "resize_tensor", image, dict(size=[4, 9], interpolation="nearest", antialias=True)
        yield "normalize", image, dict(mean=[0.1, 0.2, 0.3], std=[1, 2, 0.5], inplace=False)
        yield "imagenet_eval", image, dict(resize=[9, 7], crop=[4, 3])


def applied(op, image, arguments):
    given = dict(arguments)
    if "interpolation" in given:
        given["interpolation"] = InterpolationMode[given["interpolation"].upper()]
    if op == "imagenet_eval":
        steps = [Resize(given["resize"]), CenterCrop(given["crop"]), ToTensor()]
        return Compose([*steps, Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])(image)
    if op == "color_jitter_sequence":
        for name, factor in given["steps"]:
            image = getattr(TF, f"adjust_{name}")(image, factor)
        return image
    if op == "normalize":
        return TF.normalize(ToTensor()(image).double(), **given).float()
    if op.endswith("_tensor"):
        return getattr(TF, op[: -len("_tensor")])(ToTensor()(image), **given)
    if "factor" in given:
        return getattr(TF, op)(image, given["factor"])
    if "size" in given and "crop" in op and op != "resized_crop":
        return getattr(TF, op)(image, given.pop("size"), **given)
    return getattr(TF, op)(image, **given)


def write():
    folder = Folder("NNDataTests/Fixtures/transforms-arguments", "transforms", rtol=0, atol=0)
    images = {}
    for name, (height, width) in SIZES.items():
        source = torch.Generator().manual_seed(height)
        noise = torch.randint(0, 80, (height, width, 3), generator=source)
        ramp = torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"), -1)
        pixels = (torch.cat([ramp, ramp.sum(-1, keepdim=True)], -1) * 11 % 176 + noise).to(torch.uint8)
        folder.tensors[f"image/{name}"] = pixels
        images[name] = Image.fromarray(pixels.numpy())
    for op, image, arguments in cases():
        name = folder.name(op)
        result = applied(op, images[image], arguments)
        entry = {"id": name, "op": op, "image": image, "kwargs": arguments, "outputs": {}}
        for place, part in enumerate(result if isinstance(result, tuple) else [result]):
            output = f"out{place}" if isinstance(result, tuple) else "out"
            values = part if isinstance(part, torch.Tensor) else torch.from_numpy(numpy.array(part))
            folder.tensors[f"{name}/{output}"] = values.contiguous()
            entry["outputs"][output] = {"dtype": TYPES[values.dtype], "shape": list(values.shape)}
        folder.cases.append(entry)
    folder.save()
