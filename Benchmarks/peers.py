"""One workload on a peer library: prints its samples in seconds as a line of JSON, as `Workloads` does.

    python peers.py cnn-train --batch 256 --samples 5 --format channels-last
    python peers.py --serve      # the same for each line of JSON on standard input, in one process
"""
import argparse
import json
import os
import resource
import sys
import tempfile
import time


def four_block_net(nn):
    layers, inputs = [], 3
    for outputs in (64, 128, 256, 512):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]
        inputs = outputs
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2048, 10))


def torch_workload(name, batch, form, threads):
    import torch
    import torchvision
    from torch import nn

    torch.set_num_threads(threads)
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


def runtime_workload(name, batch, runtime, threads):
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

        options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        compiled = openvino.Core().compile_model(path, "CPU", options)
        return lambda: compiled(x)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {session.get_inputs()[0].name: x})


def samples_of(run, count, seconds=0.0):
    """Times `run` so often, and until so many seconds have passed."""
    found = []
    begin = time.perf_counter()
    while len(found) < count or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return found


def serve(answer):
    """Answers each request on standard input, a line of JSON, with what `answer` returns for it, or with its error."""
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        try:
            result = answer(json.loads(line))
        except Exception as error:  # A workload that fails must not end the others.
            result = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(result), flush=True)


def answer(request):
    name, form, threads = request["workload"], request.get("format", "default"), request.get("threads", 2)
    make = runtime_workload if form in ("openvino", "onnxruntime") else torch_workload
    run = make(name, request["batch"], form, threads)
    run()
    return {"workload": name, "seconds": samples_of(run, request["samples"], request.get("at_least", 0.0))}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name", nargs="?")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--format", default="default")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--serve", action="store_true")
    options = parser.parse_args()
    if options.serve:
        return serve(answer)
    result = answer({**vars(options), "workload": options.name})
    result["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(result))


if __name__ == "__main__":
    main()
