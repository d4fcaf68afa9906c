import NNCore

/// Several data sets one behind the other, `torch.utils.data.ConcatDataset`. They may be of different types
/// with elements of the same type.
public struct ConcatDataset<Element: Sendable>: Dataset {
  public let datasets: [any Dataset<Element>]
  /// Number of elements up to the end of each part.
  private let ends: [Int]

  public init(_ datasets: [any Dataset<Element>]) {
    self.datasets = datasets
    var sum = 0
    ends = datasets.map {
      sum += $0.count
      return sum
    }
  }

  public var count: Int { ends.last ?? 0 }
  public subscript(index: Int) -> Element {
    get throws {
      let (part, place) = location(of: index)
      return try datasets[part][place]
    }
  }

  public func element(at index: Int, context: SampleContext) throws -> Element {
    let (part, place) = location(of: index)
    return try datasets[part].element(at: place, context: context)
  }

  private func location(of index: Int) -> (part: Int, place: Int) {
    require(index >= 0 && index < count, "ConcatDataset", "index \(index) is outside 0..<\(count)")
    var (low, high) = (0, ends.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if ends[middle] > index { high = middle } else { low = middle + 1 }
    }
    return (low, index - (low == 0 ? 0 : ends[low - 1]))
  }
}

extension ConcatDataset: CompositeDataset {
  package var parts: [any Dataset] { datasets }
}

extension Dataset {
  /// One data set behind the other.
  public static func + (first: Self, second: some Dataset<Element>) -> ConcatDataset<Element> {
    ConcatDataset([first, second])
  }
}
