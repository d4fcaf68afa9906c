"""Runs workloads as this library and as its peers in alternation and tells medians and ratios.

    python bench.py --rounds 3 --output FOLDER [--only cnn-train …]

Each run is a process of its own. What is compared is the median over all samples of all rounds.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARY = os.path.join(HERE, ".build", "release", "Workloads")
TORCH = ["default", "channels-last"]
RUNTIMES = ["openvino", "onnxruntime"]
ZOO = [
    "alexnet", "vgg16", "resnet50", "squeezenet1_1", "densenet121", "googlenet", "shufflenet_v2_x1_0", "mobilenet_v2",
    "resnext50_32x4d", "wide_resnet50_2", "mnasnet1_0", "mobilenet_v3_large", "efficientnet_b0", "convnext_tiny",
    "vit_b_16"]


class Row:
    """A workload: how many items a sample has, against whom, and the ratio (or the time of an item) to reach,
    and at most how many rounds of it there are."""

    def __init__(self, name, batch, peers, target=None, samples=5, items=None, limit=None, rounds=None):
        self.name, self.batch, self.peers, self.target, self.limit = name, batch, peers, target, limit
        self.samples, self.items, self.rounds = samples, items or batch, rounds

    def wanted(self):
        return f"{self.limit * 1e6:.1f} µs" if self.limit else self.target or ""


ROWS = [
    Row("cnn-train", 256, TORCH + ["compile"], 4.0, samples=10),
    Row("cnn-eval", 256, TORCH, 3.0),
    Row("forward:resnet18", 32, TORCH + RUNTIMES, 1.5, samples=3),
    Row("forward-train:resnet18", 32, TORCH, 2.0, samples=3),
    Row("step:resnet18", 32, TORCH, 3.5, samples=2),
    Row("forward:squeezenet1_0", 32, TORCH + RUNTIMES, 1.3, samples=3),
    Row("mlp-step", 64, TORCH[:1], 3.0, samples=300),
    Row("scalar-add", 1, TORCH[:1], items=10_000, limit=1.5e-6),
    Row("resize", 256, TORCH[:1], 8.0),
    Row("sgemm", 1, TORCH[:1], samples=10),
    Row("copy", 1, TORCH[:1], samples=10),
]
ROWS += [Row(f"{kind}:{model}", 8, TORCH, 1.0, samples=4, rounds=2) for model in ZOO for kind in ("forward", "step")]
WORK = {"sgemm": (2 * 2048**3 / 1e9, "GFLOP/s"), "copy": (2 * 4 * (1 << 26) / 1e9, "GB/s")}


def run(command):
    # Some installations force an older kernel of OpenBLAS, which slows NumPy and PyTorch down.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    begin = time.perf_counter()
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    wall = time.perf_counter() - begin
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {result.stderr.strip().splitlines()[-1:]}")
    return json.loads(result.stdout.strip().splitlines()[-1]), wall


def command(row, who, samples=None, batch=None):
    options = ["--batch", str(batch or row.batch), "--samples", str(row.samples if samples is None else samples)]
    if who == "swift-nn":
        return [LIBRARY, row.name, *options]
    return [sys.executable, os.path.join(HERE, "peers.py"), row.name, *options, "--format", who]


def measure(row, rounds):
    seconds, peaks = {}, {}
    for _ in range(min(rounds, row.rounds or rounds)):
        for who in ["swift-nn", *row.peers]:
            try:
                found, _ = run(command(row, who))
            except RuntimeError as error:
                print(error, file=sys.stderr)
                continue
            seconds.setdefault(who, []).extend(found["seconds"])
            peaks[who] = max(peaks.get(who, 0), found["peak_bytes"])
    return {who: {"median": statistics.median(s), "best": min(s), "peak_bytes": peaks[who]} for who, s in seconds.items()}


def figure(row, seconds):
    if row.name in WORK:
        amount, unit = WORK[row.name]
        return f"{amount / seconds:.0f} {unit}"
    if row.name == "mlp-step":
        return f"{seconds * 1e3:.2f} ms"
    if row.name == "scalar-add":
        return f"{seconds / row.items * 1e6:.2f} µs"
    return f"{row.items / seconds:.1f}/s"


def start_times(rounds):
    """Seconds from the start of a process to its first finished training step."""
    row = Row("cnn-train", 256, [])
    row.batch = 32
    return {
        who: statistics.median(run(command(row, who, samples=0))[1] for _ in range(rounds))
        for who in ["swift-nn", "default"]}


def scaling():
    """Seconds per image of the CNN over the batch size."""
    row = Row("cnn-train", 256, [])
    found = {}
    for batch in [1, 2, 3, 4, 8, 16, 17, 32, 64, 100, 128, 256, 384, 512, 1024]:
        samples = max(3, min(50, 512 // batch))
        found[batch] = {}
        for who in ["swift-nn", "channels-last"]:
            result, _ = run(command(row, who, samples=samples, batch=batch))
            found[batch][who] = statistics.median(result["seconds"]) / batch
    return found


def table(results):
    lines = ["| work | swift-nn | best peer | | ratio | goal | memory |", "|---|---|---|---|---|---|---|"]
    for row in ROWS:
        found = results.get(row.name)
        if not found or "swift-nn" not in found or len(found) < 2:
            continue
        peer = min((w for w in found if w != "swift-nn"), key=lambda w: found[w]["median"])
        ours, theirs = found["swift-nn"], found[peer]
        memory = ours["peak_bytes"] / theirs["peak_bytes"]
        lines.append(
            f"| {row.name}, batch {row.batch} | {figure(row, ours['median'])} | {figure(row, theirs['median'])} | {peer} "
            f"| **{theirs['median'] / ours['median']:.2f}** | {row.wanted()} | {memory:.2f} |")
    return "\n".join(lines)


def plots(results, scale, folder):
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.size": 9, "svg.hashsalt": "swift-nn", "axes.spines.top": False, "axes.spines.right": False})
    rows = [r for r in ROWS if r.target and r.name in results and len(results[r.name]) > 1 and "swift-nn" in results[r.name]]
    figure_, axes = plt.subplots(figsize=(7, 0.6 + 0.27 * len(rows)))
    for place, row in enumerate(rows):
        found = results[row.name]
        best = min(found[w]["median"] for w in found if w != "swift-nn")
        ratio = best / found["swift-nn"]["median"]
        axes.barh(place, ratio, color="#2a7f62" if ratio >= row.target else "#8aa9b8")
        axes.plot([row.target] * 2, [place - 0.4, place + 0.4], color="#b03a2e", linewidth=2)
        label = dict(facecolor="white", edgecolor="none", pad=0.5)
        axes.text(ratio + 0.15, place, f"{ratio:.2f}", va="center", bbox=label, zorder=3)
    axes.set_yticks(range(len(rows)), [r.name for r in rows])
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=0.6)
    axes.set_xlabel("speed as a multiple of the best peer; red: goal")
    figure_.tight_layout()
    figure_.savefig(os.path.join(folder, "ratios.svg"), metadata={"Date": None})
    if scale:
        figure_, axes = plt.subplots(figsize=(6, 3.2))
        for who, color in (("swift-nn", "#2a7f62"), ("channels-last", "#b03a2e")):
            axes.plot(list(scale), [scale[b][who] * 1e3 for b in scale], marker="o", markersize=3, color=color, label=who)
        axes.set_xscale("log", base=2)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("batch size")
        axes.set_ylabel("ms per image, training step")
        axes.legend(frameon=False)
        figure_.tight_layout()
        figure_.savefig(os.path.join(folder, "batch-size.svg"), metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", required=True)
    parser.add_argument("--only", nargs="*", help="names of workloads; all if left out")
    parser.add_argument("--no-scaling", action="store_true")
    options = parser.parse_args()
    os.makedirs(options.output, exist_ok=True)
    path = os.path.join(options.output, "results.json")
    results = json.load(open(path))["workloads"] if os.path.exists(path) and options.only else {}
    for row in ROWS:
        if options.only and row.name not in options.only:
            continue
        results[row.name] = measure(row, options.rounds)
        print(table({row.name: results[row.name]}).splitlines()[-1], flush=True)
    start = start_times(options.rounds)
    print(f"start to first finished step: swift-nn {start['swift-nn']:.2f} s, PyTorch {start['default']:.2f} s")
    scale = {} if options.no_scaling else scaling()
    with open(path, "w") as file:
        json.dump({"workloads": results, "start": start, "scaling": scale}, file, indent=1)
    print(table(results))
    plots(results, scale, options.output)


if __name__ == "__main__":
    main()
