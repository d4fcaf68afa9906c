"""Courses of LBFGS on functions that are written in both languages, in float64."""

import json

import torch

from golden import TESTS

STEPS = 4


def valley(p):
    """Rosenbrock's."""
    x = p[0]
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def logistic(p):
    """Twelve points of three classes on a spiral, with a penalty."""
    turn = torch.arange(12, dtype=torch.float64)
    points = torch.stack([torch.sin(turn), turn / 6, torch.cos(2 * turn)], 1)
    scores = points @ p[0].T + p[1]
    loss = torch.nn.functional.cross_entropy(scores, (torch.arange(12) * 7) % 3)
    return loss + 0.01 * p[0].square().sum()


def quartic(p):
    """Flat at its bottom, where the gradient tells little."""
    return ((p[0] - 0.5) ** 4).sum() + 0.1 * (p[0].sum() - 1) ** 2


FUNCTIONS = {"valley": (valley, [[5]]), "logistic": (logistic, [[3, 3], [3]]), "quartic": (quartic, [[4]])}
CASES = [
    ("valley", dict(line_search_fn="strong_wolfe")),
    ("valley", dict(lr=0.5, max_iter=6, history_size=2, line_search_fn="strong_wolfe")),
    ("valley", dict(lr=1e-3, max_iter=8)),
    ("logistic", dict()),
    ("logistic", dict(max_iter=7, max_eval=6, line_search_fn="strong_wolfe")),
    ("logistic", dict(tolerance_grad=1e-3, tolerance_change=1e-4, line_search_fn="strong_wolfe")),
    ("quartic", dict(line_search_fn="strong_wolfe")),
    ("quartic", dict(lr=0.3, history_size=3)),
]


def write():
    rows = []
    for function, settings in CASES:
        body, shapes = FUNCTIONS[function]
        parameters = []
        for shape in shapes:
            count = torch.Size(shape).numel()
            start = torch.cos(3 * torch.arange(count, dtype=torch.float64)) * 1.2
            parameters.append(start.reshape(shape).requires_grad_())
        optimizer = torch.optim.LBFGS(parameters, **settings)

        def closure():
            optimizer.zero_grad()
            loss = body(parameters)
            loss.backward()
            return loss

        course = []
        for _ in range(STEPS):
            loss = optimizer.step(closure).item()
            values = [value for parameter in parameters for value in parameter.detach().flatten().tolist()]
            state = optimizer.state[parameters[0]]
            course.append({"loss": loss, "values": values, "evaluations": state["func_evals"],
                           "iterations": state["n_iter"]})
        rows.append({"function": function, "shapes": shapes, "settings": settings, "course": course})
    path = TESTS / "NNLayersTests/Fixtures/lbfgs.json"
    path.write_text("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")
    print(f"{path.name}: {len(rows)} cases, {path.stat().st_size // 1024} kB")
