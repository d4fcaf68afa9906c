import NNCore

private func reduction(_ a: Arguments, _ usual: String = "mean") throws -> Reduction {
  try a.choice(
    "reduction", usual, ["none": .none, "sum": .sum, "mean": .mean, "batchmean": .batchMean])
}

/// Losses of margins, distances and counts, and those of unbalanced labels.
package let marginFixtures: FixtureTable = [
  "triplet_margin_loss": { c, a in
    try [
      tripletMarginLoss(
        c["x"], c["positive"], c["negative"], margin: a.double("margin", 1), p: a.double("p", 2),
        epsilon: a.double("eps", 1e-6), swap: a.bool("swap"), reduction: reduction(a))
    ]
  },
  "cosine_embedding_loss": { c, a in
    try [
      cosineEmbeddingLoss(
        c["x"], c["y"], c["target"], margin: a.double("margin", 0), reduction: reduction(a))
    ]
  },
  "margin_ranking_loss": { c, a in
    try [
      marginRankingLoss(c["x"], c["y"], c["target"], margin: a.double("margin", 0), reduction: reduction(a))
    ]
  },
  "hinge_embedding_loss": { c, a in
    try [hingeEmbeddingLoss(c["x"], c["target"], margin: a.double("margin", 1), reduction: reduction(a))]
  },
  "soft_margin_loss": { c, a in try [softMarginLoss(c["x"], c["target"], reduction: reduction(a))] },
  "multi_margin_loss": { c, a in
    try [
      multiMarginLoss(
        c["x"], c["target"], p: a.int("p", 1), margin: a.double("margin", 1), weight: c.optional("weight"),
        reduction: reduction(a))
    ]
  },
  "multilabel_margin_loss": { c, a in
    try [multilabelMarginLoss(c["x"], c["target"], reduction: reduction(a))]
  },
  "multilabel_soft_margin_loss": { c, a in
    try [
      multilabelSoftMarginLoss(c["x"], c["target"], weight: c.optional("weight"), reduction: reduction(a))
    ]
  },
  "poisson_nll_loss": { c, a in
    try [
      poissonNLLLoss(
        c["x"], c["target"], logInput: a.bool("log_input", true), full: a.bool("full"),
        epsilon: a.double("eps", 1e-8), reduction: reduction(a))
    ]
  },
  "gaussian_nll_loss": { c, a in
    try [
      gaussianNLLLoss(
        c["x"], c["target"], variance: c["var"], full: a.bool("full"), epsilon: a.double("eps", 1e-6),
        reduction: reduction(a))
    ]
  },
  "sigmoid_focal_loss": { c, a in
    let alpha = try a.double("alpha", 0.25)
    return try [
      sigmoidFocalLoss(
        c["x"], c["target"], alpha: alpha < 0 ? nil : alpha, gamma: a.double("gamma", 2),
        reduction: reduction(a, "none"))
    ]
  },
  "asymmetric_loss": { c, a in
    try [
      asymmetricLoss(
        c["x"], c["target"], absentGamma: a.double("gamma_neg", 4), presentGamma: a.double("gamma_pos", 1),
        clip: a.double("clip", 0.05), reduction: reduction(a, "batchmean"))
    ]
  },
]
