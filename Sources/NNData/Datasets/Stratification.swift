import NNCore

/// Cuts images of several labels into parts at random, so that each part has its share of every label: iterative
/// stratification (Sechidis, Tsoumakas and Vlahavas, On the Stratification of Multi-Label Data, 2011).
///
/// The images of the label that the fewest of those left have are dealt out first, each to the part that lacks most of that
/// label, of several such parts to the one that lacks most images; images without labels come last.
///
///     let labels = [[0, 2], [1], [], [0]]
///     let parts = stratifiedParts(labels, shares: [0.8, 0.1, 0.1], generator: Generator(seed: 0))
///
/// - Parameters:
///   - labels: of each image, from 0; also none.
///   - shares: of each part, positive; their sum counts as 1.
/// - Returns: for each part the indices of its images, in ascending order.
public func stratifiedParts(
  _ labels: [[Int]], shares: [Double], generator: Generator = .default
) -> [[Int]] {
  require(
    !shares.isEmpty && shares.allSatisfy { $0 > 0 && $0.isFinite }, "stratifiedParts",
    "expected positive shares, got \(shares)")
  require(
    labels.allSatisfy { $0.allSatisfy { $0 >= 0 } }, "stratifiedParts", "expected labels of at least 0")
  let whole = shares.reduce(0, +)
  var dealing = Dealing(labels, shares: shares.map { $0 / whole }, order: generator.randperm(labels.count))
  return dealing.parts()
}

/// Cuts images of several labels into parts of about equal size, each with its share of every label; see
/// ``stratifiedParts(_:shares:generator:)``.
public func stratifiedFolds(
  ofLabels labels: [[Int]], count: Int, generator: Generator = .default
) -> [[Int]] {
  require(count >= 2, "stratifiedFolds", "needs at least 2 parts, got \(count)")
  return stratifiedParts(labels, shares: Array(repeating: 1, count: count), generator: generator)
}

/// Images as they are dealt out to parts.
private struct Dealing {
  private let labels: [[Int]]
  private let order: [Int]
  /// Images that each part still lacks.
  private var lacking: [Double]
  /// Images of each label that each part still lacks.
  private var lackingOf: [[Double]]
  /// Images of each label, in the order in which they are dealt out, and how many are left.
  private var images: [[Int]]
  private var left: [Int]
  private var part: [Int?]

  init(_ labels: [[Int]], shares: [Double], order: [Int]) {
    // A label counts once.
    self.labels = labels.map { Set($0).sorted() }
    self.order = order
    images = Array(repeating: [], count: (labels.joined().max() ?? -1) + 1)
    for image in order {
      for label in self.labels[image] { images[label].append(image) }
    }
    left = images.map(\.count)
    lacking = shares.map { $0 * Double(labels.count) }
    lackingOf = images.map { images in shares.map { $0 * Double(images.count) } }
    part = Array(repeating: nil, count: labels.count)
  }

  mutating func parts() -> [[Int]] {
    while let label = left.indices.filter({ left[$0] > 0 }).min(by: { left[$0] < left[$1] }) {
      for image in images[label] where part[image] == nil {
        deal(image, lackingOf[label])
      }
    }
    for image in order where part[image] == nil { deal(image, lacking) }
    var parts: [[Int]] = Array(repeating: [], count: lacking.count)
    for (image, part) in part.enumerated() { if let part { parts[part].append(image) } }
    return parts
  }

  /// Gives an image to the part that needs most, of equal ones to that which lacks most images, else to the first.
  private mutating func deal(_ image: Int, _ need: [Double]) {
    var best = 0
    for other in lacking.indices where (need[best], lacking[best]) < (need[other], lacking[other]) {
      best = other
    }
    part[image] = best
    lacking[best] -= 1
    for label in labels[image] {
      lackingOf[label][best] -= 1
      left[label] -= 1
    }
  }
}
