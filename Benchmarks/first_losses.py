"""How far PyTorch's own runs leave the first losses in the tests' fixture, on the machine at hand.

    python first_losses.py FOLDER_OF_BINARY_BATCHES

The protocol stands in Tests/ExampleTests/Fixtures/cifar10_scratch.json; the table is in Documentation/Results.md.
"""
import json
import os
import sys

import numpy
import torch
from torch import nn

from peers import four_block_net

HERE = os.path.dirname(os.path.abspath(__file__))
STEPS = 30


def run(raw, dtype, form, threads):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    numbers = torch.utils.data.TensorDataset(torch.arange(len(raw)))
    train, _ = torch.utils.data.random_split(numbers, [40_000, 10_000])
    torch.manual_seed(0)
    net = four_block_net(nn).to(dtype).to(memory_format=form)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    batches, losses = iter(torch.utils.data.DataLoader(train, 256, shuffle=True)), []
    for _ in range(STEPS):
        records = raw[next(batches)[0].numpy()]
        x = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).copy()).float() / 255
        target = torch.from_numpy(records[:, 0].astype(numpy.int64))
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x.to(dtype).contiguous(memory_format=form)), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def main():
    fixture = os.path.join(HERE, "..", "Tests", "ExampleTests", "Fixtures", "cifar10_scratch.json")
    with open(fixture) as file:
        golden = json.load(file)["first_losses"][:STEPS]
    paths = [os.path.join(sys.argv[1], f"data_batch_{number}.bin") for number in range(1, 6)]
    raw = numpy.concatenate([numpy.fromfile(path, numpy.uint8).reshape(-1, 3073) for path in paths])
    rows, last = torch.contiguous_format, torch.channels_last
    for dtype, form, threads in [(torch.float32, last, 2), (torch.float32, last, 1), (torch.float32, rows, 2),
                                 (torch.float64, rows, 2)]:
        errors = [abs(a - b) / b for a, b in zip(run(raw, dtype, form, threads), golden)]
        first = next((step for step, error in enumerate(errors) if error > 1e-3), None)
        print(f"{dtype}, {form}, {threads} threads: over 0.001 first at step {first}, most {max(errors):.4f}", flush=True)


if __name__ == "__main__":
    main()
