"""PyTorch on a GPU: answers requests like {"workload": "cnn-train", "batch": 256, "mode": "eager", "samples": 5,
"repeats": 20}, one line of JSON each on standard input, with the seconds of each sample.

Modes: eager, graph (the whole step as a CUDA graph), compile (torch.compile), each also with "-bf16" (autocast). Networks are
channels-last, convolutions may use TF32, products are float32 (PyTorch's defaults). What is computed on lies on the device
from the beginning; a sample begins and ends with the device idle.
"""
import argparse
import contextlib
import os
import sys
import time

import torch
import torchvision
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [HERE, os.path.dirname(HERE)]
from peers import four_block_net, serve  # noqa: E402

DEVICE = "cuda"


def synchronize():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


class Frozen(nn.Module):
    """A frozen network whose outputs feed a new linear layer."""

    def __init__(self, body):
        super().__init__()
        self.body, self.head = body.requires_grad_(False).eval(), nn.Linear(1000, 10)

    def train(self, mode=True):
        super().train(mode)
        self.body.eval()
        return self

    def forward(self, x):
        return self.head(self.body(x))


def network(kind, model):
    """The network, the shape of one of its inputs, and the number of classes."""
    if kind.startswith("cnn"):
        return four_block_net(nn), (3, 32, 32), 10
    if kind == "mlp-step":
        return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)), (784,), 10
    body = getattr(torchvision.models, model)(weights=None)
    return (Frozen(body), (3, 224, 224), 10) if kind == "frozen" else (body, (3, 224, 224), 1000)


def additions(length):
    x, ones = torch.ones(16, device=DEVICE, requires_grad=True), torch.ones(16, device=DEVICE)

    def run():
        for _ in range((1_000 if length == 1 else 10_000) // length):
            x.grad = None
            y = x
            for _ in range(length):
                y = y + 1
            y.backward(ones)

    return run


def make(name, batch, mode):
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = not mode.startswith("eager")
    torch.backends.cuda.matmul.allow_tf32 = name == "tf32-gemm"
    kind, _, model = name.partition(":")
    if kind in ("sgemm", "tf32-gemm"):
        size = 8192 if DEVICE == "cuda" else 512
        a, b = torch.randn(size, size, device=DEVICE), torch.randn(size, size, device=DEVICE)
        return lambda: a @ b
    if kind == "copy":
        x = torch.rand(1 << (28 if DEVICE == "cuda" else 20), device=DEVICE)
        y = torch.empty_like(x)
        return lambda: y.copy_(x)
    if kind in ("scalar-add", "add-once"):
        return additions(100 if kind == "scalar-add" else 1)

    net, shape, classes = network(kind, model)
    net = net.to(DEVICE)
    x = torch.randn(batch, *shape, device=DEVICE)
    target = torch.randint(0, classes, (batch,), device=DEVICE)
    if len(shape) == 3:
        net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    trains = kind in ("cnn-train", "mlp-step", "step", "frozen")
    net.train(trains)
    call = torch.compile(net) if mode.startswith("compile") else net

    def cast():
        return torch.autocast(DEVICE, torch.bfloat16) if mode.endswith("bf16") else contextlib.nullcontext()

    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.01)

    def forward():
        with torch.no_grad(), cast():
            return call(x).sum()

    def step():
        optimizer.zero_grad()
        with cast():
            loss = nn.functional.cross_entropy(call(x), target)
        loss.backward()
        optimizer.step()

    work = step if trains else forward
    return captured(work) if mode.startswith("graph") else work


def captured(work):
    """The work as a CUDA graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(4):
            work()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()

    def replay():
        graph.replay()

    # The graph knows addresses only: what lies there must live as long.
    replay.work = work
    return replay


class Server:
    """Keeps the workload of the last requests, as long as its name stays."""

    def __init__(self):
        self.name, self.made = None, {}

    def answer(self, request):
        key = (request["workload"], request["batch"])
        if key != self.name:
            self.made.clear()
            if DEVICE == "cuda":
                torch.cuda.empty_cache()
            self.name = key
        mode, repeats = request["mode"], request["repeats"]
        if mode not in self.made:
            run = make(*key, mode)
            for _ in range(3):
                run()
            synchronize()
            self.made[mode] = run
        run, seconds = self.made[mode], []
        for place in range(request["samples"] + 1):
            start = time.perf_counter()
            for _ in range(repeats):
                run()
            synchronize()
            if place:
                seconds.append(time.perf_counter() - start)
        return {"seconds": seconds}


def main():
    global DEVICE
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    DEVICE = parser.parse_args().device
    serve(Server().answer)


if __name__ == "__main__":
    main()
