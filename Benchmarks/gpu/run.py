"""On a machine with a GPU: unpacks what pack.sh packed, checks the golden cases on the card, follows the losses of the
experiments, and times the workloads beside PyTorch. Prints tables, and writes results.json and logs.

    python3 run.py --output FOLDER [--parts info check follow speed profile cores] [--budget 420]

Parts that do not fit into the budget of seconds are left out, and said to be.
"""
import argparse
import csv
import glob
import json
import os
import platform
import select
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BEGIN = time.monotonic()
STEPS = 10  # Losses that are followed.


class Row:
    """A workload: its batch, how often it is done in a sample, what PyTorch's ways are, what to reach, and in which unit."""

    def __init__(self, name, batch, repeats, modes, goal=None, unit="images/s", amount=None, bf16_goal=None):
        self.name, self.batch, self.repeats, self.modes = name, batch, repeats, modes
        self.goal, self.unit, self.amount, self.bf16_goal = goal, unit, amount or batch, bf16_goal

    def figure(self, seconds):
        """What a sample of so many seconds means."""
        if self.unit == "µs":
            return seconds / self.repeats / self.amount * 1e6
        return self.amount * self.repeats / seconds

    def text(self, value):
        return f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"


BEST = ["eager", "graph"]
ROWS = [
    Row("cnn-train", 256, 50, BEST, 190_000, bf16_goal=250_000),
    Row("cnn-train", 2048, 10, BEST, 250_000),
    Row("step:resnet18", 256, 5, BEST, 9_500, bf16_goal=15_000),
    Row("forward:resnet18", 256, 10, BEST, 38_000, bf16_goal=36_000),
    Row("frozen:resnet18", 256, 10, BEST, 30_000),
    Row("forward:squeezenet1_0", 256, 10, BEST, 20_000),
    Row("add-once", 1, 1, ["eager"], 15, "µs", 1_000),
    Row("scalar-add", 1, 1, ["eager"], None, "µs", 10_000),
    Row("sgemm", 1, 3, ["eager"], None, "TFLOP/s", 2 * 8192**3 / 1e12),
    Row("tf32-gemm", 1, 10, ["eager"], None, "TFLOP/s", 2 * 8192**3 / 1e12),
    Row("copy", 1, 20, ["eager"], None, "GB/s", 2 * 4 * (1 << 28) / 1e9),
]
# Workloads whose steps are started as CUDA graphs.
TRAININGS = ["cnn-train", "step:resnet18", "frozen:resnet18"]


class Session:
    """What the parts share: the unpacked bundle, the time that is left, and what was found."""

    def __init__(self, options):
        self.options = options
        self.output = options.output
        self.results = {"parts": {}, "left_out": []}
        os.makedirs(self.output, exist_ok=True)
        self.stage = options.stage or tempfile.mkdtemp(prefix="gpu-")
        if not options.stage:
            with tarfile.open(os.path.join(HERE, "bundle.tar.xz")) as bundle:
                bundle.extractall(self.stage, filter="data")
            self.say(f"unpacked into {self.stage}")
        paths = [os.path.join(self.stage, "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
        self.environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(p for p in paths if p)}

    @property
    def left(self):
        return self.options.budget - (time.monotonic() - BEGIN)

    def say(self, line):
        print(f"[{time.monotonic() - BEGIN:5.0f} s] {line}", flush=True)

    def save(self):
        with open(os.path.join(self.output, "results.json"), "w") as file:
            json.dump(self.results, file, indent=1)

    def program(self, name):
        return os.path.join(self.stage, "bin", name)

    def run(self, command, limit, log=None, environment=None):
        """Standard output and error of a program that is ended after `limit` seconds or with the budget."""
        limit = max(5, min(limit, self.left))
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=self.environment if environment is None else environment, errors="replace", cwd=self.stage)
        try:
            text, _ = process.communicate(timeout=limit)
            status = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            text, _ = process.communicate()
            status = f"ended after {limit:.0f} s"
        if log:
            with open(os.path.join(self.output, log), "w") as file:
                file.write(text)
        return status, text


# What is there

def info(session):
    found = {"processor": platform.processor(), "cores": os.cpu_count()}
    with open("/proc/cpuinfo") as file:
        found["processor"] = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "")
    fields = "name,driver_version,memory.total,clocks.sm,clocks.max.sm,power.limit"
    commands = {
        "gpu": ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"],
        "torch": [sys.executable, "-c", "import torch; print(torch.__version__, torch.version.cuda, "
                  "torch.backends.cudnn.version())"],
        "doctor": [session.program("nn"), "doctor"],
    }
    for name, command in commands.items():
        try:
            # The machine's own programs take its own libraries.
            own = None if name == "doctor" else dict(os.environ)
            status, text = session.run(command, 60, f"{name}.txt", own)
            found[name] = text.strip() if status == 0 else f"{status}: {text.strip()[-300:]}"
        except OSError as error:
            found[name] = str(error)
    for name, text in found.items():
        session.say(f"{name}: {text}")
    return found


# Golden cases

def check(session):
    path = os.path.join(session.output, "check.json")
    status, text = session.run(
        [session.program("DeviceCheck"), "--device", session.options.check, "--fixtures",
         os.path.join(session.stage, "fixtures"), "--json", path, "--timeout", "40"], session.options.check_limit,
        "check.txt")
    lines = text.strip().splitlines()
    failed = [place for place, line in enumerate(lines) if line.startswith("FAILED")]
    # All are in the log; the tail of the output has to hold the rest as well.
    print("\n".join(lines[:60] if failed else []), flush=True)
    print("\n".join(line for line in lines if line.startswith("|")), flush=True)
    session.say(f"golden cases: status {status}, {len(failed)} failed")
    try:
        with open(path) as file:
            return {"status": status, **json.load(file)}
    except OSError:
        return {"status": status, "output": lines[-20:]}


# Losses

def cifar10(session):
    """A folder with files of CIFAR-10's sizes, made of the part that travelled; None without one."""
    part, folder = os.path.join(session.stage, "cifar10"), os.path.join(session.stage, "data")
    if not os.path.isdir(part):
        return None
    images = os.path.join(folder, "cifar-10-batches-bin")
    os.makedirs(images, exist_ok=True)
    for name, source in [*((f"data_batch_{n}", "train") for n in range(1, 6)), ("test_batch", "test")]:
        with open(os.path.join(part, f"{source}.bin"), "rb") as file:
            content = file.read()
        with open(os.path.join(images, f"{name}.bin"), "wb") as file:
            file.write((content * (10_000 * 3073 // len(content) + 1))[: 10_000 * 3073])
    return folder


def losses(path):
    """The losses of the first steps in a table that CSVLogger wrote."""
    with open(path) as file:
        rows = list(csv.DictReader(file))
    if not rows:
        return []
    name = next((n for n in rows[0] if n in ("train_loss", "train_loss_step", "loss", "loss_step")), None)
    if name is None:
        raise ValueError(f"no loss among {list(rows[0])}")
    return [float(row[name]) for row in rows if row[name]][:STEPS]


def follow(session):
    data = cifar10(session)
    weights = glob.glob(os.path.join(session.stage, "squeezenet1_0.*"))
    source = ["--dataset", "cifar10", "--root", data] if data else ["--dataset", "shapes"]
    batch = 256 if data else 32
    limits = ["--epochs", "1", "--limit-val", str(batch), "--limit-test", str(batch)]
    scratch = ["TrainFromScratchExample", *source, *limits, "--batch-size", str(batch), "--limit-train", str(STEPS * batch)]
    batch = 64 if data else 32
    fine = ["FineTuneExample", *source, *limits, "--batch-size", str(batch), "--limit-train", str(STEPS * batch),
            "--no-compare", "--no-moving-statistics"]
    if data and weights:
        fine += ["--arch", "squeezenet1_0", "--weights", weights[0]]
    found = {}
    for program, *arguments in [scratch, fine]:
        logs = {}
        for run, device in [("cpu", "cpu"), ("gpu", session.options.device), ("again", session.options.device)]:
            log = os.path.join(session.output, f"{program}-{run}.csv")
            if os.path.exists(log):
                os.remove(log)
            status, text = session.run(
                [session.program(program), *arguments, "--device", device, "--log", log], 90, f"{program}-{run}.txt")
            if status != 0:
                session.say(f"{program} --device {device}: status {status}: {text.strip().splitlines()[-3:]}")
            try:
                logs[run] = losses(log)
            except (OSError, ValueError) as error:
                session.say(f"{program} --device {device}: {error}")
                logs[run] = []
        cpu, gpu = logs["cpu"], logs["gpu"]
        worst = max((abs(a - b) / abs(a) for a, b in zip(cpu, gpu)), default=None)
        passed = worst is not None and len(cpu) == len(gpu) and worst <= 1e-2
        same = bool(gpu) and gpu == logs["again"]
        found[program] = {"cpu": cpu, "gpu": gpu, "worst": worst, "passed": passed, "same_again": same}
        session.say(f"{program}: {len(gpu)} of {len(cpu)} losses, farthest {worst}, within 1e-2: {passed}, "
                    f"the same bits again: {same}")
    return found


# Speed

class Peers:
    """PyTorch in a process of its own."""

    def __init__(self, session, script="gpu_peers.py", arguments=()):
        self.errors = open(os.path.join(session.output, "peers.txt"), "w")
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(session.stage, script), *arguments], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.errors, text=True, bufsize=1)
        self.isReady = False

    def answer(self, limit):
        ready, _, _ = select.select([self.process.stdout], [], [], limit)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.process.kill()
            return {"error": "PyTorch did not answer"}
        return json.loads(line)

    def ask(self, request, limit=90):
        try:
            if not self.isReady:
                self.isReady = "ready" in self.answer(limit)
            self.process.stdin.write(json.dumps(request) + "\n")
            return self.answer(limit)
        except (OSError, ValueError) as error:
            return {"error": str(error)}

    def close(self):
        self.process.kill()
        self.errors.close()


def ours(session, row, samples, *options):
    status, text = session.run(
        [session.program("Workloads"), row.name, "--device", session.options.device, "--batch", str(row.batch),
         "--samples", str(samples), "--repeats", str(row.repeats), "--warmup", "2", *options], 60)
    lines = text.strip().splitlines()
    if status != 0 or not lines:
        return {"error": f"status {status}: {' | '.join(lines[-2:])}"}
    return json.loads(lines[-1])


def speed(session):
    options = session.options
    peers = Peers(session, arguments=["--device", options.peers])
    rows = [row for row in ROWS if not options.only or row.name in options.only]
    found = {}
    for row in rows:
        key = f"{row.name}, batch {row.batch}"
        if session.left < 12:
            session.results["left_out"].append(key)
            continue
        modes = list(row.modes)
        if len(modes) > 1:
            modes += ["compile"] * options.compile
            modes += ["eager-bf16", "graph-bf16"] * options.bf16
        repeats = row.repeats
        row.repeats = max(1, round(row.repeats * options.scale))
        seconds, errors = {}, {}
        for _ in range(options.rounds):
            request = {"workload": row.name, "batch": row.batch, "samples": 3, "repeats": row.repeats}
            own = {"swift-nn": []}
            if row.name in TRAININGS:
                own["swift-nn, no graph"] = ["--no-graphs"]
            if options.bf16 and len(row.modes) > 1:
                own["swift-nn-bf16"] = ["--bf16"]
            for who in [*own, *modes]:
                if who in errors:
                    continue
                if who in own:
                    answer = ours(session, row, 3, *own[who])
                else:
                    answer = peers.ask({**request, "mode": who})
                if "error" in answer:
                    errors[who] = answer["error"]
                else:
                    seconds.setdefault(who, []).extend(answer["seconds"])
        medians = {who: row.figure(statistics.median(times)) for who, times in seconds.items()}
        found[key] = {"unit": row.unit, "goal": row.goal, "bf16_goal": row.bf16_goal, "figures": medians, "errors": errors, "seconds": seconds}
        row.repeats = repeats
        session.say(f"{key}: " + ", ".join(f"{who} {row.text(value)} {row.unit}" for who, value in medians.items()))
        for who, error in errors.items():
            session.say(f"    {who}: {error}")
        session.results["parts"]["speed"] = found
        session.save()
    peers.close()
    print(table(found), flush=True)
    return found


def table(found):
    ways = []
    for row in found.values():
        ways += [way for way in row["figures"] if way not in ways and way != "swift-nn"]
    hasMixed = "swift-nn-bf16" in ways
    heads = ["work", "unit", "swift-nn", *ways, "of the best", "goal", *["bf16 of the best", "bf16 goal"] * hasMixed]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for key, row in found.items():
        figures = row["figures"]

        def text(value):
            return "" if value is None else f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"

        def ratio(own):
            isMixed = "bf16" in own
            best = [value for way, value in figures.items() if not way.startswith("swift-nn") and ("bf16" in way) == isMixed]
            if not best or own not in figures:
                return ""
            return f"{min(best) / figures[own] if row['unit'] == 'µs' else figures[own] / max(best):.2f}"

        cells = [key, row["unit"], *[text(figures.get(way)) for way in ["swift-nn", *ways]], ratio("swift-nn"), text(row["goal"])]
        if hasMixed:
            cells += [ratio("swift-nn-bf16"), text(row["bf16_goal"])]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


# Where the time of a step goes

def profile(session):
    found = {}
    for name, batch in [("cnn-train", 256), ("step:resnet18", 256), ("forward:resnet18", 256)]:
        if session.left < 15:
            session.results["left_out"].append(f"profile of {name}")
            continue
        status, text = session.run(
            ["env", "NN_CUDA_TIMES=1", session.program("Workloads"), name, "--device", session.options.device, "--batch",
             str(batch), "--samples", "1", "--repeats", str(max(1, round(20 * session.options.scale))), "--warmup", "1"],
            60, f"profile-{name.replace(':', '-')}.txt")
        found[name] = text
        print(f"{name}, batch {batch}: status {status}\n" + "\n".join(text.splitlines()[:30]), flush=True)
    return found


# Many cores

def cores(session):
    path = os.path.join(session.output, "cores.json")
    status, text = session.run(
        [sys.executable, os.path.join(session.stage, "cores.py"), "--library", session.program("Workloads"), "--output",
         path, "--budget", str(int(session.left - 5)), "--profile"], session.left, "cores.txt")
    print("\n".join(line for line in text.splitlines() if line.startswith(("|", "left out"))), flush=True)
    try:
        with open(path) as file:
            return {"status": status, **json.load(file)}
    except OSError:
        return {"status": status}


PARTS = {"info": info, "check": check, "follow": follow, "speed": speed, "profile": profile, "cores": cores}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", required=True, help="folder for results.json and logs")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--budget", type=float, default=420, help="seconds for all")
    parser.add_argument("--check-limit", type=float, default=150, help="seconds for the golden cases")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="names of workloads")
    parser.add_argument("--compile", action="store_true", help="torch.compile as well, which takes its time")
    parser.add_argument("--bf16", action="store_true", help="mixed precision as well, beside PyTorch's autocast")
    parser.add_argument("--stage", help="folder of an unpacked bundle")
    # For trying this script out where there is no GPU.
    parser.add_argument("--device", default="gpu", help="what the programs compute on: gpu or cpu")
    parser.add_argument("--check", default="cuda", help="what the golden cases run on, see DeviceCheck --help")
    parser.add_argument("--peers", default="cuda", help="what PyTorch computes on")
    parser.add_argument("--scale", type=float, default=1, help="factor for the repeats of each sample")
    session = Session(parser.parse_args())
    for name in session.options.parts:
        if session.left < 10:
            session.results["left_out"].append(name)
            continue
        session.say(f"== {name}")
        try:
            session.results["parts"][name] = PARTS[name](session)
        except Exception as error:  # The other parts are worth having all the same.
            session.say(f"{name}: {type(error).__name__}: {error}")
            session.results["parts"][name] = {"error": str(error)}
        session.save()
    session.say(f"done; left out: {session.results['left_out'] or 'nothing'}")


if __name__ == "__main__":
    main()
