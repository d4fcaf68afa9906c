import NNCore
import TestSupport

/// The `reduction` argument of a case.
private func reduction(_ c: FixtureInputs) -> Reduction {
  switch c.string("reduction", "mean") {
  case "none": .none
  case "sum": .sum
  case "batchmean": .batchMean
  default: .mean
  }
}

let lossFixtures: FixtureTable = [
  "cross_entropy": { c in
    [
      crossEntropy(
        c["x"], c["target"], weight: c.optional("weight"), ignoreIndex: c.int("ignore_index", -100),
        reduction: reduction(c), labelSmoothing: c.double("label_smoothing"))
    ]
  },
  "nll_loss": { c in
    [
      nllLoss(
        c["x"], c["target"], weight: c.optional("weight"), ignoreIndex: c.int("ignore_index", -100),
        reduction: reduction(c))
    ]
  },
  "mse_loss": { c in [mseLoss(c["x"], c["target"], reduction: reduction(c))] },
  "l1_loss": { c in [l1Loss(c["x"], c["target"], reduction: reduction(c))] },
  "smooth_l1_loss": { c in
    [smoothL1Loss(c["x"], c["target"], beta: c.double("beta", 1), reduction: reduction(c))]
  },
  "huber_loss": { c in [huberLoss(c["x"], c["target"], delta: c.double("delta", 1), reduction: reduction(c))]
  },
  "binary_cross_entropy": { c in
    [binaryCrossEntropy(c["x"], c["target"], weight: c.optional("weight"), reduction: reduction(c))]
  },
  "binary_cross_entropy_with_logits": { c in
    [
      binaryCrossEntropyWithLogits(
        c["x"], c["target"], weight: c.optional("weight"), posWeight: c.optional("pos_weight"),
        reduction: reduction(c))
    ]
  },
  "kl_div": { c in
    [klDiv(c["x"], c["target"], reduction: reduction(c), logTarget: c.bool("log_target"))]
  },
]

/// Layer functions apart from products, convolutions, pooling and normalisation.
let layerFixtures: FixtureTable = [
  "embedding": { c in [embedding(c["index"], c["weight"], paddingIndex: c.argument("padding_idx")?.int)] },
  "channel_shuffle": { c in [c["x"].channelShuffle(groups: c.int("groups"))] },
  "pixel_shuffle": { c in [c["x"].pixelShuffle(upscaleFactor: c.int("upscale_factor"))] },
  "sdpa": { c in [scaledDotProductAttention(c["q"], c["k"], c["v"], isCausal: c.bool("is_causal"))] },
  "interpolate": { c in
    [
      c["x"].interpolate(
        size: c.argument("size")?.ints, scaleFactor: c.argument("scale_factor").map { [$0.double] },
        mode: Tensor.InterpolationMode(rawValue: c.string("mode")) ?? .nearest,
        alignCorners: c.bool("align_corners"),
        recomputeScaleFactor: c.bool("recompute_scale_factor"), antialias: c.bool("antialias"))
    ]
  },
]
