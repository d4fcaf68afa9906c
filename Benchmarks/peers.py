"""One workload on a peer library: prints its samples in seconds as a line of JSON, as `Workloads` does.

    python peers.py cnn-train --batch 256 --samples 5 --format channels-last
"""
import argparse
import json
import os
import resource
import tempfile
import time

THREADS = 2


def four_block_net(nn):
    layers, inputs = [], 3
    for outputs in (64, 128, 256, 512):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]
        inputs = outputs
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2048, 10))


def torch_workload(name, batch, form):
    import torch
    import torchvision
    from torch import nn

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    kind, _, model = name.partition(":")
    if kind == "sgemm":
        a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
        return lambda: a @ b
    if kind == "copy":
        a = torch.randn(1 << 26)
        b = torch.empty_like(a)
        return lambda: b.copy_(a)
    if kind == "scalar-add":
        x, ones = torch.ones(16, requires_grad=True), torch.ones(16)

        def chains():
            for _ in range(100):
                x.grad = None
                y = x
                for _ in range(100):
                    y = y + 1
                y.backward(ones)

        return chains
    if kind == "resize":
        import numpy
        from PIL import Image
        from torchvision import transforms

        torch.set_num_threads(1)
        chain = transforms.Compose([
            transforms.Resize((224, 224)), transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])
        pixels = numpy.random.default_rng(0).integers(0, 256, (batch, 32, 32, 3), dtype=numpy.uint8)
        images = [Image.fromarray(image) for image in pixels]
        return lambda: torch.stack([chain(image) for image in images])
    if kind == "mlp-step":
        net, shape, classes = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)), (batch, 784), 10
    elif kind.startswith("cnn"):
        net, shape, classes = four_block_net(nn), (batch, 3, 32, 32), 10
    else:
        net, shape, classes = getattr(torchvision.models, model)(weights=None), (batch, 3, 224, 224), 1000
    x, target = torch.randn(shape), torch.randint(0, classes, (batch,))
    if form == "channels-last":
        net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    trains = kind in ("cnn-train", "mlp-step", "step")
    net.train(trains or kind == "forward-train")
    call = torch.compile(net) if form == "compile" else net
    if not trains:
        def forward():
            with torch.no_grad():
                call(x)
        return forward
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)

    def step():
        optimizer.zero_grad()
        y = call(x)
        nn.functional.cross_entropy(y if torch.is_tensor(y) else y[0], target).backward()
        optimizer.step()

    return step


def runtime_workload(name, batch, runtime):
    """Inference of a torchvision network by ONNX Runtime or OpenVINO."""
    import torch
    import torchvision

    model = name.partition(":")[2]
    x = torch.randn(batch, 3, 224, 224)
    path = os.path.join(tempfile.mkdtemp(), "model.onnx")
    torch.onnx.export(getattr(torchvision.models, model)(weights=None).eval(), x, path, dynamo=False)
    x = x.numpy()
    if runtime == "openvino":
        import openvino

        options = {"INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        compiled = openvino.Core().compile_model(path, "CPU", options)
        return lambda: compiled(x)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {session.get_inputs()[0].name: x})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--format", default="default")
    options = parser.parse_args()
    if options.format in ("openvino", "onnxruntime"):
        run = runtime_workload(options.name, options.batch, options.format)
    else:
        run = torch_workload(options.name, options.batch, options.format)
    run()
    seconds = []
    for _ in range(options.samples):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"workload": options.name, "seconds": seconds, "peak_bytes": peak}))


if __name__ == "__main__":
    main()
