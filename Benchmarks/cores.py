"""How the workloads grow with the number of cores, beside PyTorch on the same cores.

    python cores.py --library .build/release/Workloads --output cores.json [--cores 1 2 4 8 16] [--budget 200]

A run on N cores may use the first N processors (taskset) and N threads. From the times on all numbers of cores it is foretold
how much of a run on one core does not become faster with more (a fit of t = serial + rest / cores).
"""
import argparse
import json
import os
import select
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BEGIN = time.monotonic()


class Row:
    """A workload: its batch, the seconds that a run on one core takes about, and the amount of work in one run."""

    def __init__(self, name, batch, seconds, unit="images/s", amount=None):
        self.name, self.batch, self.seconds, self.unit, self.amount = name, batch, seconds, unit, amount or batch

    @property
    def key(self):
        return f"{self.name}, batch {self.batch}" if self.batch > 1 else self.name

    def text(self, seconds):
        if self.unit == "ms":
            return f"{seconds * 1e3:.2f} ms"
        return f"{self.amount / seconds:,.0f}"


ROWS = [
    Row("cnn-train", 256, 0.6),
    Row("cnn-eval", 256, 0.15),
    Row("forward:resnet18", 32, 0.6),
    Row("step:resnet18", 32, 2.2),
    Row("mlp-step", 64, 6e-4, "ms"),
    Row("sgemm", 1, 0.13, "GFLOP/s", 2 * 2048**3 / 1e9),
    Row("forward:vit_b_16", 16, 4.5),
    Row("cnn-train", 1024, 2.4),
]
# What would take too long on few cores.
FEWEST = {"forward:vit_b_16": 4, ("cnn-train", 1024): 8, "step:resnet18": 1}


class Torch:
    """PyTorch in a process of its own on the first cores."""

    def __init__(self, count):
        environment = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
        self.count = count
        self.process = subprocess.Popen(
            pinned(count) + [sys.executable, os.path.join(HERE, "peers.py"), "--serve"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1,
            env={**environment, "OMP_NUM_THREADS": str(count)})
        self.read(60)

    def read(self, limit):
        ready, _, _ = select.select([self.process.stdout], [], [], limit)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            raise RuntimeError("PyTorch did not answer")
        return json.loads(line)

    def measure(self, row, at_least):
        form = "channels-last" if row.unit == "images/s" and "vit" not in row.name else "default"
        request = {"workload": row.name, "batch": row.batch, "format": form, "threads": self.count, "samples": 2,
                   "at_least": at_least}
        self.process.stdin.write(json.dumps(request) + "\n")
        answer = self.read(60)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return statistics.median(answer["seconds"])

    def close(self):
        self.process.kill()


def pinned(count):
    return ["taskset", "-c", f"0-{count - 1}"]


def ours(library, row, count, at_least, profile=False):
    environment = {**os.environ, "NN_THREADS": str(count)}
    if profile:
        environment["NN_POOL_TIMES"] = "1"
    result = subprocess.run(
        pinned(count) + [library, row.name, "--batch", str(row.batch), "--samples", "2", "--at-least", str(at_least)],
        capture_output=True, text=True, env=environment, timeout=60)
    if result.returncode != 0:
        raise RuntimeError(f"{row.name}: {result.stderr.strip().splitlines()[-1:]}")
    return statistics.median(json.loads(result.stdout.strip().splitlines()[-1])["seconds"]), result.stderr


def side_by_side(library, row, count, at_least):
    """Seconds of a run where each core has a process of its own that does the same on one thread: what the machine itself
    leaves of so many cores (clock, caches, memory, cores that are two threads of one)."""
    processes = [
        subprocess.Popen(
            ["taskset", "-c", str(core), library, row.name, "--batch", str(row.batch), "--samples", "2", "--at-least",
             str(at_least)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "NN_THREADS": "1"})
        for core in range(count)]
    times = []
    for process in processes:
        output, _ = process.communicate(timeout=60)
        times.append(statistics.median(json.loads(output.strip().splitlines()[-1])["seconds"]))
    return statistics.mean(times)


def serial_share(times):
    """Of the times by number of cores: the part of t(1) that stays, by least squares of t(n) / t(1) = s + (1 - s) / n."""
    if 1 not in times or len(times) < 2:
        return None
    top = sum((1 - 1 / n) * (t / times[1] - 1 / n) for n, t in times.items())
    return top / sum((1 - 1 / n) ** 2 for n in times)


def table(found, counts):
    most = counts[-1]
    lines = [f"| work | on {', '.join(map(str, counts))} cores | efficiency at {most} | ceiling | serial | PyTorch on {most} | ratio |",
             "|---|---|---|---|---|---|---|"]
    for row in ROWS:
        times = {int(n): t for n, t in found.get(row.key, {}).get("swift-nn", {}).items()}
        if not times:
            continue
        figures = ", ".join(row.text(times[n]) if n in times else "–" for n in counts)
        efficiency = f"{times[1] / times[most] / most:.2f}" if 1 in times and most in times else ""
        share = serial_share(times)
        peer = found[row.key].get("PyTorch", {}).get(most)
        alone = found[row.key].get("side by side")
        ceiling = f"{times[1] / alone:.2f}" if alone and 1 in times else ""
        ratio = f"{peer / times[most]:.2f}" if peer and most in times else ""
        lines.append(
            f"| {row.key} ({row.unit}) | {figures} | {efficiency} | {ceiling} "
            f"| {'' if share is None else f'{share:.1%}'} "
            f"| {row.text(peer) if peer else ''} | {ratio} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", default=os.path.join(HERE, ".build", "release", "Workloads"))
    parser.add_argument("--output", required=True)
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--peer-cores", type=int, nargs="*", help="where PyTorch runs too; on the most if left out")
    parser.add_argument("--only", nargs="*", help="names of workloads")
    parser.add_argument("--at-least", type=float, default=0.7, help="seconds for which samples are taken")
    parser.add_argument("--budget", type=float, default=1e9, help="seconds for all")
    parser.add_argument("--ceiling", action="store_true", help="also as many processes of one core each, side by side")
    parser.add_argument("--profile", action="store_true", help="where the time goes on the most cores")
    options = parser.parse_args()
    os.makedirs(os.path.dirname(os.path.abspath(options.output)), exist_ok=True)
    counts = sorted({n for n in options.cores if n <= os.cpu_count()}) or [os.cpu_count()]
    peer_counts = [counts[-1]] if options.peer_cores is None else options.peer_cores
    rows = [row for row in ROWS if not options.only or row.name in options.only]
    found, left_out = {}, []

    def save():
        with open(options.output, "w") as file:
            json.dump({"cores": counts, "workloads": found, "left_out": left_out}, file, indent=1)

    # The most cores first: what they do is the question.
    for count in reversed(counts):
        torch = Torch(count) if count in peer_counts else None
        for row in rows:
            if count < max(FEWEST.get(row.name, 1), FEWEST.get((row.name, row.batch), 1)) and count != counts[-1]:
                continue
            # First run, samples, and the same for PyTorch, which takes longer.
            need = 3 * row.seconds / count * (4 if torch else 1) + options.at_least * (2 if torch else 1) + 2
            if time.monotonic() - BEGIN + need > options.budget:
                left_out.append(f"{row.key} on {count}")
                continue
            entry = found.setdefault(row.key, {"swift-nn": {}, "PyTorch": {}})
            try:
                entry["swift-nn"][count], _ = ours(options.library, row, count, options.at_least)
                if options.profile and count == counts[-1]:
                    _, entry["profile"] = ours(options.library, row, count, 0.3, profile=True)
                    print(f"{row.key} on {count}:\n{entry['profile']}", flush=True)
                if options.ceiling and count == counts[-1]:
                    entry["side by side"] = side_by_side(options.library, row, count, options.at_least)
                if torch:
                    entry["PyTorch"][count] = torch.measure(row, options.at_least)
            except (RuntimeError, subprocess.TimeoutExpired, OSError) as error:
                left_out.append(f"{row.key} on {count}: {error}")
            save()
        if torch:
            torch.close()
    save()
    print(table(found, counts))
    print(f"left out: {', '.join(left_out) or 'nothing'}")


if __name__ == "__main__":
    main()
