import Foundation
import NNCore
import NNFiles

/// A data set of which it is known where its inputs come from and whether they are the same in every epoch, so that
/// what a frozen network makes of them may be kept.
///
/// Every ``VisionDataset`` is one. A data set of one's own becomes one by saying so:
///
///     extension Recordings: RepeatableDataset {
///       func targets(at indices: [Int]) -> Tensor { Tensor(indices.map { labels[$0] }) }
///     }
public protocol RepeatableDataset: Dataset where Element == Sample {
  /// The targets of a batch, exactly as a `DataLoader` puts them together, without making its inputs.
  func targets(at indices: [Int]) throws -> Tensor
  /// Number of the input of an element among those of the source, in `0..<sourceCount`; equal numbers have equal inputs.
  /// By default the index itself.
  func source(of index: Int) -> Int
  /// By default the number of elements.
  var sourceCount: Int { get }
  /// The transform that makes an input another one in each epoch; nil (the default) if there is none.
  var randomTransform: String? { get }
  /// A digest of everything that an input with a number depends on, the same from run to run: pixels or files, and the
  /// transforms. Nil (the default): the data set does not know one, and nothing is kept longer than a run.
  func fingerprint() throws -> String?
}

extension RepeatableDataset {
  public func source(of index: Int) -> Int { index }
  public var sourceCount: Int { count }
  public var randomTransform: String? { nil }
  public func fingerprint() throws -> String? { nil }
}

extension VisionDataset {
  public func targets(at indices: [Int]) -> Tensor {
    let targets = targets
    return Tensor(indices.map { targets[$0] })
  }
  public var randomTransform: String? { transform.randomStage }
}

extension ImageDataset {
  public func fingerprint() -> String? {
    var digest = Digest.sha256()
    digest.update("\(data.shape) | \(transform)")
    data.withElements(of: UInt8.self) { digest.update(UnsafeRawBufferPointer($0)) }
    return digest.finished()
  }
}

extension ImageFolder {
  /// Names, sizes and times of the files, and how they are read: not their bytes.
  public func fingerprint() throws -> String? {
    var digest = Digest.sha256()
    digest.update(recipe)
    for path in paths {
      digest.update("\(path)\n\(try tree.state(of: path))")
    }
    return digest.finished()
  }
}

extension Subset: RepeatableDataset where Base: RepeatableDataset {
  public func targets(at indices: [Int]) throws -> Tensor {
    try dataset.targets(at: indices.map { self.indices[$0] })
  }
  public func source(of index: Int) -> Int { dataset.source(of: indices[index]) }
  public var sourceCount: Int { dataset.sourceCount }
  public var randomTransform: String? { dataset.randomTransform }
  public func fingerprint() throws -> String? { try dataset.fingerprint() }
}
