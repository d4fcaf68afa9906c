// The windows of an image as columns, and back: two linear operations, each the other's gradient.

extension Tensor {
  /// The windows that a convolution sees, one per column, as `torch.nn.functional.unfold` (im2col).
  ///
  /// - Returns: [N, C · height · width, positions] for an image batch [N, C, H, W]; without N for an image [C, H, W].
  public func unfold(
    kernelSize: Size2, dilation: Size2 = 1, padding: Size2 = 0, stride: Size2 = 1
  ) -> Tensor {
    if rank == 3 {
      return unsqueeze(0).unfold(
        kernelSize: kernelSize, dilation: dilation, padding: padding, stride: stride
      ).squeeze(0)
    }
    require(rank == 4, "unfold", "needs images [N, C, H, W] or [C, H, W], got \(shape)")
    let windows = FoldedWindows(
      image: Size2(shape[2], shape[3]), kernel: kernelSize, dilation: dilation, padding: padding,
      stride: stride,
      "unfold")
    let frame = windows.emptyFrame(like: self, planes: Array(shape[..<2]))
    backend.assign(self, to: windows.image(in: frame))
    let columns = backend.copy(windows.all(in: frame), strides: nil)
    return Tensor(storage: columns.storage, shape: windows.columnShape(shape[0], shape[1]), dtype: dtype)
      .recorded("unfold", inputs: [self]) { g, _ in
        [
          g.fold(
            outputSize: windows.imageSize, kernelSize: kernelSize, dilation: dilation, padding: padding,
            stride: stride)
        ]
      }
  }

  /// Adds up windows where they overlap in an image, as `torch.nn.functional.fold` (col2im).
  ///
  /// - Returns: [N, C, height, width] of `outputSize` for columns [N, C · height · width of the kernel, positions];
  ///   without N where the columns have none.
  public func fold(
    outputSize: Size2, kernelSize: Size2, dilation: Size2 = 1, padding: Size2 = 0, stride: Size2 = 1
  ) -> Tensor {
    if rank == 2 {
      return unsqueeze(0).fold(
        outputSize: outputSize, kernelSize: kernelSize, dilation: dilation, padding: padding, stride: stride
      ).squeeze(0)
    }
    let windows = FoldedWindows(
      image: outputSize, kernel: kernelSize, dilation: dilation, padding: padding, stride: stride, "fold")
    let area = kernelSize.height * kernelSize.width
    require(
      rank == 3 && shape[1] % area == 0 && shape[2] == windows.positions.height * windows.positions.width,
      "fold",
      "columns of shape \(shape) do not fit kernel \(kernelSize) and image \(outputSize)")
    let planes = [shape[0], shape[1] / area]
    let frame = windows.emptyFrame(like: self, planes: planes)
    let columns = contiguous().detach()
    let step = shape[2]
    for tap in 0..<area {
      let target = windows.tap(tap, in: frame)
      let source = columns.view(
        shape: target.shape, strides: [shape[1] * step, area * step, windows.positions.width, 1],
        offset: columns.offset + tap * step)
      backend.assign(backend.binary(.add, target, source), to: target)
    }
    return backend.copy(windows.image(in: frame), strides: nil)
      .recorded("fold", inputs: [self]) { g, _ in
        [g.unfold(kernelSize: kernelSize, dilation: dilation, padding: padding, stride: stride)]
      }
  }
}

/// Where the windows of an image lie in a frame of the image and its padding.
private struct FoldedWindows: Sendable {
  let imageSize: Size2
  let kernel: Size2
  let dilation: Size2
  let padding: Size2
  let stride: Size2
  let positions: Size2

  init(image: Size2, kernel: Size2, dilation: Size2, padding: Size2, stride: Size2, _ name: StaticString) {
    (imageSize, self.kernel, self.dilation, self.padding, self.stride) = (
      image, kernel, dilation, padding, stride
    )
    for size in [kernel, dilation, stride] {
      require(
        size.height > 0 && size.width > 0 && padding.height >= 0 && padding.width >= 0, name,
        "kernel \(kernel), dilation \(dilation) and stride \(stride) must be positive, padding \(padding) not negative"
      )
    }
    let (height, width) = (
      image.height + 2 * padding.height - dilation.height * (kernel.height - 1) - 1,
      image.width + 2 * padding.width - dilation.width * (kernel.width - 1) - 1
    )
    require(
      height >= 0 && width >= 0, name,
      "kernel \(kernel) with dilation \(dilation) is larger than the padded \(image)")
    positions = Size2(height / stride.height + 1, width / stride.width + 1)
  }

  func columnShape(_ images: Int, _ channels: Int) -> [Int] {
    [images, channels * kernel.height * kernel.width, positions.height * positions.width]
  }

  func emptyFrame(like x: Tensor, planes: [Int]) -> Tensor {
    x.backend.fill(
      planes + [imageSize.height + 2 * padding.height, imageSize.width + 2 * padding.width], 0, dtype: x.dtype
    )
  }

  func image(in frame: Tensor) -> Tensor {
    frame.view(
      shape: Array(frame.shape[..<2]) + [imageSize.height, imageSize.width], strides: frame.strides,
      offset: padding.height * frame.strides[2] + padding.width)
  }

  /// [N, C, kernel height, kernel width, positions down, positions across].
  func all(in frame: Tensor) -> Tensor {
    let s = frame.strides
    return frame.view(
      shape: Array(frame.shape[..<2]) + [kernel.height, kernel.width, positions.height, positions.width],
      strides: [s[0], s[1], dilation.height * s[2], dilation.width, stride.height * s[2], stride.width])
  }

  /// What one tap of the kernel sees, [N, C, positions down, positions across].
  func tap(_ index: Int, in frame: Tensor) -> Tensor {
    let s = frame.strides
    let (y, x) = (index / kernel.width * dilation.height, index % kernel.width * dilation.width)
    return frame.view(
      shape: Array(frame.shape[..<2]) + [positions.height, positions.width],
      strides: [s[0], s[1], stride.height * s[2], stride.width], offset: y * s[2] + x)
  }
}
