"""Whether a CIFAR-10 folder that swift-nn downloaded is torchvision's, and the other way round.

    swift build -c release --product CIFARProbe
    python cifar_roots.py FOLDER_OF_BINARY_BATCHES

Both sides download an archive made here (the layout of cifar-10-python.tar.gz, with the images of the given folder)
from a server of this script, unpack it, and open what the other one unpacked. Every image and label is compared.
torchvision's own list of MD5 sums is that of the official files; a subclass has those of the files made here.
"""
import contextlib
import functools
import hashlib
import http.server
import io
import os
import pickle
import subprocess
import sys
import tarfile
import tempfile
import threading

import numpy
from torchvision.datasets import CIFAR10

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
BATCHES = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]


def made_files(folder):
    """Name and bytes of each file of the Python version."""
    for batch in BATCHES:
        records = numpy.fromfile(f"{folder}/{batch}.bin", numpy.uint8).reshape(-1, 3073)
        content = {
            "batch_label": batch, "labels": records[:, 0].tolist(), "data": records[:, 1:].copy(),
            "filenames": [f"{batch}_{number}.png" for number in range(len(records))],
        }
        yield batch, pickle.dumps(content, protocol=2)
    meta = {"label_names": NAMES, "num_cases_per_batch": 10_000, "num_vis": 3_072}
    yield "batches.meta", pickle.dumps(meta, protocol=2)


def make_archive(folder, path):
    """Writes the archive and says the MD5 of each file in it."""
    sums = {}
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in made_files(folder):
            sums[name] = hashlib.md5(content).hexdigest()
            entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return sums


class Server(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def copyfile(self, source, target):
        with contextlib.suppress(ConnectionError):  # torchvision asks where a redirection leads, and hangs up
            super().copyfile(source, target)


def made_class(address, archive, sums):
    """torchvision's data set for the archive made here."""

    class MadeCIFAR10(CIFAR10):
        url = address
        tgz_md5 = hashlib.md5(open(archive, "rb").read()).hexdigest()
        train_list = [[name, sums[name]] for name in BATCHES[:5]]
        test_list = [[name, sums[name]] for name in BATCHES[5:]]
        meta = {"filename": "batches.meta", "key": "label_names", "md5": sums["batches.meta"]}

    return MadeCIFAR10


def records(*datasets):
    """Label and pixels row by row of every image."""
    return numpy.concatenate([
        numpy.concatenate([numpy.uint8(data.targets)[:, None], data.data.reshape(-1, 3072)], 1)
        for data in datasets
    ])


def probe(*arguments):
    subprocess.run([os.path.join(HERE, "../.build/release/CIFARProbe"), *arguments], check=True)


def compare(name, theirs, root, scratch):
    probe("dump", root, scratch)
    ours = numpy.fromfile(scratch, numpy.uint8).reshape(-1, 3073)
    if ours.shape != theirs.shape:
        sys.exit(f"{name}: {len(ours)} images here, {len(theirs)} in torchvision")
    differing = numpy.flatnonzero((ours != theirs).any(1))
    if len(differing):
        sys.exit(f"{name}: {len(differing)} images or labels differ, the first at {differing[0]}")
    print(f"{name}: {len(ours)} images and labels are the same, in the same order")


def main(folder):
    with tempfile.TemporaryDirectory() as scratch:
        archive = f"{scratch}/cifar-10-python.tar.gz"
        sums = make_archive(folder, archive)
        handler = functools.partial(Server, directory=scratch)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{os.path.basename(archive)}"
        made = made_class(address, archive, sums)

        probe("download", f"{scratch}/ours", address, made.tgz_md5)
        opened = made(f"{scratch}/ours", train=True), made(f"{scratch}/ours", train=False)
        assert opened[0].classes == NAMES
        compare("downloaded here, opened by torchvision", records(*opened), f"{scratch}/ours", f"{scratch}/dump")

        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            made(f"{scratch}/theirs", download=True)
        fetched = made(f"{scratch}/theirs", train=True), made(f"{scratch}/theirs", train=False)
        compare("downloaded by torchvision, opened here", records(*fetched), f"{scratch}/theirs", f"{scratch}/dump")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
