/// A multi-dimensional array with automatic differentiation, PyTorch's `torch.Tensor` as a Swift value.
///
/// Operations return new tensors; views (`reshape`, `transpose`, subscripts, …) share memory with what they were
/// made from, and assigning through a subscript copies first when memory is shared, so a change never shows
/// through another variable.
public struct Tensor: Sendable {
  /// Size of each dimension; empty for a scalar.
  public let shape: [Int]
  /// Distance between neighbours along each dimension, in elements; 0 repeats one element.
  public let strides: [Int]
  /// Element type.
  public let dtype: DType
  /// Index of the first element in the storage.
  package let offset: Int
  package var storage: Storage
  /// The operation that made the tensor, or the leaf that gathers its gradient; nil when nothing is recorded.
  var node: Node?
  /// Which output of `node` the tensor is.
  var outputIndex: Int

  package init(
    storage: Storage, shape: [Int], strides: [Int]? = nil, offset: Int = 0, dtype: DType
  ) {
    self.storage = storage
    self.shape = shape
    self.strides = strides ?? Tensor.contiguousStrides(shape)
    self.offset = offset
    self.dtype = dtype
    node = nil
    outputIndex = 0
  }

  /// A new tensor whose elements are not set yet.
  package init(uninitialized shape: [Int], dtype: DType, strides: [Int]? = nil, on backend: any Backend) {
    var count = 1
    for size in shape {
      require(size >= 0, "Tensor", "negative size in shape \(shape)")
      count *= size
    }
    self.init(
      storage: Storage(byteCount: count * dtype.byteCount, on: backend), shape: shape, strides: strides,
      dtype: dtype)
  }

  /// Values that are computed when somebody asks for them.
  init(lazy values: any LazyValues, shape: [Int], strides: [Int], _ dtype: DType, on backend: any Backend) {
    self.init(
      storage: Storage(lazy: values, byteCount: shape.reduce(1, *) * dtype.byteCount, on: backend),
      shape: shape, strides: strides, dtype: dtype)
  }

  /// Number of dimensions.
  public var rank: Int { shape.count }
  /// Number of elements.
  public var count: Int { shape.reduce(1, *) }
  /// Where the elements are and are computed on.
  public var device: Device { storage.backend.device }
  /// What carries out operations there.
  package var backend: any Backend {
    dtype == .bfloat16 ? storage.backend.bfloat16Backend : storage.backend
  }

  /// Whether the elements lie in row-major order without gaps.
  public var isContiguous: Bool {
    var step = 1
    for axis in Swift.stride(from: rank - 1, through: 0, by: -1) {
      if shape[axis] == 0 { return true }
      if shape[axis] != 1 {
        if strides[axis] != step { return false }
        step *= shape[axis]
      }
    }
    return true
  }
  /// Whether a 4-D tensor (N, C, H, W) lies in memory as N, H, W, C without gaps.
  public var isChannelsLast: Bool { rank == 4 && Tensor.isDense(shape, strides, order: [1, 3, 2, 0]) }

  /// Whether a 4-D tensor (N, C, H, W) is read from memory as N, H, W, C with adjacent channels, gaps allowed.
  package var hasInnerChannels: Bool {
    guard rank == 4 else { return false }
    var least = 1
    for axis in [1, 3, 2, 0] where shape[axis] != 1 {
      if axis == 1 ? strides[axis] != 1 : strides[axis] < least { return false }
      least = shape[axis] * strides[axis]
    }
    return true
  }

  package static func contiguousStrides(_ shape: [Int]) -> [Int] {
    var strides = shape
    var step = 1
    for axis in shape.indices.reversed() {
      strides[axis] = step
      step *= Swift.max(shape[axis], 1)
    }
    return strides
  }

  package static func channelsLastStrides(_ shape: [Int]) -> [Int] {
    let (c, h, w) = (Swift.max(shape[1], 1), Swift.max(shape[2], 1), Swift.max(shape[3], 1))
    return [h * w * c, 1, w * c, c]
  }

  /// Whether going through the axes in `order`, the fastest first, visits memory without gaps.
  private static func isDense(_ shape: [Int], _ strides: [Int], order: some Sequence<Int>) -> Bool {
    var step = 1
    for axis in order {
      if shape[axis] == 0 { return true }
      if shape[axis] != 1 {
        if strides[axis] != step { return false }
        step *= shape[axis]
      }
    }
    return true
  }

  /// Whether the elements fill a block of memory without gaps or repeats, in whatever order of axes.
  package var isNonOverlappingAndDense: Bool {
    if isContiguous { return true }
    let order = shape.indices.filter { shape[$0] != 1 }.sorted { strides[$0] < strides[$1] }
    return Tensor.isDense(shape, strides, order: order)
  }

  /// Makes sure that the values are there. To be called before a parallel loop that reads them: inside of one they would
  /// be computed on a single thread.
  package func evaluate() { _ = storage.address }

  /// The same elements under other sizes and strides, without gradient.
  package func view(shape: [Int], strides: [Int], offset: Int? = nil) -> Tensor {
    Tensor(storage: storage, shape: shape, strides: strides, offset: offset ?? self.offset, dtype: dtype)
  }

  /// Turns an axis counted from the end (-1 is the last) into 0..<rank, or stops.
  package func axis(_ axis: Int, _ operation: StaticString, extra: Int = 0) -> Int {
    let limit = rank + extra
    require(
      axis >= -Swift.max(limit, 1) && axis < Swift.max(limit, 1), operation,
      "axis \(axis) is out of range for shape \(shape)")
    return axis < 0 ? axis + Swift.max(limit, 1) : axis
  }
}
