import NNCore
import NNLayers
import TestSupport

/// A golden schedule being followed.
final class ScheduleRun {
  let expected: [[Double]]
  let momenta: [Double]?
  let metrics: [Double]
  let optimizer: SGD
  let scheduler: any LRScheduler

  init(_ entry: NamedEntry) throws {
    let rates = (entry["lr"]?.elements ?? []).compactMap(\.doubles)
    guard let start = entry["base_lrs"]?.doubles, let name = entry["scheduler"]?.string, !rates.isEmpty,
      rates.allSatisfy({ $0.count == start.count })
    else { throw FixtureError("the schedule needs base_lrs, scheduler and lr") }
    expected = rates
    momenta = entry["momentum"]?.doubles
    metrics = entry["metrics"]?.doubles ?? []
    let groups = start.map { rate in
      ParameterGroup<SGDOptions>([Parameter(Tensor.zeros(1))]) { $0.learningRate = rate }
    }
    optimizer = SGD(groups) { $0.momentum = entry["optimizer_momentum"]?.double ?? 0 }
    scheduler = try makeScheduler(name, entry["kwargs"] ?? .null, optimizer)
    if scheduler is ReduceLROnPlateau, metrics.count < rates.count - 1 {
      throw FixtureError("the schedule needs \(rates.count - 1) metrics")
    }
  }

  /// What is not as PyTorch has it during a step.
  func differences(_ step: Int) -> [String] {
    var found: [String] = []
    for (got, want) in zip(optimizer.learningRates, expected[step]) where !isClose(got, want) {
      found.append("step \(step): \(got), expected \(want)")
    }
    if let momenta {
      let got = optimizer.momenta?.first ?? .nan
      let want = momenta.indices.contains(step) ? momenta[step] : .nan
      if !isClose(got, want) { found.append("momentum of step \(step): \(got), expected \(want)") }
    }
    return found
  }

  private func isClose(_ got: Double, _ want: Double) -> Bool { abs(got - want) <= 1e-12 + 1e-9 * abs(want) }

  func advance(_ step: Int) {
    if metrics.isEmpty { scheduler.step() } else { scheduler.step(metric: metrics[step]) }
  }
}

private func makeScheduler(
  _ name: String, _ kwargs: JSONValue, _ optimizer: SGD
) throws -> any LRScheduler {
  guard let make = scheduleFixtures[name] else { throw FixtureError("scheduler not supported: \(name)") }
  let arguments = Arguments(kwargs.entries ?? [:])
  guard try arguments.int("last_epoch", -1) == -1 else {
    throw FixtureError("argument not supported: last_epoch, states are loaded instead")
  }
  let scheduler = try make(optimizer, arguments)
  try arguments.expectAllRead()
  return scheduler
}

private func parts(_ optimizer: SGD, _ a: Arguments) throws -> [any LRScheduler] {
  try a.elements("schedulers").map { part in
    guard let name = part[0]?.string else { throw FixtureError("argument schedulers: no name in \(part)") }
    return try makeScheduler(name, part[1] ?? .null, optimizer)
  }
}

private func factor(_ a: Arguments) throws -> (Int) -> Double {
  let text = try a.string("lr_lambda")
  // Tried once, so that a schedule's closure need not throw.
  _ = try PythonExpression.value(of: text, at: 0)
  return { (try? PythonExpression.value(of: text, at: $0)) ?? .nan }
}

/// One number per group; a single one holds for all.
private func perGroup(_ name: String, _ optimizer: SGD, _ a: Arguments) throws -> [Double] {
  let values = try a.doubles(name)
  return values.count == 1 ? optimizer.learningRates.map { _ in values[0] } : values
}

/// Momenta are the same for all groups here.
private func momentum(_ name: String, _ fallback: Double, _ a: Arguments) throws -> Double {
  guard let values = try a.optionalDoubles(name) else { return fallback }
  guard let first = values.first, values.allSatisfy({ $0 == first }) else {
    throw FixtureError("argument not supported: \(name) that differs between groups")
  }
  return first
}

private func cycleMode(_ a: Arguments) throws -> CyclicLR.Mode {
  let gamma = try a.double("gamma", 1)
  // PyTorch only looks at it beside a function.
  a.ignore("scale_mode")
  return try a.choice(
    "mode", "triangular",
    [
      "triangular": .triangular, "triangular2": .triangular2, "exp_range": .exponentialRange(gamma: gamma),
    ])
}

/// Schedules by PyTorch's names.
private let scheduleFixtures: [String: @Sendable (SGD, Arguments) throws -> any LRScheduler] = [
  "StepLR": { o, a in try StepLR(o, stepSize: a.int("step_size"), gamma: a.double("gamma", 0.1)) },
  "MultiStepLR": { o, a in
    try MultiStepLR(o, milestones: a.ints("milestones"), gamma: a.double("gamma", 0.1))
  },
  "ExponentialLR": { o, a in try ExponentialLR(o, gamma: a.double("gamma")) },
  "CosineAnnealingLR": { o, a in
    try CosineAnnealingLR(o, tMax: a.int("T_max"), minLearningRate: a.double("eta_min", 0))
  },
  "CosineAnnealingWarmRestarts": { o, a in
    try CosineAnnealingWarmRestarts(
      o, firstPeriod: a.int("T_0"), periodFactor: a.int("T_mult", 1), minLearningRate: a.double("eta_min", 0))
  },
  "LinearLR": { o, a in
    try LinearLR(
      o, startFactor: a.double("start_factor", 1.0 / 3), endFactor: a.double("end_factor", 1),
      totalIterations: a.int("total_iters", 5))
  },
  "ConstantLR": { o, a in
    try ConstantLR(o, factor: a.double("factor", 1.0 / 3), totalIterations: a.int("total_iters", 5))
  },
  "PolynomialLR": { o, a in
    try PolynomialLR(o, totalIterations: a.int("total_iters", 5), power: a.double("power", 1))
  },
  "LambdaLR": { o, a in try LambdaLR(o, factor(a)) },
  "MultiplicativeLR": { o, a in try MultiplicativeLR(o, factor(a)) },
  "SequentialLR": { o, a in
    try SequentialLR(o, schedulers: parts(o, a), milestones: a.ints("milestones"))
  },
  "ChainedScheduler": { o, a in try ChainedScheduler(parts(o, a)) },
  "OneCycleLR": { o, a in
    // Either all steps, or epochs of as many steps.
    let (epochs, perEpoch) = try (a.optionalInt("epochs"), a.optionalInt("steps_per_epoch"))
    return try OneCycleLR(
      o, maxLearningRates: perGroup("max_lr", o, a),
      totalSteps: a.optionalInt("total_steps") ?? (epochs ?? 0) * (perEpoch ?? 0),
      startShare: a.double("pct_start", 0.3),
      annealing: a.choice("anneal_strategy", "cos", ["cos": .cosine, "linear": .linear]),
      cyclesMomentum: a.bool("cycle_momentum", true), baseMomentum: momentum("base_momentum", 0.85, a),
      maxMomentum: momentum("max_momentum", 0.95, a), divFactor: a.double("div_factor", 25),
      finalDivFactor: a.double("final_div_factor", 1e4), threePhase: a.bool("three_phase"))
  },
  "CyclicLR": { o, a in
    try CyclicLR(
      o, baseLearningRates: perGroup("base_lr", o, a), maxLearningRates: perGroup("max_lr", o, a),
      stepSizeUp: a.int("step_size_up", 2_000), stepSizeDown: a.optionalInt("step_size_down"),
      mode: cycleMode(a), cyclesMomentum: a.bool("cycle_momentum", true),
      baseMomentum: momentum("base_momentum", 0.8, a), maxMomentum: momentum("max_momentum", 0.9, a))
  },
  "ReduceLROnPlateau": { o, a in
    let least = a.value("min_lr") == nil ? o.learningRates.map { _ in 0 } : try perGroup("min_lr", o, a)
    return try ReduceLROnPlateau(
      o, mode: a.choice("mode", "min", ["min": .min, "max": .max]), factor: a.double("factor", 0.1),
      patience: a.int("patience", 10), threshold: a.double("threshold", 1e-4),
      thresholdMode: a.choice("threshold_mode", "rel", ["rel": .relative, "abs": .absolute]),
      cooldown: a.int("cooldown", 0), minLearningRates: least, epsilon: a.double("eps", 1e-8))
  },
]
