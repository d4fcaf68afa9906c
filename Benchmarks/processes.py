"""Training steps of several processes: beside threads and PyTorch's DDP, over networks that are slowed down, and a model of
what they cost.

    python processes.py --program .build/release/ProcessSteps --output processes.json [--plot processes.svg] [--only NAME]

Hosts are network namespaces of this machine, joined by a bridge whose links have a rate and a delay (root, ip, tc); without
the right to make them that part is left out. The model of a step is

    max(compute, rest + exchange), exchange = buckets (rounds latency) + 2 (N - 1) / N bytes / bandwidth

where `compute` is a step of one process, and latency and bandwidth are fitted to the steps that were measured.
"""
import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"} if os.geteuid() == 0 else {}
NETWORKS = [("cnn", 256, 10), ("resnet18", 32, 6)]
LINKS = [("10 Gbit/s", "10gbit", "0ms"), ("1 Gbit/s", "1gbit", "0ms"), ("1 Gbit/s, 1 ms", "1gbit", "1ms")]
HOSTS = 2


def run(command, **environment):
    done = subprocess.run(command, env={**os.environ, **MPI, **environment}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def steps(program, network, batch, count, processes=1, threads=1, options=(), launcher=()):
    """Steps of this library; with a launcher on several hosts."""
    command = [program, network, "--batch", str(batch), "--steps", str(count), *options]
    if launcher:
        command = [*launcher, *command]
    elif processes > 1:
        command = ["mpirun", "-n", str(processes), "--bind-to", "core", "--oversubscribe", *command]
    else:
        command = ["taskset", "-c", f"0-{threads - 1}", *command]
    result = run(command, NN_THREADS=str(threads))
    result["step"] = statistics.median(result["seconds"])
    return result


def ddp(network, batch, count, processes):
    """Steps of PyTorch's DistributedDataParallel over Gloo."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29511"}
    environment.pop("LD_LIBRARY_PATH", None)
    started = [
        subprocess.Popen(
            ["taskset", "-c", str(rank), sys.executable, __file__, "--ddp", network, str(batch), str(count)],
            env={**environment, "RANK": str(rank), "WORLD_SIZE": str(processes)}, stdout=subprocess.PIPE, text=True)
        for rank in range(processes)
    ]
    outputs = [process.communicate()[0] for process in started]
    if any(process.returncode for process in started):
        raise SystemExit("PyTorch's DDP ended with an error")
    result = json.loads(outputs[0].strip().splitlines()[-1])
    result["step"] = statistics.median(result["seconds"])
    return result


def ddp_rank(network, batch, count):
    import time

    import torch
    import torch.distributed as dist
    import torchvision
    from torch import nn
    from peers import four_block_net

    dist.init_process_group("gloo")
    own = batch // dist.get_world_size()
    torch.set_num_threads(1)
    net, size, classes = (four_block_net(nn), 32, 10) if network == "cnn" else (
        getattr(torchvision.models, network)(weights=None), 224, 1000)
    net = nn.parallel.DistributedDataParallel(net.to(memory_format=torch.channels_last))
    x = torch.randn(own, 3, size, size).contiguous(memory_format=torch.channels_last)
    target = torch.randint(0, classes, (own,))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), target).backward()
        optimizer.step()

    for _ in range(3):
        step()
    dist.barrier()
    seconds = []
    for _ in range(count):
        begin = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - begin)
    if dist.get_rank() == 0:
        print(json.dumps({"seconds": seconds}))
    dist.destroy_process_group()


class Hosts:
    """Network namespaces on a bridge."""

    def __init__(self, count, rate, delay):
        self.names = [f"nn{os.getpid() % 1000}h{number}" for number in range(count)]
        self.bridge = f"nn{os.getpid() % 1000}br"
        self.rate, self.delay, self.folder = rate, delay, tempfile.mkdtemp()

    def call(self, text, check=True):
        done = subprocess.run(text.split(), capture_output=True, text=True)
        if check and done.returncode:
            raise OSError(f"{text}: {done.stderr.strip()}")

    def __enter__(self):
        try:
            self.call(f"ip link add {self.bridge} type bridge")
            self.call(f"ip link set {self.bridge} up")
            for number, name in enumerate(self.names):
                self.call(f"ip netns add {name}")
                self.call(f"ip link add {name}o type veth peer name eth0 netns {name}")
                self.call(f"ip link set {name}o master {self.bridge} up")
                self.call(f"ip -n {name} addr add 10.77.0.{number + 1}/24 dev eth0")
                self.call(f"ip -n {name} link set eth0 up")
                self.call(f"ip -n {name} link set lo up")
                self.slow(name)
            # What mpirun starts in place of ssh: it gets the address and a command line.
            self.agent = os.path.join(self.folder, "agent")
            with open(self.agent, "w") as file:
                cases = "".join(f"10.77.0.{i + 1}) name={name};; " for i, name in enumerate(self.names))
                file.write(f'#!/bin/sh\ncase "$1" in {cases} esac\nshift\nexec ip netns exec $name sh -c "$*"\n')
            os.chmod(self.agent, 0o755)
        except OSError:
            self.__exit__()
            raise
        return self

    def slow(self, name):
        """Rate and delay by netem; where the kernel lacks it, the rate alone by a token bucket."""
        add = f"tc -n {name} qdisc add dev eth0 root"
        try:
            self.call(f"{add} netem rate {self.rate} delay {self.delay} limit 100000")
        except OSError:
            if self.delay != "0ms":
                raise
            self.call(f"{add} tbf rate {self.rate} burst 1mb latency 50ms")

    def __exit__(self, *_):
        for name in self.names:
            self.call(f"ip link delete {name}o", check=False)
            self.call(f"ip netns delete {name}", check=False)
        self.call(f"ip link delete {self.bridge}", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def launcher(self):
        hosts = ",".join(f"10.77.0.{number + 1}:1" for number in range(len(self.names)))
        return ["ip", "netns", "exec", self.names[0], "mpirun", "-n", str(len(self.names)), "--host", hosts,
                "--mca", "plm_rsh_agent", self.agent, "--mca", "btl", "self,tcp", "--mca", "btl_tcp_if_include", "eth0",
                "--mca", "oob_tcp_if_include", "eth0", "--bind-to", "none", "--oversubscribe"]


def foretell(compute, size, hosts, latency, bandwidth, bucket=4 << 20):
    """Seconds of a step: gradients that are sent during the backward pass (two thirds of a step) cost nothing, if there is
    time; each bucket needs a header and two rounds with each other host."""
    if hosts == 1:
        return compute
    buckets = max(1, math.ceil(size / bucket))
    each = latency * 3 + latency / 10 * (hosts - 1)
    exchange = buckets * each + 2 * (hosts - 1) / hosts * size / bandwidth
    last = each + 2 * (hosts - 1) / hosts * min(size, bucket) / bandwidth
    return compute + max(exchange - compute * 2 / 3, last)


def fit(rows):
    """Latency and bandwidth of a link from the steps measured over it."""
    best = None
    for latency in [10 ** (k / 8 - 5) for k in range(25)]:
        for bandwidth in [10 ** (k / 16 + 7) for k in range(49)]:
            error = sum(
                math.log(foretell(row["compute"], row["size"], HOSTS, latency, bandwidth) / row["step"]) ** 2
                for row in rows)
            if best is None or error < best[0]:
                best = (error, latency, bandwidth)
    return {"latency": best[1], "bandwidth": best[2], "error": math.sqrt(best[0] / len(rows))}


def plot(path, result):
    """Efficiency by hosts, for each network and link, as SVG."""
    hosts = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    width, height, left, top = 640, 360, 60, 20
    colours = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b"]
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + 240} {height + 70}" font-family="sans-serif" '
             'font-size="12">', f'<rect width="{width + 240}" height="{height + 70}" fill="white"/>']

    def place(number, value):
        return left + number * (width - left) / (len(hosts) - 1), top + height * (1 - value)

    for value in (0, 0.25, 0.5, 0.75, 1):
        y = place(0, value)[1]
        lines.append(f'<path d="M{left} {y:.1f}H{width}" stroke="#ddd"/><text x="8" y="{y + 4:.1f}">{value:.0%}</text>')
    for number, count in enumerate(hosts):
        lines.append(f'<text x="{place(number, 0)[0] - 8:.1f}" y="{top + height + 18}">{count}</text>')
    lines.append(f'<text x="{left}" y="{top + height + 40}">hosts; share of the time of a step that is computing</text>')
    number = 0
    for link, model in result["model"].items():
        for network, compute, size in result["networks"]:
            points = " ".join(
                "%.1f,%.1f" % place(i, compute / foretell(compute, size, n, model["latency"], model["bandwidth"]))
                for i, n in enumerate(hosts))
            colour = colours[number % len(colours)]
            lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
            lines.append(f'<text x="{width + 12}" y="{top + 14 + 18 * number}" fill="{colour}">{network}, {link}</text>')
            number += 1
    with open(path, "w") as file:
        file.write("\n".join(lines + ["</svg>", ""]))


def main():
    if len(sys.argv) > 1 and sys.argv[1] == "--ddp":
        return ddp_rank(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--plot")
    parser.add_argument("--only", help="cnn or resnet18")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    networks = [row for row in NETWORKS if options.only in (None, row[0])]
    result = {"processes": [], "links": [], "networks": [], "model": {}}
    for network, batch, count in networks:
        # In turns, so that a machine that becomes slower does so for all.
        rows = {"1 process, 2 threads": lambda: steps(program, network, batch, count, threads=2),
                "2 processes": lambda: steps(program, network, batch, count, processes=2),
                "2 processes, bfloat16": lambda: steps(
                    program, network, batch, count, processes=2, options=["--compression", "bfloat16"]),
                "PyTorch DDP, 2 processes": lambda: ddp(network, batch, count, 2)}
        found = {name: [] for name in rows}
        for _ in range(options.rounds):
            for name, measure in rows.items():
                found[name].append(measure())
        for name, results in found.items():
            best = min(results, key=lambda r: r["step"])
            row = {"network": network, "name": name, "images/s": batch / best["step"], **best}
            result["processes"].append(row)
            share = f"{best['exchange'] / best['step']:5.0%} exchanging, {best['wait'] / best['step']:5.1%} waiting, " \
                f"{best['bytes'] / 1e6:.1f} MB" if "wait" in best and best["bytes"] else ""
            print(f"{network:10} {name:26} {row['images/s']:8.1f} images/s  {share}", flush=True)
    for network, batch, count in networks:
        # A host of this machine has one core, and half of the step's samples.
        alone = steps(program, network, batch // HOSTS, count)
        size = alone["parameters"] * 4
        result["networks"].append((network, alone["step"], size))
        for name, rate, delay in LINKS:
            try:
                with Hosts(HOSTS, rate, delay) as hosts:
                    found = steps(program, network, batch, count, launcher=hosts.launcher())
            except OSError as error:
                print(f"{network:10} {name:26} left out: {error}")
                continue
            row = {"network": network, "link": name, "compute": alone["step"], "size": size, **found}
            result["links"].append(row)
            print(f"{network:10} {name:26} step {found['step']:.3f} s, computing {alone['step']:.3f} s, waiting "
                  f"{found['wait']:.3f} s", flush=True)
    for name, _, _ in LINKS:
        rows = [row for row in result["links"] if row["link"] == name]
        if rows:
            result["model"][name] = fit(rows)
    for name, model in result["model"].items():
        print(f"{name}: {model['latency'] * 1e3:.2f} ms, {model['bandwidth'] / 1e6:.0f} MB/s, error {model['error']:.1%}")
        for network, compute, size in result["networks"]:
            print("   ", network, ", ".join(
                f"{n} hosts {compute / foretell(compute, size, n, model['latency'], model['bandwidth']):.0%}"
                for n in (8, 64, 512)))
    os.makedirs(os.path.dirname(os.path.abspath(options.output)), exist_ok=True)
    with open(options.output, "w") as file:
        json.dump(result, file, indent=1)
    if options.plot and result["model"]:
        plot(options.plot, result)


if __name__ == "__main__":
    main()
