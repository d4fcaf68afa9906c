import NNCore

private func reduction(_ a: Arguments, _ more: [String: Reduction] = [:]) throws -> Reduction {
  let common: [String: Reduction] = ["none": .none, "sum": .sum, "mean": .mean]
  return try a.choice("reduction", "mean", common.merging(more) { first, _ in first })
}

package let lossFixtures: FixtureTable = [
  "cross_entropy": { c, a in
    try [
      crossEntropy(
        c["x"], c["target"], weight: c.optional("weight"), ignoreIndex: a.int("ignore_index", -100),
        reduction: reduction(a), labelSmoothing: a.double("label_smoothing", 0))
    ]
  },
  "nll_loss": { c, a in
    try [
      nllLoss(
        c["x"], c["target"], weight: c.optional("weight"), ignoreIndex: a.int("ignore_index", -100),
        reduction: reduction(a))
    ]
  },
  "mse_loss": { c, a in try [mseLoss(c["x"], c["target"], reduction: reduction(a))] },
  "l1_loss": { c, a in try [l1Loss(c["x"], c["target"], reduction: reduction(a))] },
  "smooth_l1_loss": { c, a in
    try [smoothL1Loss(c["x"], c["target"], beta: a.double("beta", 1), reduction: reduction(a))]
  },
  "huber_loss": { c, a in
    try [huberLoss(c["x"], c["target"], delta: a.double("delta", 1), reduction: reduction(a))]
  },
  "binary_cross_entropy": { c, a in
    try [binaryCrossEntropy(c["x"], c["target"], weight: c.optional("weight"), reduction: reduction(a))]
  },
  "binary_cross_entropy_with_logits": { c, a in
    try [
      binaryCrossEntropyWithLogits(
        c["x"], c["target"], weight: c.optional("weight"), posWeight: c.optional("pos_weight"),
        reduction: reduction(a))
    ]
  },
  "kl_div": { c, a in
    try [
      klDiv(
        c["x"], c["target"], reduction: reduction(a, ["batchmean": .batchMean]),
        logTarget: a.bool("log_target"))
    ]
  },
]

/// Layer functions apart from products, convolutions, pooling and normalisation.
package let layerFixtures: FixtureTable = [
  "embedding": { c, a in
    try [embedding(c["index"], c["weight"], paddingIndex: a.optionalInt("padding_idx"))]
  },
  "channel_shuffle": { c, a in try [c["x"].channelShuffle(groups: a.int("groups"))] },
  "pixel_shuffle": { c, a in try [c["x"].pixelShuffle(upscaleFactor: a.int("upscale_factor"))] },
  "pixel_unshuffle": { c, a in try [c["x"].pixelUnshuffle(downscaleFactor: a.int("downscale_factor"))] },
  "sdpa": { c, a in
    try [
      scaledDotProductAttention(
        c["q"], c["k"], c["v"], mask: c.optional("attn_mask"), dropout: a.double("dropout_p", 0),
        isCausal: a.bool("is_causal"), scale: a.optionalDouble("scale"))
    ]
  },
  "interpolate": { c, a in
    let modes = Tensor.InterpolationMode.allCases.map { ($0.rawValue, $0) }
    return try [
      c["x"].interpolate(
        size: a.optionalInts("size"), scaleFactor: a.optionalDoubles("scale_factor"),
        mode: a.choice("mode", "nearest", Dictionary(uniqueKeysWithValues: modes)),
        alignCorners: a.bool("align_corners"), recomputeScaleFactor: a.bool("recompute_scale_factor"),
        antialias: a.bool("antialias"))
    ]
  },
]
