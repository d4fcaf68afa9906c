import NNCore
import NNData

/// The parts of a run's images.
enum SplitPart: String, CaseIterable, Sendable {
  case train, validation, test

  /// Names of folders and of entries in a table that mean the part.
  private static let names: [String: SplitPart] = [
    "train": .train, "training": .train, "val": .validation, "valid": .validation, "validation": .validation,
    "dev": .validation, "test": .test, "testing": .test,
  ]

  init?(named name: String) {
    guard let part = Self.names[name.lowercased()] else { return nil }
    self = part
  }
}

/// Cuts parts out of images, each class in the same proportion.
struct SplitCut {
  let share: Double
  let seed: Int

  /// What each image of several labels belongs to, where each part gets its share of every label.
  func parts(ofLabels labels: [[Int]], cutting parts: [SplitPart]) -> [SplitPart] {
    let shares = [max(share, 1 - share * Double(parts.count))] + parts.map { _ in share }
    var result = Array(repeating: SplitPart.train, count: labels.count)
    let cut = stratifiedParts(labels, shares: shares, generator: Generator(seed: seed))
    for (part, images) in zip(parts, cut.dropFirst()) {
      for image in images { result[image] = part }
    }
    return result
  }

  /// What each image belongs to.
  ///
  /// - Parameters:
  ///   - targets: classes of the images.
  ///   - parts: what is cut out of the training images, the last ones of a random order first.
  ///   - isStratified: whether each class gives its own share. Else all images together do, as PyTorch's
  ///     `random_split`.
  func parts(_ targets: [Int], cutting parts: [SplitPart], isStratified: Bool) -> [SplitPart] {
    var result = Array(repeating: SplitPart.train, count: targets.count)
    let order = Generator(seed: seed).randperm(targets.count)
    var groups = [order]
    if isStratified {
      groups = Array(repeating: [], count: (targets.max() ?? -1) + 1)
      for index in order { groups[targets[index]].append(index) }
    }
    for group in groups {
      var rest = group[...]
      // A class of few images is trained on before it is measured.
      let most = max(0, (group.count - 1) / parts.count)
      let held = min(most, max(1, Int(Double(group.count) * share)))
      for part in parts {
        for index in rest.suffix(held) { result[index] = part }
        rest = rest.dropLast(held)
      }
    }
    return result
  }
}
