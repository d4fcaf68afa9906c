import NNCore

/// A table of vectors, looked up by number; as `torch.nn.Embedding`. Takes integers of any shape and appends a
/// dimension of `size`.
///
/// The vectors start from the standard normal distribution, that of `paddingIndex` at zero.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Embedding.html
public final class Embedding: Module, Layer {
  /// [count, size].
  public let weight: Parameter
  public let count: Int
  public let size: Int
  public let paddingIndex: Int?

  /// - Parameters:
  ///   - count: number of vectors.
  ///   - size: length of a vector.
  ///   - paddingIndex: a vector that is not learned; negative numbers count from the end.
  public init(_ count: Int, _ size: Int, paddingIndex: Int? = nil) {
    self.count = count
    self.size = size
    if let paddingIndex {
      require(
        (-count..<count).contains(paddingIndex), "Embedding",
        "paddingIndex \(paddingIndex) is out of range for \(count) vectors")
      self.paddingIndex = paddingIndex < 0 ? paddingIndex + count : paddingIndex
    } else {
      self.paddingIndex = nil
    }
    var table = Init.normal([count, size])
    if let place = self.paddingIndex { table[place] = Tensor.zeros(size) }
    weight = Parameter(table)
  }

  public func forward(_ index: Tensor) -> Tensor {
    embedding(index, weight.value, paddingIndex: paddingIndex)
  }
  public override var extraDescription: String {
    "\(count), \(size)" + (paddingIndex.map { ", paddingIndex: \($0)" } ?? "")
  }
}
