import NNCore

extension WeightedRandomSampler {
  /// Draws with replacement so that every class comes equally often.
  ///
  /// - Parameters:
  ///   - targets: class of each index, from 0.
  ///   - count: indices per epoch; as many as there are targets if nil.
  public static func balancing(
    _ targets: [Int], count: Int? = nil, generator: Generator? = nil
  ) -> WeightedRandomSampler {
    let weights = balancedClassWeights(targets, classes: (targets.max() ?? -1) + 1)
    return WeightedRandomSampler(
      weights: targets.map { weights[$0] }, count: count ?? targets.count, generator: generator)
  }
}
