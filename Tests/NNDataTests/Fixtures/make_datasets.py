"""Writes datasets/: small files in the layouts of published data sets, and what torchvision reads in them.

    python make_datasets.py    (PyTorch 2.9.1, torchvision 0.24.1, SciPy 1.17)
"""
import gzip
import hashlib
import importlib
import io
import json
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat
from torchvision import datasets
from torchvision.datasets import utils

folder = Path(__file__).parent / "datasets"
shutil.rmtree(folder, ignore_errors=True)
rng = np.random.default_rng(0)
TIME = (2020, 1, 1, 0, 0, 0)


def picture(form="PNG"):
    """A file of a few random pixels; what its name says of the format does not count."""
    pixels = rng.integers(0, 256, (int(rng.integers(3, 6)), int(rng.integers(3, 6)), 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


def smooth(count, channels, side):
    """Images that compress well, (N, C, H, W)."""
    n, c, y, x = np.ogrid[:count, :channels, :side, :side]
    return ((3 * n + 7 * c + x // 4 * 5 + y // 8 * 11) % 256).astype(np.uint8)


def write(path, content):
    path = folder / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def zipped(files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, TIME), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def packed_tar(files):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(file.getvalue(), mtime=0)


def mat(values, compress=True):
    file = io.BytesIO()
    savemat(file, values, do_compression=compress)
    # The first text has the date.
    return b"MATLAB 5.0 MAT-file".ljust(116) + file.getvalue()[116:]


def idx(values):
    head = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    return gzip.compress(head + values.astype(np.uint8).tobytes(), mtime=0)


# In memory.
for name, count in ("train", 3), ("test", 2):
    images = smooth(count, 3, 32)
    labels = np.array([[10], [1], [9]][:count], dtype=np.uint8)
    write(f"{name}_32x32.mat", mat({"X": images.transpose(2, 3, 1, 0), "y": labels}, compress=name == "train"))
stl = {}
for name, count in ("train", 2), ("test", 1):
    stl[f"stl10_binary/{name}_X.bin"] = smooth(count, 3, 96).transpose(0, 1, 3, 2).tobytes()
    stl[f"stl10_binary/{name}_y.bin"] = bytes([10, 1][:count])
stl["stl10_binary/unlabeled_X.bin"] = b""
names = "airplane bird car cat deer dog horse monkey ship truck".split()
stl["stl10_binary/class_names.txt"] = "\n".join(names).encode()
write("stl10_binary.tar.gz", packed_tar(stl))
emnist = {}
for split, top in ("letters", 26), ("balanced", 46):
    for part, count in ("train", 3), ("test", 2):
        stem = f"gzip/emnist-{split}-{part}"
        emnist[f"{stem}-images-idx3-ubyte.gz"] = idx(smooth(count, 1, 28)[:, 0])
        emnist[f"{stem}-labels-idx1-ubyte.gz"] = idx(np.array([top, 1, 7][:count]))
write("EMNIST/raw/gzip.zip", zipped(emnist))
faces = [" ".join(str((i + j // 9) % 7) for j in range(48 * 48)) for i in range(3)]
usage = ["Training", "PublicTest", "PrivateTest"]
write("fer2013/fer2013.csv", "emotion,pixels,Usage\n" + "".join(
    f"{2 * i},{faces[i]},{usage[i]}\n" for i in range(3)))
write("icml/fer2013/icml_face_data.csv", "emotion, Usage, pixels\n" + "".join(
    f"{6 - i},{usage[i]},{faces[i]}\n" for i in range(2)))

# Photographs.
write("dtd/dtd/labels/train1.txt", "dots/dots_2.jpg\nbands/bands_1.jpg\n")
write("dtd/dtd/labels/val1.txt", "dots/dots_1.jpg\nbands/bands_2.jpg\n")
write("dtd/dtd/labels/test2.txt", "bands/bands_1.jpg\n")
for name in ("dots/dots_1", "dots/dots_2", "bands/bands_1", "bands/bands_2"):
    write(f"dtd/dtd/images/{name}.jpg", picture())
write("eurosat/EuroSAT.zip", zipped({
    f"2750/{name}/{name}_{i}.jpg": picture() for name in ("River", "Forest") for i in (1, 2)}))
signs = {f"GTSRB/Training/{label:05}/{i:05}_00000.ppm": picture("PPM") for label in range(2) for i in range(2)}
write("gtsrb/GTSRB-Training_fixed.zip", zipped({**signs, "GTSRB/Training/00000/GT-00000.csv": b"Filename\n"}))
write("gtsrb/GTSRB_Final_Test_Images.zip", zipped({
    f"GTSRB/Final_Test/Images/{i:05}.ppm": picture("PPM") for i in range(2)}))
write("gtsrb/GTSRB_Final_Test_GT.zip", zipped({
    "GT-final_test.csv": "Filename;Width;Height;ClassId\r\n00000.ppm;4;4;1\r\n00001.ppm;4;4;0\r\n"}))
for name in ("great_pyrenees_1", "Abyssinian_10", "Abyssinian_2"):
    write(f"oxford-iiit-pet/images/{name}.jpg", picture())
write("oxford-iiit-pet/annotations/trainval.txt", "great_pyrenees_1 2 2 1\nAbyssinian_10 1 1 1\n")
write("oxford-iiit-pet/annotations/test.txt", "Abyssinian_2 1 1 1\n")
write("food-101/meta/train.json", json.dumps({"apple_pie": ["apple_pie/2", "apple_pie/1"], "waffles": ["waffles/3"]}))
write("food-101/meta/test.json", json.dumps({"apple_pie": ["apple_pie/4"], "waffles": []}))
for name in ("apple_pie/1", "apple_pie/2", "waffles/3", "apple_pie/4"):
    write(f"food-101/images/{name}.jpg", picture())
objects = {f"101_ObjectCategories/{name}/image_{i:04}.jpg": picture()
           for name in ("ant", "Faces", "BACKGROUND_Google") for i in (1, 2)}
annotations = io.BytesIO()
tarfile.open(fileobj=annotations, mode="w").close()
write("caltech101/caltech-101.zip", zipped({
    "caltech-101/101_ObjectCategories.tar.gz": packed_tar(objects),
    "caltech-101/Annotations.tar": annotations.getvalue()}))
for i in range(1, 7):
    write(f"flowers-102/jpg/image_{i:05}.jpg", picture())
write("flowers-102/imagelabels.mat", mat({"labels": np.array([[102, 1, 77, 77, 5, 1]], dtype=np.uint8)}))
write("flowers-102/setid.mat", mat({
    "trnid": np.array([[6, 1]], dtype=np.uint16), "valid": np.array([[2, 3]], dtype=np.uint16),
    "tstid": np.array([[5, 4]], dtype=np.int32)}))

# What torchvision makes of them. Its digests are those of the real files.
modules = [importlib.import_module(f"torchvision.datasets.{m}") for m in (
    "utils", "svhn", "stl10", "mnist", "fer2013", "flowers102")]
for module in modules:
    module.check_integrity = lambda path, md5=None: Path(path).is_file()
expected = []
with tempfile.TemporaryDirectory() as root:
    shutil.copytree(folder, root, dirs_exist_ok=True)
    keep = {"download": True}
    cases = {
        "svhn/train": lambda: datasets.SVHN(root, "train"), "svhn/test": lambda: datasets.SVHN(root, "test"),
        "stl10/train": lambda: datasets.STL10(root, "train", **keep),
        "stl10/test": lambda: datasets.STL10(root, "test"),
        "emnist-letters/train": lambda: datasets.EMNIST(root, "letters", train=True, **keep),
        "emnist-letters/test": lambda: datasets.EMNIST(root, "letters", train=False),
        "emnist-balanced/train": lambda: datasets.EMNIST(root, "balanced", train=True),
        "fer2013/train": lambda: datasets.FER2013(root, "train"),
        "fer2013/test": lambda: datasets.FER2013(root, "test"),
        "fer2013-icml/test": lambda: datasets.FER2013(f"{root}/icml", "test"),
        "dtd/train": lambda: datasets.DTD(root, "train"), "dtd/validation": lambda: datasets.DTD(root, "val"),
        "eurosat/train": lambda: datasets.EuroSAT(root, **keep),
        "gtsrb/train": lambda: datasets.GTSRB(root, "train", **keep),
        "gtsrb/test": lambda: datasets.GTSRB(root, "test", **keep),
        "pets/train": lambda: datasets.OxfordIIITPet(root, "trainval"),
        "food101/train": lambda: datasets.Food101(root, "train"),
        "food101/test": lambda: datasets.Food101(root, "test"),
        "caltech101/train": lambda: datasets.Caltech101(root, **keep),
        "flowers102/train": lambda: datasets.Flowers102(root, "train"),
        "flowers102/validation": lambda: datasets.Flowers102(root, "val"),
        "flowers102/test": lambda: datasets.Flowers102(root, "test"),
    }
    for name, make in cases.items():
        data = make()
        items = [data[i] for i in range(len(data))]
        classes = getattr(data, "classes", None) or getattr(data, "categories", None)
        expected.append({
            "part": name, "classes": classes, "targets": [int(t) for _, t in items],
            "images": [{"size": list(i.size), "sha256": hashlib.sha256(np.asarray(i).tobytes()).hexdigest()[:16]}
                       for i, _ in items]})
(folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
