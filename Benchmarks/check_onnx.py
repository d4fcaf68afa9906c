"""Exports every network and compares ONNX Runtime's logits with ours.

    swift build -c release --package-path Benchmarks --product Exports
    python Benchmarks/check_onnx.py [NETWORK …]

For each network: what onnx.checker says (with shape inference), the largest difference of a logit in batches of 1 and of
4, divided by the largest logit, and the same divided by the largest amount by which a logit differs between two images:
where logits are nearly the same for every image, an error in the layers would not show in the former. Exit status 1 if
a model is refused, differs by more than 1e-2 of what images differ by, or by more than 1e-4 of the largest logit.
Where two roundings of a deep network part by more than that, torchvision's network with the weights in the file decides in
float64: the runtime and this library have to be off by amounts of the same size, less than 1e-3 and within a factor of 2.
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


def exact(name, model, images):
    """Logits of torchvision's network in float64, with the weights that are in the file."""
    import torch
    import torchvision

    network = getattr(torchvision.models, name)().double().eval()
    state = {item.name: torch.from_numpy(onnx.numpy_helper.to_array(item).copy()) for item in model.graph.initializer}
    wanted = {key for key in network.state_dict() if not key.endswith("num_batches_tracked")}
    network.load_state_dict({key: state[key] for key in wanted}, strict=False)
    with torch.no_grad():
        return network(torch.from_numpy(images).double()).numpy()


def check(name, folder):
    """The file's size in MB, its number of nodes, the differences for both batches, the share of the spread, and errors
    of ours and the runtime's against float64 where the differences call for them."""
    subprocess.run([EXPORTS, name, "--output", folder], check=True)
    path = os.path.join(folder, name + ".onnx")
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    nodes = len(model.graph.node)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    images, logits = (
        {rows: numpy.load(f"{path}.{rows}.{kind}.npy") for rows in (1, 4)} for kind in ("input", "logits"))
    differences, errors, largest = [], [], 0.0
    for rows in (1, 4):
        (found,) = session.run(None, {"input": images[rows]})
        if found.shape != logits[rows].shape:
            raise ValueError(f"{found.shape} for {logits[rows].shape}")
        difference = float(numpy.abs(found - logits[rows]).max())
        scale = float(numpy.abs(logits[rows]).max())
        differences.append(difference / scale)
        largest = max(largest, difference)
        if difference > TOLERANCE * scale:
            want = exact(name, model, images[rows])
            errors.append([float(numpy.abs(got - want).max()) / scale for got in (logits[rows], found)])
    share = largest / float(numpy.ptp(logits[4], axis=0).max())
    return os.path.getsize(path) / 1e6, nodes, differences, share, errors


def main():
    names = sys.argv[1:] or subprocess.run([EXPORTS], check=True, capture_output=True, text=True).stdout.split()
    print("| network | file | nodes | checker | batch of 1 | batch of 4 | of the spread |\n|---|---:|---:|---|---:|---:|---:|")
    failed, worst, worst_share = [], 0.0, 0.0
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            try:
                size, nodes, differences, share, errors = check(name, folder)
            except Exception as error:
                print(f"| {name} | | | {str(error).splitlines()[0]} | | | |", flush=True)
                failed.append(name)
                continue
        one, four = differences
        print(f"| {name} | {size:.1f} MB | {nodes} | ok | {one:.1e} | {four:.1e} | {share:.1e} |", flush=True)
        worst, worst_share = max(worst, *differences), max(worst_share, share)
        for ours, theirs in errors:
            print(f"| | | | against float64 | ours {ours:.1e} | ONNX Runtime {theirs:.1e} | |", flush=True)
        if errors:
            isRounding = all(max(pair) <= min(10 * TOLERANCE, 2 * min(pair)) for pair in errors)
        else:
            isRounding = max(differences) <= TOLERANCE
        if not (isRounding and share <= SPREAD_TOLERANCE):
            failed.append(name)
    print(f"\n{len(names)} networks, {len(failed)} failed {' '.join(failed)}; largest difference {worst:.1e} of the logits,"
          f" {worst_share:.1e} of the spread")
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
