"""Ten epochs of fine-tuning on CIFAR-10: this library, which computes the frozen network once per image, beside PyTorch.

    python finetune.py --root data --weights squeezenet1_0.pth --plot ../Documentation/Images/finetune.svg

Prints a table and draws the time over the epochs. PyTorch's ten epochs are extrapolated from 20 batches: a frozen network
in evaluation mode without gradients, a head of BatchNorm1d and Linear, SGD 0.01, one worker that makes the images.
"""
import argparse
import os
import re
import subprocess
import sys
import time

import numpy

HERE = os.path.dirname(os.path.abspath(__file__))
TRAIN, VALIDATION, TEST, BATCH = 40_000, 10_000, 10_000, 256


def ours(arguments):
    """Seconds at the end of each epoch, seconds of training and test, and what the program printed."""
    program = os.path.join(HERE, "..", ".build", "release", "FineTuneExample")
    command = [program, "--root", arguments.root, "--arch", "squeezenet1_0", "--weights", arguments.weights,
               "--epochs", str(arguments.epochs), "--batch-size", str(BATCH), "--no-compare", "--dataset", "cifar10"]
    start, ends, last = time.perf_counter(), [], ""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.startswith(("Epoch", "Testing", "Frozen")):
            print(line, end="", file=sys.stderr, flush=True)
        # The last line of a validation that has its metrics with four digits.
        if line.startswith("Validating: 100%") and re.search(r"val_loss=\d+\.\d{4}", line):
            ends.append(time.perf_counter() - start)
        last = line
    output = process.stdout.read()
    if process.wait() != 0:
        sys.exit(last)
    return ends, time.perf_counter() - start, output


def torch_rates(arguments):
    """Images per second of training steps with the frozen network, for both memory formats."""
    import torch
    import torchvision
    from torch import nn
    from torchvision import transforms

    torch.set_num_threads(os.cpu_count())
    raw = numpy.fromfile(os.path.join(arguments.root, "cifar-10-batches-bin", "data_batch_1.bin"), numpy.uint8)
    raw = raw.reshape(-1, 3073)
    change = transforms.Compose([transforms.ToPILImage(), transforms.Resize((224, 224)), transforms.ToTensor(),
                                 transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])

    class Images(torch.utils.data.Dataset):
        def __len__(self):
            return len(raw)

        def __getitem__(self, index):
            pixels = raw[index, 1:].reshape(3, 32, 32).transpose(1, 2, 0)
            return change(numpy.ascontiguousarray(pixels)), int(raw[index, 0])

    def rate(form, batches):
        torch.manual_seed(0)
        network = torchvision.models.squeezenet1_0()
        network.load_state_dict(torch.load(arguments.weights, weights_only=True))
        network = network.eval().to(memory_format=form)
        for parameter in network.parameters():
            parameter.requires_grad_(False)
        head = nn.Sequential(nn.BatchNorm1d(1000), nn.Linear(1000, 10))
        optimizer = torch.optim.SGD(head.parameters(), lr=0.01)
        loader = torch.utils.data.DataLoader(Images(), BATCH, shuffle=True, num_workers=1)
        start = None
        for number, (x, target) in enumerate(loader):
            if number == 1:
                start = time.perf_counter()  # the first batch warms up
            if number == batches + 1:
                break
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(head(network(x.contiguous(memory_format=form))), target)
            loss.backward()
            optimizer.step()
        return batches * BATCH / (time.perf_counter() - start)

    forms = {"default format": torch.contiguous_format, "channels-last": torch.channels_last}
    short = {name: rate(form, 4) for name, form in forms.items()}
    best = max(short, key=short.get)
    return best, rate(forms[best], 20)


def plot(path, ends, other):
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.size": 9, "svg.hashsalt": "swift-nn", "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(figsize=(6, 3.4))
    epochs = range(1, len(ends) + 1)
    axes.plot(epochs, [other * epoch / 60 for epoch in epochs], "o-", color="#999999", label="PyTorch (extrapolated)")
    axes.plot(epochs, [end / 60 for end in ends], "o-", color="#d1495b", label="swift-nn")
    axes.set_xlabel("epochs done")
    axes.set_ylabel("minutes")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_title("SqueezeNet 1.0 with a new head, all of CIFAR-10 at 224x224")
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--plot")
    arguments = parser.parse_args()

    ends, total, output = ours(arguments)
    print(output[output.rfind("{'loss'"):])
    best, rate = torch_rates(arguments)
    images = arguments.epochs * (TRAIN + VALIDATION) + TEST
    other = images / rate
    # The first epoch, its validation and the test see every image once.
    rest = ends[-1] - ends[0]
    once = total - rest
    print(f"ours: {total:.0f} s in all; every image through the network once: {once:.0f} s "
          f"({(TRAIN + VALIDATION + TEST) / once:.0f} images/s); epochs 2 to {arguments.epochs}: {rest:.1f} s")
    print(f"all of it is {total / once:.3f} times that one pass")
    print(f"PyTorch ({best}): {rate:.1f} images/s, so {other:.0f} s for {images} images: {other / total:.1f} times ours")
    if arguments.plot:
        plot(arguments.plot, ends, (TRAIN + VALIDATION) / rate)


if __name__ == "__main__":
    main()
