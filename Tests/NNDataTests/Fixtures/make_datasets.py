"""Writes the small data sets beside this file: cifar100/train (the pickle of cifar100_train.bin) and mnist/*.gz.

    python make_datasets.py    (numpy 2)
"""
import gzip
import pickle
import struct
from pathlib import Path

import numpy as np

folder = Path(__file__).parent
records = np.frombuffer((folder / "cifar100/cifar100_train.bin").read_bytes(), np.uint8).reshape(-1, 3074)
content = {
    "filenames": ["%d.png" % i for i in range(len(records))], "batch_label": "training batch 1 of 1",
    "fine_labels": records[:, 1].tolist(), "coarse_labels": records[:, 0].tolist(),
    "data": np.ascontiguousarray(records[:, 2:])}
(folder / "cifar100/train").write_bytes(pickle.dumps(content, protocol=2))

for name, count in (("train", 5), ("t10k", 3)):
    images = bytes((i * 7 + count) % 256 for i in range(count * 4 * 3))
    labels = bytes((i * 3 + count) % 10 for i in range(count))
    for kind, header, data in (
            ("images-idx3", struct.pack(">4I", 0x803, count, 4, 3), images),
            ("labels-idx1", struct.pack(">2I", 0x801, count), labels)):
        packed = gzip.compress(header + data, mtime=0)
        (folder / ("mnist/%s-%s-ubyte.gz" % (name, kind))).write_bytes(packed)
