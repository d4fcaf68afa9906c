import CNNKernels

/// A pooling as the kernels take it: made once, used by all rows.
struct KernelPooling {
  let geometry: PoolingGeometry
  private let rows: Axis
  private let columns: Axis

  /// - Parameter throughInput: whether the kernel goes through the elements of the input, and needs the windows of each.
  init(_ geometry: PoolingGeometry, throughInput: Bool) {
    self.geometry = geometry
    rows = Axis(geometry.rows, throughInput: throughInput)
    columns = Axis(geometry.columns, throughInput: throughInput)
  }

  func withPooling(
    channels: Int, _ dtype: DType, path: Int32, _ body: (UnsafePointer<nn_pooling>) -> Void
  ) {
    rows.withAxis { rowAxis in
      columns.withAxis { columnAxis in
        var pooling = nn_pooling()
        pooling.rows = rowAxis
        pooling.columns = columnAxis
        pooling.channels = channels
        pooling.place_row = geometry.columns.largestWindow
        pooling.place_bytes = Int32(geometry.placeDType.byteCount)
        pooling.type = dtype.rawValue
        pooling.path = path
        withUnsafePointer(to: pooling) { body($0) }
      }
    }
  }

  private struct Axis {
    private let axis: PoolingAxis
    private let windows: [nn_pool_window]
    /// The windows that cover element i: `covers[starts[i]..<starts[i + 1]]`, in the order of the windows.
    private let covers: [nn_pool_cover]
    private let starts: [Int32]

    init(_ axis: PoolingAxis, throughInput: Bool) {
      self.axis = axis
      windows = axis.windows.map {
        nn_pool_window(start: Int32($0.start), count: Int32($0.count), divisor: Int32($0.divisor))
      }
      (covers, starts) = throughInput ? Self.covers(axis) : ([], [])
    }

    private static func covers(_ axis: PoolingAxis) -> (covers: [nn_pool_cover], starts: [Int32]) {
      func forEachCover(_ body: (_ element: Int, _ window: Int, _ tap: Int) -> Void) {
        for (index, window) in axis.windows.enumerated() {
          for tap in 0..<window.count { body(window.start + tap * axis.dilation, index, tap) }
        }
      }
      var starts = [Int32](repeating: 0, count: axis.input + 1)
      forEachCover { element, _, _ in starts[element + 1] += 1 }
      for element in 0..<axis.input { starts[element + 1] += starts[element] }
      var next = starts
      var covers = [nn_pool_cover](repeating: nn_pool_cover(), count: Int(starts[axis.input]))
      forEachCover { element, window, tap in
        covers[Int(next[element])] = nn_pool_cover(window: Int32(window), tap: Int32(tap))
        next[element] += 1
      }
      return (covers, starts)
    }

    func withAxis(_ body: (nn_pool_axis) -> Void) {
      windows.withUnsafeBufferPointer { windows in
        covers.withUnsafeBufferPointer { covers in
          starts.withUnsafeBufferPointer { starts in
            body(
              nn_pool_axis(
                windows: windows.baseAddress, covers: covers.baseAddress, cover_start: starts.baseAddress,
                input: axis.input, output: axis.output, step: axis.dilation))
          }
        }
      }
    }
  }
}

extension PoolingGeometry {
  /// The smallest type that holds the place of an element in its window.
  var placeDType: DType { largestWindow <= 256 ? .uint8 : .int32 }
}
