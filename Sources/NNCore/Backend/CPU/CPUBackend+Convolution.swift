import CNNKernels

// Images and their gradients are channels-last here; a source that is not is copied once. Weights become a matrix
// [taps · input channels of a group][output channels] once per call.

extension CPUBackend {
  func convolution(
    _ x: Tensor, _ weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, outputSize: Size2,
    finish: ConvolutionFinish, into target: Tensor?
  ) -> Tensor {
    let shape = [x.shape[0], weight.shape[0], outputSize.height, outputSize.width]
    let result =
      target ?? Tensor(uninitialized: shape, dtype: x.dtype, strides: Tensor.channelsLastStrides(shape))
    let source = withAdjacentChannels(x)
    let kernel = Size2(weight.shape[2], weight.shape[3])
    let tiled = WinogradGeometry(
      source, outputs: shape[1], outputSize: outputSize, kernel: kernel, geometry, padding: geometry.padding,
      leastPositions: finish.keepsWeights ? 0 : 256)
    let merge = GroupMerge(weight, geometry.groups)
    let form = workingForm(weight, bias, finish, tiled, merge)
    let kernelFinish = KernelFinish(finish.addend.map(withAdjacentChannels), ceiling: finish.ceiling)
    if let tiled {
      winogradConvolution(tiled, source, form.weight, bias: form.bias, kernelFinish, into: result)
      return result
    }
    let window = SlidingWindow(
      source, channels: weight.shape[1] * merge.factor, positions: outputSize, step: geometry.stride,
      taps: SlidingWindow.taps(kernel) { y, x in
        (
          y * geometry.dilation.height - geometry.padding.height,
          x * geometry.dilation.width - geometry.padding.width
        )
      })
    convolve(window, form.weight, form.bias, kernelFinish, into: result, merge)
    return result
  }

  /// Weights as the kernels read them, with a following channel map worked in: [taps · channels][outputs], or planes
  /// of panels for Winograd's tiles; and the bias.
  private func workingForm(
    _ weight: Tensor, _ bias: Tensor?, _ finish: ConvolutionFinish, _ tiled: WinogradGeometry?,
    _ merge: GroupMerge
  ) -> (weight: Tensor, bias: Tensor?) {
    func make() -> [Tensor] {
      var (weight, bias) = (weight.detach(), bias?.detach())
      if let map = finish.map {
        func values(_ tensor: Tensor) -> Formula { Formula(tensor.part(0, of: 0)) }
        let offset = Formula(cast(bias ?? fill([1], 0, dtype: .float64), to: .float64)) - values(map.mean)
        bias = (offset * values(map.scale) + values(map.shift)).cast(weight.dtype).value
        let factors = values(map.scale).cast(weight.dtype).value.shaped([weight.shape[0], 1, 1, 1])
        weight = (Formula(weight) * Formula(factors)).value
      }
      let form =
        tiled.map { winogradWeights($0, weight, turned: false) }
        ?? copy(merge.merged(weight).ordered([2, 3, 1, 0]), strides: nil)
      return [form] + (bias.map { [copy($0, strides: nil)] } ?? [])
    }
    if !finish.keepsWeights {
      let made = make()
      return (made[0], made.count > 1 ? made[1] : nil)
    }
    let key =
      weight.shape + weight.strides + [weight.offset, tiled == nil ? 0 : 1, Int(KernelPath.current.rawValue)]
      + [bias == nil ? 0 : 1, finish.map == nil ? 0 : 1]
    let sources = (bias.map { [$0] } ?? []) + (finish.map.map { [$0.mean, $0.scale, $0.shift] } ?? [])
    let made = DerivedTensors.of(
      weight.storage, key: key, sources: sources, isSame: { $0.hasSameBits(as: $1) }, make: make)
    return (made[0], made.count > 1 ? made[1] : nil)
  }

  /// Every position of the input gathers from the positions of the gradient that it had contributed to. At stride
  /// s the inputs whose row and column leave one remainder modulo s share the taps that reach them, and so make
  /// one convolution of stride 1; there are s · s of them.
  func conv2dInputGradient(
    _ gradient: Tensor, _ weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, inputSize: Size2
  ) -> Tensor {
    let merge = GroupMerge(weight, geometry.groups)
    let weight = merge.merged(weight)
    let (groups, stride, padding, dilation) = (
      merge.groups, geometry.stride, geometry.padding, geometry.dilation
    )
    let (outputs, inputs) = (weight.shape[0] / groups, weight.shape[1])
    let kernel = Size2(weight.shape[2], weight.shape[3])
    let shape = [gradient.shape[0], groups * inputs, inputSize.height, inputSize.width]
    let result = Tensor(
      uninitialized: shape, dtype: gradient.dtype, strides: Tensor.channelsLastStrides(shape))
    let (source, bias) = (withAdjacentChannels(gradient), bias.map { copy($0, strides: nil) })
    if let tiled = WinogradGeometry(
      source, outputs: shape[1], outputSize: inputSize, kernel: kernel, geometry,
      padding: Size2(2 - padding.height, 2 - padding.width), leastPositions: 256)
    {
      winogradConvolution(
        tiled, source, winogradWeights(tiled, weight, turned: true), bias: bias, .none, into: result)
      return result
    }
    let s = weight.strides
    let matrix = copy(
      weight.view(
        shape: [kernel.height, kernel.width, outputs, groups, inputs],
        strides: [s[2], s[3], s[0], outputs * s[0], s[1]]), strides: nil)
    for row in 0..<min(stride.height, inputSize.height) {
      for column in 0..<min(stride.width, inputSize.width) {
        let taps = SlidingWindow.taps(kernel) { y, x in
          let (fromY, fromX) = (
            row + padding.height - y * dilation.height, column + padding.width - x * dilation.width
          )
          if fromY % stride.height != 0 || fromX % stride.width != 0 { return nil }
          return (fromY / stride.height, fromX / stride.width)
        }
        let positions = Size2(
          (inputSize.height - row + stride.height - 1) / stride.height,
          (inputSize.width - column + stride.width - 1) / stride.width)
        let part = result.view(
          shape: [shape[0], shape[1], positions.height, positions.width],
          strides: [
            result.strides[0], 1, result.strides[2] * stride.height, result.strides[3] * stride.width,
          ], offset: row * result.strides[2] + column * result.strides[3])
        let window = SlidingWindow(source, channels: outputs, positions: positions, step: 1, taps: taps)
        convolve(window, matrix, bias, .none, into: part, merge)
      }
    }
    return result
  }

  /// - Parameters:
  ///   - matrix: weights [taps of the kernel][channels of the source per group][channels of the result].
  ///   - result: channels-last view that is written.
  private func convolve(
    _ window: SlidingWindow, _ matrix: Tensor, _ bias: Tensor?, _ finish: KernelFinish, into result: Tensor,
    _ merge: GroupMerge
  ) {
    let groups = merge.groups
    let outputs = result.shape[1] / max(groups, 1)
    let rows = window.rowCount(images: result.shape[0])
    let size = result.dtype.byteCount
    let isDepthwise = window.channels == 1 && outputs == 1 && window.path != .openBLAS
    if isDepthwise || merge.isSideBySide {
      let channels = groups * outputs
      let grain = max(1, (isDepthwise ? 65_536 : 262_144) / max(1, channels * window.taps.count))
      ThreadPool.shared.parallelFor(count: rows, grain: grain) { range in
        window.withKernelWindow(group: 0, channels: channels) { kernelWindow in
          let (grid, bias) = (nn_grid(result), bias.map { UnsafeRawPointer($0.hostPointer) })
          if isDepthwise {
            nn_depthwise_piece(
              kernelWindow, matrix.hostPointer, bias, grid, range.lowerBound, range.upperBound)
          } else {
            nn_grouped_piece(
              kernelWindow, Int32(outputs), matrix.hostPointer, bias, grid, range.lowerBound, range.upperBound
            )
          }
          finish.run(kernelWindow, grid, rows: range, columns: 0..<channels, firstChannel: 0, size)
        }
      }
      return
    }
    let blocks = BlockSize(
      rows: rows, columns: outputs, depth: window.taps.count * window.channels, dtype: result.dtype, most: 384
    )
    let (rowBlocks, columnBlocks) = (
      (rows + blocks.rows - 1) / blocks.rows, (outputs + blocks.columns - 1) / blocks.columns
    )
    ThreadPool.shared.parallelFor(pieces: groups * rowBlocks * columnBlocks) { piece in
      let group = piece / (rowBlocks * columnBlocks)
      let row = piece / columnBlocks % rowBlocks * blocks.rows
      let column = piece % columnBlocks * blocks.columns
      let (lastRow, lastColumn) = (min(rows, row + blocks.rows), min(outputs, column + blocks.columns))
      let weights = UnsafeRawPointer(address(matrix.hostPointer, group * outputs, size))
      let bias = bias.map { UnsafeRawPointer(address($0.hostPointer, group * outputs, size)) }
      var grid = nn_grid(result)
      grid.data = address(result.hostPointer, group * outputs, size)
      window.withKernelWindow(group: group) { kernelWindow in
        if window.path == .openBLAS {
          OpenBLAS.convolve(
            kernelWindow, weights, groups * outputs, bias, grid, rows: row..<lastRow,
            columns: column..<lastColumn)
        } else {
          nn_conv_piece(
            kernelWindow, weights, groups * outputs, bias, grid, row, lastRow, column, lastColumn)
        }
        finish.run(
          kernelWindow, grid, rows: row..<lastRow, columns: column..<lastColumn,
          firstChannel: group * outputs, size)
      }
    }
  }

  func withAdjacentChannels(_ x: Tensor) -> Tensor {
    x.evaluate()
    return x.strides[1] == 1 || x.shape[1] == 1 ? x : copy(x, strides: Tensor.channelsLastStrides(x.shape))
  }
}

/// A convolution's finish in the form of the kernels.
struct KernelFinish {
  let addend: Tensor?
  let ceiling: Double?

  init(_ addend: Tensor?, ceiling: Double?) {
    self.addend = addend
    self.ceiling = ceiling
  }

  static let none = KernelFinish(nil, ceiling: nil)

  /// - Parameter firstChannel: channel of the result that the kernel counts as its first.
  func kernel(firstChannel: Int = 0, size: Int = 4) -> nn_finish {
    var grid = addend.map { nn_grid($0) } ?? nn_grid()
    if let addend { grid.data = address(addend.hostPointer, firstChannel, size) }
    return nn_finish(addend: grid, rectified: ceiling == nil ? 0 : 1, ceiling: ceiling ?? .infinity)
  }

  func run(
    _ window: UnsafePointer<nn_window>, _ out: nn_grid, rows: Range<Int>, columns: Range<Int>,
    firstChannel: Int,
    _ size: Int
  ) {
    if addend == nil && ceiling == nil { return }
    nn_conv_finish(
      window, out, kernel(firstChannel: firstChannel, size: size), rows.lowerBound, rows.upperBound,
      columns.lowerBound, columns.upperBound)
  }
}

extension nn_grid {
  init(_ x: Tensor) {
    self.init(data: x.hostPointer, image: x.strides[0], row: x.strides[2], column: x.strides[3])
  }
}
