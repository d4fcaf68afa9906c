"""Writes the small data sets beside this file: cifar100/train (the pickle of cifar100_train.bin), an archive of two
such files, mnist/*.gz and an archive in the form of Imagenette.

    python make_datasets.py    (numpy 2)
"""
import gzip
import io
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np

folder = Path(__file__).parent
records = np.frombuffer((folder / "cifar100/cifar100_train.bin").read_bytes(), np.uint8).reshape(-1, 3074)
content = {
    "filenames": ["%d.png" % i for i in range(len(records))], "batch_label": "training batch 1 of 1",
    "fine_labels": records[:, 1].tolist(), "coarse_labels": records[:, 0].tolist(),
    "data": np.ascontiguousarray(records[:, 2:])}
(folder / "cifar100/train").write_bytes(pickle.dumps(content, protocol=2))



def archive(path, files):
    """A tar.gz without names, owners or times, so that it is the same bytes each time."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    path.write_bytes(gzip.compress(packed.getvalue(), mtime=0))


short = {key: value if isinstance(value, str) else value[:1] for key, value in content.items()}
names = {"fine_label_names": ["apple"], "coarse_label_names": ["fish"]}
archive(folder / "cifar100/cifar-100-python.tar.gz", {
    "cifar-100-python/" + name: pickle.dumps(value, protocol=2)
    for name, value in (("meta", names), ("train", short), ("test", short))})
image = (folder / "images/rgb444.jpg").read_bytes()
archive(folder / "images/imagenette2-160.tgz", {
    "imagenette2-160/%s/a.JPEG" % place: image for place in ("train/n03425413", "train/n01440764", "val/n01440764")})

for name, count in (("train", 5), ("t10k", 3)):
    images = bytes((i * 7 + count) % 256 for i in range(count * 4 * 3))
    labels = bytes((i * 3 + count) % 10 for i in range(count))
    for kind, header, data in (
            ("images-idx3", struct.pack(">4I", 0x803, count, 4, 3), images),
            ("labels-idx1", struct.pack(">2I", 0x801, count), labels)):
        packed = gzip.compress(header + data, mtime=0)
        (folder / ("mnist/%s-%s-ubyte.gz" % (name, kind))).write_bytes(packed)
