/// Where the windows of a 2-D pooling lie in its input.
package struct PoolingGeometry: Sendable {
  package let rows: PoolingAxis
  package let columns: PoolingAxis

  /// Number of elements of the largest window.
  package var largestWindow: Int { rows.largestWindow * columns.largestWindow }
}

/// The windows of a pooling along one axis.
package struct PoolingAxis: Sendable, Hashable {
  /// Number of elements of the input.
  package let input: Int
  /// Number of windows.
  package var output: Int { windows.count }
  /// Distance of the elements of a window.
  package let dilation: Int
  package let windows: [Window]
  package let largestWindow: Int

  /// The elements of one window inside the input.
  package struct Window: Sendable, Hashable {
    package let start: Int
    package let count: Int
    /// What an average divides by.
    package let divisor: Int
  }

  /// What an average divides by, as a product over both axes.
  enum Divisor {
    /// The size of the window, of which padding is a part, but not what hangs over the padding.
    case window
    /// The number of elements inside the input.
    case elements
    case fixed(Int)
  }

  /// Windows of one size at regular distances; see `Tensor.maxPool2d`.
  init(
    input: Int, kernel: Int, stride: Int, padding: Int, dilation: Int = 1, ceilMode: Bool,
    divisor: Divisor = .elements, _ name: StaticString
  ) {
    let reach = dilation * (kernel - 1) + 1
    require(
      kernel > 0 && stride > 0 && dilation > 0, name,
      "kernel size \(kernel), stride \(stride) and dilation \(dilation) must be positive")
    require(
      padding >= 0 && 2 * padding <= reach, name,
      "padding \(padding) must be at most half of the reach \(reach) of the kernel")
    require(
      input > 0 && input + 2 * padding >= reach, name,
      "a window of reach \(reach) is larger than the padded input (\(input) + 2 · \(padding))")
    let room = input + 2 * padding - reach
    var count = (ceilMode ? room + stride - 1 : room) / stride + 1
    // A last window that would start in the padding behind the input is dropped.
    if ceilMode && (count - 1) * stride >= input + padding { count -= 1 }
    let windows = (0..<count).map { index -> Window in
      let corner = index * stride - padding
      let first = corner >= 0 ? 0 : (-corner + dilation - 1) / dilation
      let last = min(kernel, (input - corner + dilation - 1) / dilation)
      require(
        first < last, name,
        "window \(index) of kernel \(kernel) and dilation \(dilation) misses the input \(input)")
      let size =
        switch divisor {
        case .window: min(corner + kernel, input + padding) - corner
        case .elements: last - first
        case .fixed(let size): size
        }
      return Window(start: corner + first * dilation, count: last - first, divisor: size)
    }
    self.init(input: input, windows: windows, dilation: dilation)
  }

  /// `output` windows that share the input out as evenly as possible; neighbours may overlap by one element.
  init(input: Int, adaptiveOutput output: Int, _ name: StaticString) {
    require(
      output >= 0 && (input > 0 || output == 0), name,
      "cannot share \(input) elements out to \(output) windows")
    let windows = (0..<output).map { index -> Window in
      let start = index * input / output
      let count = ((index + 1) * input + output - 1) / output - start
      return Window(start: start, count: count, divisor: count)
    }
    self.init(input: input, windows: windows, dilation: 1)
  }

  private init(input: Int, windows: [Window], dilation: Int) {
    require(input <= Int32.max && windows.count <= Int32.max, "PoolingAxis", "\(input) elements are too many")
    self.input = input
    self.windows = windows
    self.dilation = dilation
    largestWindow = windows.map(\.count).max() ?? 1
  }
}
