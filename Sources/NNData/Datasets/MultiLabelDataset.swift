import NNCore

/// Images of another data set with any number of labels each, also none. A target has a 1 for each label and 0 for every
/// other class, a float32 vector [classes], as `binaryCrossEntropyWithLogits` takes it.
///
///     let photos = try ImageFolder("photos", files: [("1.jpg", ""), ("2.jpg", "")])
///     let dataset = MultiLabelDataset(photos, classes: ["cat", "dog"], labels: [[0, 1], []])
public struct MultiLabelDataset<Base: VisionDataset>: VisionDataset {
  public private(set) var base: Base
  public let classes: [String]
  /// Labels of each image, indices into `classes`.
  public let labels: [[Int]]
  /// The label of each image that the fewest images have; the number of classes for an image without labels.
  public let targets: [Int]

  /// - Parameters:
  ///   - base: the images; their own classes do not count.
  ///   - labels: of each image, indices into `classes`.
  public init(_ base: Base, classes: [String], labels: [[Int]]) {
    require(
      labels.count == base.count && labels.allSatisfy { $0.allSatisfy(classes.indices.contains) },
      "MultiLabelDataset", "expected labels in 0..<\(classes.count) of each of \(base.count) images")
    self.base = base
    self.classes = classes
    self.labels = labels
    targets = rarestLabels(labels, classes: classes.count)
  }

  public var transform: any Transform<Image, Tensor> {
    get { base.transform }
    set { base.transform = newValue }
  }

  /// Number of images that have each label.
  public var classCounts: [Int] {
    labels.joined().reduce(into: Array(repeating: 0, count: classes.count)) { $0[$1] += 1 }
  }

  public func image(at index: Int) throws -> Image { try base.image(at: index) }
  public func imageToTransform(at index: Int) throws -> Image { try base.imageToTransform(at: index) }

  public func element(at index: Int, context: SampleContext) throws -> Sample {
    Sample(
      input: try base.element(at: index, context: context).input,
      target: targets(at: [index]).reshape([classes.count]))
  }

  public func batch(at indices: [Int], contexts: [SampleContext]) throws -> Sample {
    Sample(input: try base.batch(at: indices, contexts: contexts).input, target: targets(at: indices))
  }

  public func targets(at indices: [Int]) -> Tensor {
    var flags = [Float](repeating: 0, count: indices.count * classes.count)
    for (row, index) in indices.enumerated() {
      for label in labels[index] { flags[row * classes.count + label] = 1 }
    }
    return Tensor(flags).reshape([indices.count, classes.count])
  }

  public func fingerprint() throws -> String? { try base.fingerprint() }
}

extension MultiLabelDataset: FileBackedDataset {
  public func file(at index: Int) -> String? { base.knownFile(at: index) }
}

extension MultiLabelDataset: CompositeDataset {
  package var parts: [any Dataset] { [base] }
}

/// Of each image the label that the fewest images have, so that parts cut by it have their share of rare labels too; the
/// number of classes for an image without labels.
package func rarestLabels(_ labels: [[Int]], classes: Int) -> [Int] {
  let counts = labels.joined().reduce(into: Array(repeating: 0, count: classes)) { $0[$1] += 1 }
  return labels.map { $0.min { (counts[$0], $0) < (counts[$1], $1) } ?? classes }
}
