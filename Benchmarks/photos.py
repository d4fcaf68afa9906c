"""Fine-tuning on photos of a phone: `nn finetune` beside PyTorch's usual script on the same files.

    python photos.py --photo dog.jpg --weights squeezenet1_0.pth

Makes photos of 4032x3024 in two classes from the given one (other pieces of it, enlarged, with the noise of a sensor), and
times whole processes: a frozen SqueezeNet 1.0, a new linear head, as many loading workers as cores, the images divided
into training, validation and test. PyTorch's script decodes with PIL, and sends every image through the frozen network in
each epoch, as the usual script does.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def make_photos(photo, folder, count):
    import numpy
    from PIL import Image

    source, random = Image.open(photo).convert("RGB"), numpy.random.default_rng(0)
    for index in range(count):
        name = os.path.join(folder, "near" if index % 2 else "far")
        os.makedirs(name, exist_ok=True)
        share = (0.4 if index % 2 else 0.9) * random.uniform(0.8, 1)
        w, h = int(source.width * share), int(source.height * share)
        x, y = random.integers(0, source.width - w + 1), random.integers(0, source.height - h + 1)
        large = source.crop((x, y, x + w, y + h)).resize((4032, 3024), Image.BICUBIC)
        pixels = numpy.asarray(large).astype(numpy.int16) + random.integers(-9, 10, (3024, 4032, 1), numpy.int16)
        Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8)).save(f"{name}/{index:04d}.jpg", quality=85)


def torch_script(folder, weights, epochs):
    """What a tutorial says, run as a process of its own."""
    import torch
    import torchvision
    from torch import nn
    from torchvision import transforms

    change = transforms.Compose([
        transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
    images = torchvision.datasets.ImageFolder(folder, change)
    held = len(images) // 10
    parts = torch.utils.data.random_split(images, [len(images) - 2 * held, held, held])
    train, validation, test = (
        torch.utils.data.DataLoader(part, batch_size=64, shuffle=place == 0, num_workers=os.cpu_count())
        for place, part in enumerate(parts))
    network = torchvision.models.squeezenet1_0()
    network.load_state_dict(torch.load(weights))
    for parameter in network.parameters():
        parameter.requires_grad = False
    network.classifier[1] = nn.Conv2d(512, 2, 1)
    optimizer = torch.optim.SGD(network.classifier[1].parameters(), lr=0.01, momentum=0.9)

    def evaluate(loader):
        network.eval()
        with torch.no_grad():
            hits = sum((network(x).argmax(1) == y).sum().item() for x, y in loader)
        return hits / len(loader.dataset)

    for _ in range(epochs):
        network.train()
        for x, y in train:
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x), y).backward()
            optimizer.step()
        print("val_acc", evaluate(validation), flush=True)
    print("test_acc", evaluate(test))


def timed(command):
    start = time.perf_counter()
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        sys.exit(result.stdout)
    print(result.stdout.strip().splitlines()[-1])
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", help="a photo to make others from")
    parser.add_argument("--weights", required=True, help="SqueezeNet 1.0 under torchvision's keys (.pth)")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--folder", help="folder of photos that are there already")
    parser.add_argument("--torch", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.torch:
        return torch_script(arguments.folder, arguments.weights, arguments.epochs)
    if not arguments.folder and not arguments.photo:
        parser.error("expected --photo, or --folder")

    work = tempfile.mkdtemp(prefix="photos-")
    folder = arguments.folder
    if not folder:
        folder = os.path.join(work, "photos")
        make_photos(arguments.photo, folder, arguments.count)
    epochs = str(arguments.epochs)
    ours = timed([
        os.path.join(HERE, "..", ".build", "release", "nn"), "finetune", "--data", folder, "--arch", "squeezenet1_0",
        "--weights", arguments.weights, "--head", "linear", "--epochs", epochs, "--output", os.path.join(work, "run")])
    theirs = timed([
        sys.executable, os.path.abspath(__file__), "--torch", "--folder", folder, "--weights", arguments.weights,
        "--epochs", epochs])
    shutil.rmtree(work)
    print(f"{arguments.epochs} epochs: ours {ours:.1f} s, PyTorch's script {theirs:.1f} s: {ours / theirs:.3f} of its time")


if __name__ == "__main__":
    main()
