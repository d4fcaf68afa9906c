import CCUDAKernels
import NNCore

/// A pooling as the kernels take it, with its tables in the card's memory.
struct CardPooling {
  private(set) var pooling = nn_cuda_pooling()
  private let tables: [Tensor]

  /// Whether windows of 2 x 2 lie side by side and cover all of the input.
  var isBy2: Bool {
    func isBy2(_ axis: nn_cuda_pool_axis) -> Bool { axis.even == 2 && axis.input == 2 * axis.output }
    return isBy2(pooling.rows) && isBy2(pooling.columns)
  }

  init(_ geometry: PoolingGeometry, images: Int, channels: Int, on backend: CUDABackend) {
    let axes = [geometry.rows, geometry.columns]
    tables = axes.map { $0.evenSize == nil ? backend.table(of: $0) : backend.empty([0], .int32) }
    func axis(_ place: Int) -> nn_cuda_pool_axis {
      let axis = axes[place]
      var result = nn_cuda_pool_axis()
      result.input = Int32(axis.input)
      result.output = Int32(axis.output)
      result.dilation = Int32(axis.dilation)
      if let size = axis.evenSize {
        result.even = Int32(size)
        return result
      }
      let numbers = UnsafeRawPointer(tables[place].cardAddress)
      let starts = numbers + axis.output * MemoryLayout<nn_cuda_window>.size
      result.windows = numbers.assumingMemoryBound(to: nn_cuda_window.self)
      result.cover_starts = starts.assumingMemoryBound(to: Int32.self)
      result.covers = (starts + (axis.input + 1) * 4).assumingMemoryBound(to: nn_cuda_cover.self)
      return result
    }
    pooling.rows = axis(0)
    pooling.columns = axis(1)
    pooling.images = Int32(images)
    pooling.channels = Int32(channels)
    pooling.place_row = Int32(geometry.columns.largestWindow)
    pooling.place_bytes = Int32(geometry.cardPlaceType.byteCount)
  }
}

extension PoolingGeometry {
  /// The smallest type that holds the place of an element in its window.
  var cardPlaceType: DType { largestWindow <= 256 ? .uint8 : .int32 }
}

extension PoolingAxis {
  /// The size of all windows, where these lie side by side from the first element on.
  fileprivate var evenSize: Int? {
    guard dilation == 1, let size = windows.first?.count else { return nil }
    for (place, window) in windows.enumerated() {
      if window.start != place * size || window.count != size || window.divisor != size { return nil }
    }
    return size
  }

  /// Windows, where the covers of each element begin, and covers.
  fileprivate var numbers: [Int32] {
    var starts = [Int32](repeating: 0, count: input + 1)
    for window in windows {
      for tap in 0..<window.count { starts[window.start + tap * dilation + 1] += 1 }
    }
    for element in 0..<input { starts[element + 1] += starts[element] }
    var next = starts
    var covers = [Int32](repeating: 0, count: 2 * Int(starts[input]))
    for (number, window) in windows.enumerated() {
      for tap in 0..<window.count {
        let element = window.start + tap * dilation
        covers[2 * Int(next[element])] = Int32(number)
        covers[2 * Int(next[element]) + 1] = Int32(tap)
        next[element] += 1
      }
    }
    return windows.flatMap { [Int32($0.start), Int32($0.count), Int32($0.divisor)] } + starts + covers
  }
}

extension CUDABackend {
  /// Kept: the same few poolings come again in every step.
  fileprivate func table(of axis: PoolingAxis) -> Tensor {
    tables.of(axis) { uploaded(axis.numbers) }
  }
}
