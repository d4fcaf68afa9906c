import NNCore
import NNLayers

extension ImageClassifier {
  /// Sets what is left out at random in training.
  ///
  ///     try network.configureTraining(dropPath: 0.1, dropout: 0.2)
  ///
  /// - Parameters:
  ///   - dropPath: probability with which a sample skips the last block; grows from 0 at the first block in equal steps,
  ///     as timm's `drop_path_rate`. Nil for what it is.
  ///   - dropout: probability with which a feature before the head, or between its layers, is left out, as timm's
  ///     `drop_rate`. Nil for what it is.
  /// - Throws: ``ModelError`` if a probability does not lie in 0..<1, or the network has no such part; nothing was changed
  ///   then.
  public func configureTraining(dropPath: Double? = nil, dropout: Double? = nil) throws {
    let blocks = modules.map { $0.children.compactMap { $0 as? StochasticDepth } }.filter { !$0.isEmpty }
    let layers = headDropout
    for (name, value, isThere) in [
      ("drop path", dropPath, !blocks.isEmpty), ("dropout", dropout, !layers.isEmpty),
    ] {
      guard let value else { continue }
      guard isThere else {
        throw ModelError.setting(
          name, "\(value)", network: typeName, expected: "none, as it has no such layers")
      }
      guard (0..<1).contains(value) else {
        throw ModelError.setting(name, "\(value)", network: typeName, expected: "a probability in 0..<1")
      }
    }
    if let dropPath {
      for (place, block) in blocks.enumerated() {
        for layer in block { layer.p = dropPath * Double(place) / Double(max(1, blocks.count - 1)) }
      }
    }
    if let dropout { for layer in layers { layer.p = dropout } }
  }

  /// The dropout layers before the head and between its layers.
  private var headDropout: [Dropout] {
    guard let head = headName?.split(separator: ".").first else { return [] }
    return stages.flatMap { stage -> [Dropout] in
      if let layer = stage.module as? Dropout { return [layer] }
      return stage.name == head ? stage.module?.modules.compactMap { $0 as? Dropout } ?? [] : []
    }
  }
}
