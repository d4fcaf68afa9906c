"""Losses of margins, distances and counts, and those of unbalanced labels."""

import timm.loss
import torch
import torch.nn.functional as F
import torchvision.ops

from golden import Folder, given, real, whole

SIGNS = given([1.0, -1, -1, 1, 1], grad=False)
BITS = given([[1.0, 0, 0], [0, 1, 1], [0, 0, 0], [1, 1, 0]], grad=False)


def asymmetric(t, reduction="batchmean", **k):
    return timm.loss.AsymmetricLossMultiLabel(reduction=reduction, **k).double()(t["x"], t["target"])


BODIES = {
    "triplet_margin_loss": lambda t, **k: F.triplet_margin_loss(t["x"], t["positive"], t["negative"], **k),
    "cosine_embedding_loss": lambda t, **k: F.cosine_embedding_loss(t["x"], t["y"], t["target"], **k),
    "margin_ranking_loss": lambda t, **k: F.margin_ranking_loss(t["x"], t["y"], t["target"], **k),
    "hinge_embedding_loss": lambda t, **k: F.hinge_embedding_loss(t["x"], t["target"], **k),
    "soft_margin_loss": lambda t, **k: F.soft_margin_loss(t["x"], t["target"], **k),
    "multi_margin_loss": lambda t, **k: F.multi_margin_loss(t["x"], t["target"], weight=t.get("weight"), **k),
    "multilabel_margin_loss": lambda t, **k: F.multilabel_margin_loss(t["x"], t["target"], **k),
    "multilabel_soft_margin_loss":
        lambda t, **k: F.multilabel_soft_margin_loss(t["x"], t["target"], weight=t.get("weight"), **k),
    "poisson_nll_loss": lambda t, **k: F.poisson_nll_loss(t["x"], t["target"], **k),
    "gaussian_nll_loss": lambda t, **k: F.gaussian_nll_loss(t["x"], t["target"], t["var"], **k),
    "sigmoid_focal_loss": lambda t, **k: torchvision.ops.sigmoid_focal_loss(t["x"], t["target"], **k),
    "asymmetric_loss": asymmetric,
}


def cases():
    three = dict(x=real(5, 4), positive=real(5, 4), negative=real(5, 4))
    yield "triplet_margin_loss", three, dict()
    yield "triplet_margin_loss", three, dict(margin=2.5, p=1, swap=True, reduction="none")
    yield "triplet_margin_loss", three, dict(eps=0.1, p=3.0, reduction="sum")
    pair = dict(x=real(5, 4), y=real(5, 4), target=SIGNS)
    yield "cosine_embedding_loss", pair, dict()
    yield "cosine_embedding_loss", pair, dict(margin=-0.3, reduction="none")
    row = dict(x=real(5), y=real(5), target=SIGNS)
    yield "margin_ranking_loss", row, dict(reduction="sum")
    yield "margin_ranking_loss", row, dict(margin=0.7, reduction="none")
    one = dict(x=real(5), target=SIGNS)
    yield "hinge_embedding_loss", one, dict()
    yield "hinge_embedding_loss", one, dict(margin=0.4, reduction="none")
    yield "soft_margin_loss", one, dict()
    yield "soft_margin_loss", one, dict(reduction="none")
    scores = dict(x=real(5, 4), target=whole(5, hi=4))
    yield "multi_margin_loss", scores, dict()
    yield "multi_margin_loss", dict(**scores, weight=real(4, lo=0.2, grad=False)), dict(p=2, margin=0.6, reduction="none")
    labels = given([[3, 0, -1, 1], [1, -1, 2, 2], [-1, 0, 0, 0], [0, 1, 2, 3]], dtype=torch.int64)
    yield "multilabel_margin_loss", dict(x=real(4, 4), target=labels), dict()
    yield "multilabel_margin_loss", dict(x=real(4, 4), target=labels), dict(reduction="none")
    several = dict(x=real(4, 3), target=BITS)
    yield "multilabel_soft_margin_loss", several, dict(reduction="none")
    yield "multilabel_soft_margin_loss", dict(**several, weight=real(3, lo=0.2, grad=False)), dict()
    counts = dict(x=real(6, lo=0.1), target=given([0.0, 1, 2, 5, 3, 0], grad=False))
    yield "poisson_nll_loss", counts, dict()
    yield "poisson_nll_loss", counts, dict(log_input=False, full=True, eps=0.01, reduction="none")
    spread = dict(x=real(4, 3), target=real(4, 3), var=real(4, 3, lo=0.1))
    yield "gaussian_nll_loss", spread, dict()
    yield "gaussian_nll_loss", dict(**{**spread, "var": real(4, 1, lo=0.1)}), dict(full=True, eps=0.8, reduction="none")
    yield "sigmoid_focal_loss", several, dict()
    yield "sigmoid_focal_loss", several, dict(alpha=-1, gamma=3.5, reduction="mean")
    yield "asymmetric_loss", several, dict()
    yield "asymmetric_loss", several, dict(gamma_neg=2, gamma_pos=0, clip=0, reduction="none")


def write():
    folder = Folder("NNCoreTests/Fixtures/nn-losses", "nn")
    for op, inputs, arguments in cases():
        folder.add(op, BODIES[op], inputs, arguments)
    folder.save()
