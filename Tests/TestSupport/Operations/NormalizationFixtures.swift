import NNCore

/// Normalisations, of the golden group `nn`.
package let normalizationFixtures: FixtureTable = [
  "batch_norm": { c, a in
    // Whether there are weights and statistics is seen from the inputs.
    let keepsStatistics = try a.bool("track_running_stats", true)
    a.ignore("affine")
    var momentum = try a.double("momentum", 0.1)
    let batches = try a.int("num_batches_tracked", 0)
    if a.contains("momentum"), a.value("momentum") == nil { momentum = 1 / (Double(batches) + 1) }
    let result = try c["x"].batchNorm(
      runningMean: keepsStatistics ? c["running_mean"] : nil,
      runningVariance: keepsStatistics ? c["running_var"] : nil, weight: c.optional("weight"),
      bias: c.optional("bias"), training: a.bool("training") || !keepsStatistics, momentum: momentum,
      eps: a.double("eps", 1e-5))
    return [result.output, result.runningMean, result.runningVariance].compactMap { $0 }
  },
  "layer_norm": { c, a in
    try [
      c["x"].layerNorm(
        shape: a.ints("normalized_shape"), weight: c.optional("weight"), bias: c.optional("bias"),
        eps: a.double("eps", 1e-5))
    ]
  },
  "group_norm": { c, a in
    try [
      c["x"].groupNorm(
        groups: a.int("num_groups"), weight: c.optional("weight"), bias: c.optional("bias"),
        eps: a.double("eps", 1e-5))
    ]
  },
  "instance_norm": { c, a in
    try [
      c["x"].instanceNorm(
        weight: c.optional("weight"), bias: c.optional("bias"), eps: a.double("eps", 1e-5))
    ]
  },
  "local_response_norm": { c, a in
    try [
      c["x"].localResponseNorm(
        size: a.int("size"), alpha: a.double("alpha", 1e-4), beta: a.double("beta", 0.75),
        k: a.double("k", 1))
    ]
  },
]
