"""Layer functions and losses: arguments that the cases of `nn` leave out."""

import torch
import torch.nn.functional as F

from golden import Folder, fixed, given, odds, real, ties, whole


def filtered(function):
    return lambda t, **arguments: function(t["x"], t["weight"], t.get("bias"), **arguments)


def pooled(function):
    return lambda t, **arguments: dict(zip(("out", "indices"), function(t["x"], return_indices=True, **arguments)))


def compared(function):
    return lambda t, **arguments: function(
        t["x"], t["target"], **{name: t[name] for name in ("weight", "pos_weight") if name in t}, **arguments)


def batch_norm(t, training, momentum=0.1, eps=1e-5, affine=True, track_running_stats=True, num_batches_tracked=0):
    mean, variance = (t[name].clone() if track_running_stats else None for name in ("running_mean", "running_var"))
    share = 1 / (num_batches_tracked + 1) if momentum is None else momentum
    y = F.batch_norm(
        t["x"], mean, variance, t.get("weight"), t.get("bias"), training or not track_running_stats, share, eps)
    return {"out": y, "running_mean": mean, "running_var": variance} if track_running_stats else y


BODIES = {
    "conv1d": filtered(F.conv1d), "conv2d": filtered(F.conv2d), "linear": filtered(F.linear),
    "conv_transpose1d": filtered(F.conv_transpose1d), "conv_transpose2d": filtered(F.conv_transpose2d),
    "max_pool2d": pooled(F.max_pool2d), "adaptive_max_pool2d": pooled(F.adaptive_max_pool2d),
    "batch_norm": batch_norm,
    "layer_norm": lambda t, **k: F.layer_norm(t["x"], weight=t.get("weight"), bias=t.get("bias"), **k),
    "group_norm": lambda t, **k: F.group_norm(t["x"], weight=t.get("weight"), bias=t.get("bias"), **k),
    "instance_norm": lambda t, **k: F.instance_norm(t["x"], weight=t.get("weight"), bias=t.get("bias"), **k),
    "embedding": lambda t, **k: F.embedding(t["index"], t["weight"], **k),
    "sdpa": lambda t, **k: F.scaled_dot_product_attention(t["q"], t["k"], t["v"], t.get("attn_mask"), **k),
    "channel_shuffle": lambda t, groups: torch.channel_shuffle(t["x"], groups),
}
LOSSES = {
    "cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "kl_div",
}


def body(op):
    if op in BODIES:
        return BODIES[op]
    function = getattr(F, op)
    return compared(function) if op in LOSSES else lambda t, **arguments: function(t["x"], **arguments)


def convolution(op, x, weight, bias=None, **arguments):
    inputs = dict(x=real(*x), weight=real(*weight, lo=-0.6, hi=0.6))
    if bias:
        inputs["bias"] = real(bias)
    return op, inputs, arguments


def cases():
    x = real
    yield convolution("conv1d", (2, 2, 7), (3, 2, 2), 3, stride=[2], padding=[1], dilation=[2])
    yield convolution("conv1d", (1, 4, 5), (4, 1, 3), padding="same", groups=4, dilation=2)
    yield convolution("conv1d", (2, 6), (3, 2, 3), 3, padding="valid", stride=2)
    yield convolution("conv2d", (1, 2, 5, 6), (4, 1, 2, 3), 4, stride=[2, 1], padding=[1, 2], dilation=[1, 2], groups=2)
    yield convolution("conv2d", (0, 2, 4, 4), (3, 2, 3, 3), 3, padding=1)
    yield convolution("conv2d", (1, 2, 4, 5), (2, 2, 3, 2), padding="same", dilation=[2, 1])
    yield convolution("conv2d", (2, 4, 5), (2, 2, 2, 2), stride=3, groups=1)
    yield convolution("conv_transpose1d", (2, 4, 4), (4, 1, 3), 2, stride=3, padding=1, output_padding=2, groups=2, dilation=2)
    yield convolution("conv_transpose1d", (2, 3), (2, 3, 2), 3, stride=[2])
    yield convolution("conv_transpose2d", (1, 4, 2, 3), (4, 2, 2, 3), 4, stride=[2, 3], padding=[0, 1],
                      output_padding=[1, 2], groups=2, dilation=[2, 1])
    yield convolution("conv_transpose2d", (2, 2, 2), (2, 1, 2, 2), 1, stride=2)
    yield convolution("linear", (2, 0, 3), (4, 3), 4)
    yield "unfold", dict(x=x(2, 4, 5)), dict(kernel_size=2, padding=[1, 0], stride=[1, 2], dilation=[2, 1])
    yield "fold", dict(x=x(4, 4)), dict(output_size=3, kernel_size=[2, 2])
    yield "fold", dict(x=x(1, 8, 6)), dict(output_size=[4, 5], kernel_size=2, stride=[2, 2], padding=[1, 0])
    # Pooling
    for kwargs in (
        dict(kernel_size=[2, 3], stride=None, padding=[1, 0], ceil_mode=True), dict(kernel_size=2, dilation=[2, 1], stride=1),
        dict(kernel_size=[3, 2], stride=[3, 1], padding=1, dilation=[1, 2], ceil_mode=True),
    ):
        yield "max_pool2d", dict(x=ties(1, 2, 6, 7)), kwargs
    yield "max_pool2d", dict(x=x(2, 4, 4)), dict(kernel_size=2)
    yield "max_pool1d", dict(x=x(1, 2, 8)), dict(kernel_size=[2], dilation=3, stride=2, padding=1, ceil_mode=True)
    yield "max_pool1d", dict(x=x(2, 6)), dict(kernel_size=3)
    for kwargs in (
        dict(kernel_size=[2, 3], padding=[1, 0], ceil_mode=True, divisor_override=4),
        dict(kernel_size=3, stride=[2, 1], padding=1, count_include_pad=False, ceil_mode=True),
            ):
        yield "avg_pool2d", dict(x=x(1, 2, 6, 7)), kwargs
    yield "avg_pool1d", dict(x=x(1, 2, 8)), dict(kernel_size=3, padding=1, ceil_mode=True, count_include_pad=False)
    yield "avg_pool1d", dict(x=x(2, 7)), dict(kernel_size=[2], stride=[3], ceil_mode=True)
    for op in ("adaptive_avg_pool2d", "adaptive_max_pool2d"):
        yield op, dict(x=x(2, 5, 4)), dict(output_size=[2, None])
        yield op, dict(x=x(1, 2, 3, 5)), dict(output_size=4)
    # Normalisation
    statistics = dict(running_mean=fixed(3), running_var=fixed(3, lo=0.5, hi=2))
    yield "batch_norm", dict(x=x(4, 3, 2), weight=x(3), **statistics), dict(training=True, momentum=0.5)
    yield "batch_norm", dict(x=x(4, 3), bias=x(3), **statistics), dict(training=False, eps=0.1)
    yield "batch_norm", dict(x=x(4, 3, 2, 1), **statistics), dict(training=True, momentum=None, num_batches_tracked=4, affine=False)
    yield "batch_norm", dict(x=x(4, 3), weight=x(3)), dict(training=True, track_running_stats=False)
    yield "batch_norm", dict(x=x(4, 3), weight=x(3), bias=x(3), **statistics), dict(training=True, momentum=0.0)
    yield "layer_norm", dict(x=x(2, 3, 4), weight=x(4)), dict(normalized_shape=[4], eps=0.5)
    yield "layer_norm", dict(x=x(2, 3, 4), bias=x(2, 3, 4)), dict(normalized_shape=[2, 3, 4])
    yield "group_norm", dict(x=x(3, 4), weight=x(4), bias=x(4)), dict(num_groups=2, eps=0.01)
    yield "group_norm", dict(x=x(2, 4, 3, 2, 2), weight=x(4)), dict(num_groups=2)
    yield "instance_norm", dict(x=x(2, 3, 4), weight=x(3), bias=x(3)), dict(eps=0.2)
    yield "local_response_norm", dict(x=x(2, 5, 3)), dict(size=3, alpha=0.3, beta=0.5, k=1.5)
    yield "local_response_norm", dict(x=x(2, 3, 2, 2)), dict(size=4, k=0.5)
    # Tables and rearrangements
    yield "embedding", dict(index=whole(2, 3, hi=4), weight=x(4, 2)), dict(padding_idx=-1)
    yield "embedding", dict(index=whole(hi=4), weight=x(4, 2)), {}
    yield "pixel_shuffle", dict(x=x(9, 2, 1)), dict(upscale_factor=3)
    yield "pixel_unshuffle", dict(x=x(1, 2, 4, 6)), dict(downscale_factor=2)
    yield "channel_shuffle", dict(x=x(2, 6, 3)), dict(groups=3)
    heads = dict(q=x(2, 3, 4), k=x(2, 5, 4), v=x(2, 5, 3))
    yield "sdpa", heads, dict(scale=0.3)
    yield "sdpa", heads, dict(is_causal=True, dropout_p=0.0)
    yield "sdpa", dict(**heads, attn_mask=fixed(3, 5)), dict(scale=2.0)
    yield "sdpa", dict(**heads, attn_mask=given([[True, False, True, False, True]], torch.bool)), {}
    # Losses
    weight = fixed(4, lo=0.3, hi=2)
    classes, logits = given([1, 3, 0, 2, 1], torch.int64), x(5, 4)
    for kwargs in (
        dict(ignore_index=1, label_smoothing=0.3, reduction="sum"), dict(reduction="none", ignore_index=3),
    ):
        yield "cross_entropy", dict(x=logits, target=classes, weight=weight), kwargs
        yield "cross_entropy", dict(x=logits, target=classes), kwargs
    yield "cross_entropy", dict(x=x(2, 4, 3), target=whole(2, 3, hi=4), weight=weight), dict(reduction="none", label_smoothing=0.1)
    yield "cross_entropy", dict(x=x(2, 4, 3), target=odds(2, 4, 3), weight=weight), dict(label_smoothing=0.2, reduction="sum")
    yield "cross_entropy", dict(x=x(4), target=given([0.1, 0.2, 0.3, 0.4], grad=False)), {}
    for reduction in ("none", "mean"):
        yield "nll_loss", dict(x=logits, target=classes, weight=weight), dict(ignore_index=1, reduction=reduction)
    yield "nll_loss", dict(x=x(4), target=given(2, torch.int64)), {}
    pair = dict(x=x(2, 3), target=x(2, 3))
    for reduction in ("none", "sum"):
        yield "smooth_l1_loss", pair, dict(beta=0.4, reduction=reduction)
        yield "huber_loss", pair, dict(delta=1.7, reduction=reduction)
        yield "mse_loss", dict(x=x(), target=x()), dict(reduction=reduction)
        yield "l1_loss", dict(x=x(0, 2), target=x(0, 2)), dict(reduction=reduction)
    chance = fixed(2, 3, lo=0.1, hi=0.9)
    for reduction in ("none", "sum"):
        yield "binary_cross_entropy", dict(x=x(2, 3, lo=0.1, hi=0.9), target=chance, weight=fixed(2, 1)), dict(reduction=reduction)
        yield "binary_cross_entropy_with_logits", dict(x=x(2, 3), target=chance, weight=fixed(2, 1), pos_weight=fixed(3, lo=0, hi=3)), dict(reduction=reduction)
        yield "kl_div", dict(x=x(2, 3), target=fixed(2, 3)), dict(log_target=True, reduction=reduction)
    yield "kl_div", dict(x=x(2, 3), target=odds(2, 3)), dict(reduction="batchmean")
    # Sizes and scales, in lists and alone
    for shape, kwargs in (
        ((1, 2, 4), dict(scale_factor=[1.5], mode="linear")), ((1, 2, 4), dict(size=7, mode="linear", align_corners=True)),
        ((1, 2, 4), dict(scale_factor=2)), ((1, 2, 5), dict(size=[3], mode="area")),
        ((1, 1, 4, 5), dict(scale_factor=[1.6, 0.7], mode="bilinear")),
        ((1, 1, 4, 5), dict(scale_factor=[1.6, 0.7], mode="bilinear", align_corners=True)),
        ((1, 1, 4, 5), dict(scale_factor=[0.6, 2.3], mode="nearest", recompute_scale_factor=True)),
        ((1, 1, 4, 5), dict(scale_factor=[0.6, 2.3], mode="nearest-exact")),
        ((1, 1, 4, 5), dict(size=3, mode="bicubic", align_corners=True)),
        ((1, 1, 4, 5), dict(scale_factor=[2, 1.3], mode="bicubic", recompute_scale_factor=None)),
        ((1, 1, 7, 6), dict(size=[3, 4], mode="bicubic", antialias=True)),
        ((1, 1, 7, 6), dict(scale_factor=[0.4, 0.6], mode="bilinear", antialias=True, align_corners=False)),
        ((1, 1, 2, 3, 2), dict(scale_factor=[2, 1, 1.5], mode="nearest")), ((1, 1, 4, 3, 2), dict(size=2, mode="area")),
    ):
        yield "interpolate", dict(x=x(*shape)), kwargs


def write():
    folder = Folder("NNCoreTests/Fixtures/nn-arguments", "nn", atol=2e-6)
    for op, inputs, arguments in cases():
        folder.add(op, body(op), inputs, arguments)
    folder.save()
