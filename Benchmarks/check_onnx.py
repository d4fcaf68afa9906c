"""Exports every network and compares ONNX Runtime's logits with ours.

    swift build -c release --package-path Benchmarks --product Exports
    python Benchmarks/check_onnx.py [NETWORK …]

For each network: what onnx.checker says (with shape inference), the largest difference of a logit in batches of 1 and of
4, divided by the largest logit, and the same divided by the largest amount by which a logit differs between two images:
where logits are nearly the same for every image, an error in the layers would not show in the former. Exit status 1 if
a model is refused or differs by more than 1e-4 of the largest logit, or by more than 1e-2 of what images differ by.
"""
import os
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime

HERE = os.path.dirname(os.path.abspath(__file__))
EXPORTS = os.path.join(HERE, ".build", "release", "Exports")
TOLERANCE = 1e-4
SPREAD_TOLERANCE = 1e-2


def check(name, folder):
    """The file's size in MB, its number of nodes, the differences for both batches, and the share of the spread."""
    subprocess.run([EXPORTS, name, "--output", folder], check=True)
    path = os.path.join(folder, name + ".onnx")
    onnx.checker.check_model(path, full_check=True)
    nodes = len(onnx.load(path).graph.node)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    images, logits = (
        {rows: numpy.load(f"{path}.{rows}.{kind}.npy") for rows in (1, 4)} for kind in ("input", "logits"))
    differences, largest = [], 0.0
    for rows in (1, 4):
        (found,) = session.run(None, {"input": images[rows]})
        if found.shape != logits[rows].shape:
            raise ValueError(f"{found.shape} for {logits[rows].shape}")
        difference = float(numpy.abs(found - logits[rows]).max())
        differences.append(difference / float(numpy.abs(logits[rows]).max()))
        largest = max(largest, difference)
    return os.path.getsize(path) / 1e6, nodes, differences, largest / float(numpy.ptp(logits[4], axis=0).max())


def main():
    names = sys.argv[1:] or subprocess.run([EXPORTS], check=True, capture_output=True, text=True).stdout.split()
    print("| network | file | nodes | checker | batch of 1 | batch of 4 | of the spread |\n|---|---:|---:|---|---:|---:|---:|")
    failed, worst, worst_share = [], 0.0, 0.0
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            try:
                size, nodes, differences, share = check(name, folder)
            except Exception as error:
                print(f"| {name} | | | {str(error).splitlines()[0]} | | | |", flush=True)
                failed.append(name)
                continue
        one, four = differences
        print(f"| {name} | {size:.1f} MB | {nodes} | ok | {one:.1e} | {four:.1e} | {share:.1e} |", flush=True)
        worst, worst_share = max(worst, *differences), max(worst_share, share)
        if not (max(differences) <= TOLERANCE and share <= SPREAD_TOLERANCE):
            failed.append(name)
    print(f"\n{len(names)} networks, {len(failed)} failed {' '.join(failed)}; largest difference {worst:.1e} of the logits,"
          f" {worst_share:.1e} of the spread")
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
