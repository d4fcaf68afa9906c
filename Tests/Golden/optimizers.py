"""Courses of parameters under optimizers with every setting, and clipping."""

import math

import timm.optim
import torch

from golden import Folder, made, plain, real

SHAPES = [(2, 3), (4,)]
MATRICES = [(2, 3), (4, 2)]
STEPS = 6


def cases():
    common = dict(maximize=True, foreach=False)
    yield "SGD", dict(lr=0.2, momentum=0.7, nesterov=True, weight_decay=0.3, **common), None
    yield "SGD", dict(lr=0.2, momentum=0.7, dampening=0.4, weight_decay=0.1, maximize=True, fused=None), None
    yield "Adam", dict(lr=0.05, betas=[0.6, 0.7], weight_decay=0.2, decoupled_weight_decay=True), None
    yield "Adam", dict(lr=0.05, amsgrad=True, eps=0.01, foreach=True, **{"capturable": False}), None
    yield "AdamW", dict(lr=0.05, betas=[0.5, 0.8], eps=1e-3, weight_decay=0.0, amsgrad=True, **common), None
    yield "RMSprop", dict(lr=0.03, alpha=0.7, eps=1e-2, weight_decay=0.2, momentum=0.6, centered=True, **common), None
    yield "Adagrad", dict(lr=0.2, lr_decay=0.3, weight_decay=0.2, initial_accumulator_value=1.5, eps=1e-3, **common), None
    yield "Adadelta", dict(lr=0.8, rho=0.6, eps=1e-2, weight_decay=0.2, **common), None
    yield "NAdam", dict(lr=0.04, betas=[0.7, 0.8], eps=1e-4, weight_decay=0.1, momentum_decay=0.1, decoupled_weight_decay=True, **common), None
    yield "RAdam", dict(lr=0.04, betas=[0.7, 0.995], eps=1e-4, weight_decay=0.1, decoupled_weight_decay=True, **common), None
    yield "Adamax", dict(lr=0.04, betas=[0.7, 0.8], eps=1e-3, weight_decay=0.1, **common), None
    yield "SGD", dict(lr=0.1), [dict(params=[1], momentum=0.5, nesterov=True), dict(params=[0], maximize=True, lr=0.3)]
    yield "RMSprop", dict(lr=0.1), [dict(params=[0], centered=True), dict(params=[1], alpha=0.5, momentum=0.9)]
    yield "AdamW", dict(lr=0.1), [dict(params=[0], weight_decay=0.5), dict(params=[1], amsgrad=True, eps=0.1)]
    yield "Adafactor", dict(lr=0.2), None
    yield "Adafactor", dict(lr=0.9, beta2_decay=-0.5, eps=[0.05, 0.3], d=1.2, weight_decay=0.1, **common), None
    yield "Lion", dict(lr=0.05, maximize=True, foreach=False), None
    yield "Lion", dict(lr=0.02, betas=[0.6, 0.7], weight_decay=0.3), None
    yield "Lamb", dict(lr=0.1, betas=[0.6, 0.7], eps=1e-3, weight_decay=0.2, max_grad_norm=None), None
    yield "Lamb", dict(lr=0.1, weight_decay=0.0, always_adapt=True, trust_clip=True, max_grad_norm=None), None
    yield "Lamb", dict(lr=0.1, weight_decay=0.0, max_grad_norm=None), None
    yield "Muon", dict(lr=0.1), None
    yield "Muon", dict(lr=0.2, weight_decay=0.3, momentum=0.6, nesterov=False, eps=1e-3, ns_steps=2), None
    yield "Muon", dict(lr=0.1, momentum=0.8, adjust_lr_fn="match_rms_adamw"), None


CLIPS = [
    ("clip_grad_norm_", dict(max_norm=0.5, norm_type=math.inf, error_if_nonfinite=True)),
    ("clip_grad_norm_", dict(max_norm=2, norm_type=0.5, foreach=False)),
    ("clip_grad_norm_", dict(max_norm=0.1)),
    ("clip_grad_value_", dict(clip_value=0.2, foreach=False)),
]


def course(name, kind, settings, groups, dtype):
    shapes = MATRICES if kind == "Muon" else SHAPES
    starts = [made(real(*shape), f"{name}/param{place}")[0].to(dtype) for place, shape in enumerate(shapes)]
    slopes = [made(real(STEPS, *shape), f"{name}/grads{place}")[0] for place, shape in enumerate(shapes)]
    parameters = [start.requires_grad_() for start in starts]
    given = parameters
    if groups:
        given = [{**group, "params": [parameters[place] for place in group["params"]]} for group in groups]
    library = torch.optim if hasattr(torch.optim, kind) else timm.optim
    optimizer = getattr(library, kind)(given, **settings)
    rows = [[parameter.detach().clone()] for parameter in parameters]
    for step in range(STEPS):
        for parameter, slope in zip(parameters, slopes):
            parameter.grad = slope[step].to(dtype)
        optimizer.step()
        for row, parameter in zip(rows, parameters):
            row.append(parameter.detach().clone())
    return [torch.stack(row) for row in rows], slopes


def write():
    folder = Folder("NNLayersTests/Fixtures/optim-arguments", "optim")
    for kind, settings, groups in cases():
        name = folder.name(kind)
        # Muon iterates in bfloat16 whatever the parameters are; the cases are exact.
        rounding, torch.Tensor.bfloat16 = torch.Tensor.bfloat16, torch.Tensor.clone
        exact, slopes = course(name, kind, settings, groups, torch.float64)
        rough, _ = course(name, kind, settings, groups, torch.float32)
        torch.Tensor.bfloat16 = rounding
        error = max((a - b.double()).abs().max().item() for a, b in zip(exact, rough))
        for place in range(len(SHAPES)):
            folder.put(f"{name}/param{place}", exact[place])
            folder.put(f"{name}/grads{place}", slopes[place])
        folder.cases.append({
            "id": name, "op": kind, "kwargs": settings, "dtype": "F32", "steps": STEPS, "groups": groups,
            "none_grads": [], "atol": max(1e-6, float(f"{error * 6:.1e}"))})
    for function, settings in CLIPS:
        name = folder.name(function)
        parameters = [torch.zeros(shape, dtype=torch.float64, requires_grad=True) for shape in SHAPES]
        for place, parameter in enumerate(parameters):
            slope = made(real(*SHAPES[place]), f"{name}/grad{place}")[0]
            folder.put(f"{name}/in.grad{place}", slope)
            parameter.grad = slope.double()
        norm = getattr(torch.nn.utils, function)(parameters, **settings)
        for place, parameter in enumerate(parameters):
            folder.put(f"{name}/out.grad{place}", parameter.grad)
        if norm is not None:
            folder.put(f"{name}/total_norm", norm)
        kwargs = {key: plain(value) for key, value in settings.items()}
        folder.cases.append({"id": name, "op": function, "kwargs": kwargs, "dtype": "F32"})
    folder.save()
