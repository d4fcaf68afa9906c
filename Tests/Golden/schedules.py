"""Learning rates, step by step, of schedules with every setting."""

import json
import math

import torch

from golden import TESTS

STEPS = 18
METRICS = [1, 0.9, 0.9, 0.9, 0.7, 0.8, 0.8, 0.8, 0.8, 0.8, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]


def cases():
    pair = [0.1, 0.02]
    for mode in ("triangular", "triangular2", "exp_range"):
        yield "CyclicLR", dict(base_lr=[0.01, 0.02], max_lr=[0.1, 0.3], step_size_up=3, step_size_down=5, mode=mode, gamma=0.9), pair
    yield "CyclicLR", dict(base_lr=0.01, max_lr=0.2, step_size_up=4, cycle_momentum=False), [0.1]
    yield "CyclicLR", dict(base_lr=0.01, max_lr=0.2, step_size_up=4, base_momentum=0.5, max_momentum=0.7), [0.1]
    yield "OneCycleLR", dict(max_lr=[0.5, 0.2], total_steps=STEPS, base_momentum=0.6, max_momentum=0.8, pct_start=0.4, div_factor=5), pair
    yield "OneCycleLR", dict(max_lr=0.3, epochs=3, steps_per_epoch=6, three_phase=True, anneal_strategy="linear", final_div_factor=50), [0.1]
    yield "OneCycleLR", dict(max_lr=0.3, total_steps=40, cycle_momentum=False, anneal_strategy="cos"), [0.1]
    for settings in (
        dict(mode="min", factor=0.4, patience=0, threshold=0.05, threshold_mode="rel", cooldown=2, min_lr=[0.01, 0.001], eps=0),
        dict(mode="max", factor=0.7, patience=3, threshold=0.1, threshold_mode="abs", min_lr=0.03),
    ):
        yield "ReduceLROnPlateau", settings, pair
    yield "MultiplicativeLR", dict(lr_lambda="0.9 if t % 3 else 1.5"), pair
    yield "LambdaLR", dict(lr_lambda="max(0.1, math.cos(t / 10)) if t >= 4 else (t + 1) / 4"), [0.1]
    yield "LambdaLR", dict(lr_lambda="0.5 ** (t // 5) - -t * 1e-3"), [0.1]
    yield "StepLR", dict(step_size=1, gamma=1.1), pair
    yield "MultiStepLR", dict(milestones=[1, 8, 8, 20], gamma=0.3), pair
    yield "CosineAnnealingLR", dict(T_max=7, eta_min=0.03), pair
    yield "CosineAnnealingWarmRestarts", dict(T_0=3, T_mult=3, eta_min=0.01), pair
    yield "LinearLR", dict(start_factor=0.9, end_factor=0.2, total_iters=9), pair
    yield "ConstantLR", dict(factor=0.7, total_iters=9), pair
    yield "PolynomialLR", dict(total_iters=9, power=0.5), pair
    yield "SequentialLR", dict(
        schedulers=[
            ["LinearLR", dict(start_factor=0.2, total_iters=4)], ["CosineAnnealingWarmRestarts", dict(T_0=5)],
            ["PolynomialLR", dict(total_iters=6)],
        ], milestones=[4, 14]), pair
    yield "ChainedScheduler", dict(
        schedulers=[["LinearLR", dict(total_iters=3)], ["MultiStepLR", dict(milestones=[6, 9])], ["ExponentialLR", dict(gamma=0.95)]]), pair


def made(optimizer, name, settings):
    kinds = torch.optim.lr_scheduler
    settings = dict(settings)
    if "lr_lambda" in settings:
        settings["lr_lambda"] = eval(f"lambda t: {settings['lr_lambda']}", {"math": math})
    if "schedulers" in settings:
        parts = [made(optimizer, *part) for part in settings.pop("schedulers")]
        return kinds.ChainedScheduler(parts) if not settings else kinds.SequentialLR(optimizer, parts, **settings)
    return getattr(kinds, name)(optimizer, **settings)


def write():
    counts, lines = {}, []
    for name, settings, rates in cases():
        groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates]
        optimizer = torch.optim.SGD(groups, lr=rates[0], momentum=0.9)
        scheduler = made(optimizer, name, settings)
        seen, momenta = [], []
        for step in range(STEPS):
            seen.append([group["lr"] for group in optimizer.param_groups])
            momenta.append(optimizer.param_groups[0]["momentum"])
            optimizer.step()
            if step + 1 < STEPS:
                scheduler.step(METRICS[step]) if name == "ReduceLROnPlateau" else scheduler.step()
        number = counts[name] = counts.get(name, -1) + 1
        entry = {"id": f"{name}/{number}", "scheduler": name, "kwargs": settings, "base_lrs": rates, "optimizer_momentum": 0.9, "lr": seen}
        if len(set(momenta)) > 1:
            entry["momentum"] = momenta
        if name == "ReduceLROnPlateau":
            entry["metrics"] = METRICS
        lines.append(json.dumps(entry, separators=(",", ":")))
    text = ",\n".join(lines)
    path = TESTS / "NNLayersTests/Fixtures/optim-arguments/schedulers.json"
    path.write_text(f'{{"rtol": 1e-9, "atol": 1e-12, "cases": [\n{text}\n]}}\n')
    print(f"schedules: {len(lines)} cases, {path.stat().st_size // 1024} kB")
