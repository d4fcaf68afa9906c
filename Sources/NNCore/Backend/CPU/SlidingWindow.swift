import CNNKernels

/// A window that slides over images with adjacent channels; see `nn_window`.
struct SlidingWindow {
  let source: Tensor
  /// Channels per group.
  let channels: Int
  let positions: Size2
  let step: Size2
  let taps: [nn_tap]
  /// Asked once: the pieces run on other threads.
  let path = KernelPath.current

  init(_ source: Tensor, channels: Int, positions: Size2, step: Size2, taps: [nn_tap]) {
    source.evaluate()
    self.source = source
    self.channels = channels
    self.positions = positions
    self.step = step
    // Taps side by side are one piece of memory only if the channels of a pixel end where the next ones begin.
    var taps = taps
    if source.strides[3] == channels {
      for index in taps.indices.dropLast().reversed() {
        let (tap, next) = (taps[index], taps[index + 1])
        if tap.y == next.y && tap.x + 1 == next.x { taps[index].run = next.run + 1 }
      }
    }
    self.taps = taps
  }

  /// The taps of a kernel, in order of their place in the source; `place` is nil for a tap that has none.
  static func taps(_ kernel: Size2, _ place: (_ y: Int, _ x: Int) -> (y: Int, x: Int)?) -> [nn_tap] {
    var taps: [nn_tap] = []
    for y in 0..<kernel.height {
      for x in 0..<kernel.width {
        guard let place = place(y, x) else { continue }
        taps.append(
          nn_tap(y: Int32(place.y), x: Int32(place.x), slab: Int32(y * kernel.width + x), run: 1))
      }
    }
    return taps.sorted { ($0.y, $0.x) < ($1.y, $1.x) }
  }

  /// Rows of the patch matrix.
  func rowCount(images: Int) -> Int { images * positions.height * positions.width }

  /// The window over one group of channels (or `channels` of them from that group on) as the kernels take it.
  func withKernelWindow(
    group: Int, channels: Int? = nil, _ body: (UnsafePointer<nn_window>) -> Void
  ) {
    taps.withUnsafeBufferPointer { taps in
      var window = nn_window()
      window.source = UnsafeRawPointer(
        address(source.hostPointer, group * self.channels, source.dtype.byteCount))
      window.source_image = source.strides[0]
      window.source_row = source.strides[2]
      window.source_column = source.strides[3]
      window.source_height = source.shape[2]
      window.source_width = source.shape[3]
      window.channels = channels ?? self.channels
      window.height = positions.height
      window.width = positions.width
      window.step_y = step.height
      window.step_x = step.width
      window.taps = taps.baseAddress
      window.tap_count = taps.count
      window.type = source.dtype.rawValue
      window.path = path.rawValue
      withUnsafePointer(to: window) { body($0) }
    }
  }
}
