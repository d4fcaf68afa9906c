import NNCore

/// What a step returns: named scalars in order, such as `["val_loss": loss, "val_acc": accuracy]`.
///
/// Names are those that `callbackMetrics` shows. A training step must name its differentiable scalar `loss`.
public struct StepOutput: ExpressibleByDictionaryLiteral, Sendable {
  /// Names and scalar tensors in the order in which they were given.
  public private(set) var entries: [(name: String, value: Tensor)] = []
  /// Number of samples behind the values: their weight in the mean over an epoch. The Trainer fills it in from the
  /// batch where a step leaves it nil.
  public var batchSize: Int?

  public init(_ entries: [(name: String, value: Tensor)] = [], batchSize: Int? = nil) {
    self.batchSize = batchSize
    for entry in entries { self[entry.name] = entry.value }
  }

  public init(dictionaryLiteral elements: (String, Tensor)...) {
    self.init(elements.map { (name: $0.0, value: $0.1) })
  }

  /// The value of a name; assigning adds or replaces it.
  public subscript(name: String) -> Tensor? {
    get { entries.first { $0.name == name }?.value }
    set {
      let place = entries.firstIndex { $0.name == name }
      switch (place, newValue) {
      case (let place?, let value?): entries[place].value = value
      case (let place?, nil): entries.remove(at: place)
      case (nil, let value?): entries.append((name, value))
      case (nil, nil): break
      }
    }
  }

  /// Without the graph behind the values, so that an epoch's outputs hold no activations.
  func detached() -> StepOutput {
    StepOutput(entries.map { (name: $0.name, value: $0.value.detach()) }, batchSize: batchSize)
  }

  /// Values as numbers, in order; those of a device are read when somebody looks.
  var metrics: Metrics {
    var metrics = Metrics()
    for entry in entries { metrics.set(entry.name, LazyNumber(entry.value)) }
    return metrics
  }
}

extension Collection<StepOutput> {
  /// The mean of each name over all outputs that have it, weighted by batch size: the mean over samples.
  public func weightedMean() -> StepOutput {
    var order: [String] = []
    var sums: [String: (sum: Double, weight: Double)] = [:]
    for output in self {
      let weight = Double(output.batchSize ?? 1)
      for (name, value) in output.entries {
        if sums[name] == nil { order.append(name) }
        let before = sums[name] ?? (0, 0)
        sums[name] = (before.sum + value.detach().item() * weight, before.weight + weight)
      }
    }
    return StepOutput(
      order.compactMap { name in sums[name].map { (name: name, value: Tensor($0.sum / $0.weight)) } },
      batchSize: reduce(0) { $0 + ($1.batchSize ?? 1) })
  }
}
