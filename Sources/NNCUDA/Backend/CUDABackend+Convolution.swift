import NNCore

// Images and results are channels-last here; what is not is copied once. Weights are dense [O, h, w, C / groups], kept beside
// the storage that they were made of, so that both passes of a step share one copy.

extension CUDABackend {
  package func convolution(
    _ x: Tensor, _ weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, outputSize: Size2,
    finish: ConvolutionFinish, into target: Tensor?
  ) -> Tensor {
    let result = convolution(x, weight, bias: bias, geometry, outputSize: outputSize, finish)
    guard let target else { return result }
    assign(result, to: target)
    return target
  }

  private func convolution(
    _ x: Tensor, _ weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, outputSize: Size2,
    _ finish: ConvolutionFinish
  ) -> Tensor {
    let shape = [x.shape[0], weight.shape[0], outputSize.height, outputSize.width]
    if shape.contains(0) || weight.count == 0 || x.count == 0 {
      let result = constant(shape, bias, x.dtype)
      return finished(finish.map.map { mapped(result, $0, adding: nil, rectified: false) } ?? result, finish)
    }
    let kernel = Size2(weight.shape[2], weight.shape[3])
    let frame = ConvolutionFrame(x.size, outputSize, kernel, geometry)
    let image = padded(x, frame)
    var (weights, bias) = (dense(weight), bias.map(rowMajor))
    if let map = finish.map { (weights, bias) = folded(weights, bias, map) }
    let addend = finish.addend.map(channelsLast)
    let result = emptyImages(shape, x.dtype)
    var convolution = description(.forward, image, result, kernel, frame)
    convolution.hasBias = bias != nil
    convolution.isRectified = finish.ceiling != nil
    driver.convolve(
      convolution,
      CUDAConvolution.Operands(
        image: image.cardAddress, weight: weights.cardAddress, result: result.cardAddress,
        bias: bias?.cardAddress, addend: addend?.cardAddress))
    return withExtendedLifetime((image, weights, bias, addend)) {
      guard let ceiling = finish.ceiling, ceiling < .infinity else { return result }
      return binary(.minimum, result, fill([], ceiling, dtype: x.dtype))
    }
  }

  /// What follows a convolution and its map, one after the other.
  private func finished(_ x: Tensor, _ finish: ConvolutionFinish) -> Tensor {
    let sum = finish.addend.map { binary(.add, x, $0) } ?? x
    guard let ceiling = finish.ceiling else { return sum }
    let rectified = unary(.relu, sum)
    return ceiling < .infinity ? binary(.minimum, rectified, fill([], ceiling, dtype: x.dtype)) : rectified
  }

  package func conv2dInputGradient(
    _ gradient: Tensor, _ weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, inputSize: Size2
  ) -> Tensor {
    let shape = [
      gradient.shape[0], weight.shape[1] * geometry.groups, inputSize.height, inputSize.width,
    ]
    if shape.contains(0) || weight.count == 0 || gradient.count == 0 {
      return constant(shape, bias, gradient.dtype)
    }
    let kernel = Size2(weight.shape[2], weight.shape[3])
    let frame = ConvolutionFrame(inputSize, gradient.size, kernel, geometry)
    let (gradients, weights) = (channelsLast(gradient), dense(weight))
    let size = frame.size
    let image = emptyImages([shape[0], shape[1], size.height, size.width], gradient.dtype)
    driver.convolve(
      description(.inputGradient, image, gradients, kernel, frame),
      CUDAConvolution.Operands(
        image: image.cardAddress, weight: weights.cardAddress, result: gradients.cardAddress))
    var result = withExtendedLifetime((gradients, weights)) {
      frame.crop.map { uncropped(image, $0, shape) } ?? image
    }
    if let bias {
      let channels = bias.view(shape: [1, shape[1], 1, 1], strides: [0, bias.strides[0], 0, 0])
      binaryInPlace(.add, &result, channels)
    }
    return result
  }

  package func conv2dWeightGradient(
    _ gradient: Tensor, _ x: Tensor, _ geometry: ConvolutionGeometry, kernelSize: Size2
  ) -> Tensor {
    let shape = [
      gradient.shape[1], x.shape[1] / geometry.groups, kernelSize.height, kernelSize.width,
    ]
    if shape.contains(0) || gradient.count == 0 || x.count == 0 { return constant(shape, nil, x.dtype) }
    let frame = ConvolutionFrame(x.size, gradient.size, kernelSize, geometry)
    let (image, gradients) = (padded(x, frame), channelsLast(gradient))
    let result = emptyImages(shape, x.dtype)
    driver.convolve(
      description(.weightGradient, image, gradients, kernelSize, frame),
      CUDAConvolution.Operands(
        image: image.cardAddress, weight: result.cardAddress, result: gradients.cardAddress))
    return withExtendedLifetime((image, gradients)) { result }
  }

  private func description(
    _ pass: CUDAConvolution.Pass, _ image: Tensor, _ result: Tensor, _ kernel: Size2,
    _ frame: ConvolutionFrame
  ) -> CUDAConvolution {
    CUDAConvolution(
      pass: pass, dtype: image.dtype, batch: image.shape[0], channels: image.shape[1],
      inputSize: image.size, outputs: result.shape[1], outputSize: result.size, kernelSize: kernel,
      geometry: frame.geometry, allowsTF32: MatmulPrecision.convolutions == .high)
  }

  // MARK: Operands

  private func emptyImages(_ shape: [Int], _ dtype: DType) -> Tensor {
    empty(shape, dtype, strides: Tensor.channelsLastStrides(shape))
  }

  func channelsLast(_ x: Tensor) -> Tensor {
    x.isChannelsLast ? x : copy(x, strides: Tensor.channelsLastStrides(x.shape))
  }

  private func dense(_ weight: Tensor) -> Tensor {
    if weight.isChannelsLast { return weight }
    let strides = Tensor.channelsLastStrides(weight.shape)
    let key = weight.shape + weight.strides + [weight.offset]
    return DerivedTensors.of(weight.storage, key: key, sources: [], isSame: { _, _ in true }) {
      [copy(weight.detach(), strides: strides)]
    }[0]
  }

  /// What a convolution over nothing gives: its bias [channels], or zeros.
  private func constant(_ shape: [Int], _ bias: Tensor?, _ dtype: DType) -> Tensor {
    guard let bias else { return fill(shape, 0, dtype: dtype) }
    let result = emptyImages(shape, dtype)
    assign(bias.view(shape: [1, shape[1], 1, 1], strides: [0, bias.strides[0], 0, 0]), to: result)
    return result
  }

  /// The images as the frame has them, zeros around them or cut.
  private func padded(_ x: Tensor, _ frame: ConvolutionFrame) -> Tensor {
    guard let crop = frame.crop else { return channelsLast(x) }
    let shape = [x.shape[0], x.shape[1], frame.size.height, frame.size.width]
    let result = emptyImages(shape, x.dtype)
    driver.clear(result.cardAddress, byteCount: result.count * x.dtype.byteCount)
    if let (inside, part) = crop.overlap(of: x, in: result) { assign(inside, to: part) }
    return result
  }

  /// The part of framed images that belongs to images of this shape, which have zeros where there is none.
  private func uncropped(_ image: Tensor, _ crop: ConvolutionFrame.Crop, _ shape: [Int]) -> Tensor {
    let result = emptyImages(shape, image.dtype)
    driver.clear(result.cardAddress, byteCount: result.count * image.dtype.byteCount)
    if let (part, inside) = crop.overlap(of: result, in: image) { assign(inside, to: part) }
    return result
  }
}

/// A convolution as the library of the card has it, which pads both sides by the same: where that would give another size,
/// the images are put into larger ones (or cut), and nothing is padded then.
private struct ConvolutionFrame {
  /// How the images lie in those that the library gets: rows and columns before them and behind them, below 0 if cut.
  struct Crop {
    let before: Size2
    let size: Size2

    /// The parts of images and of framed images that are the same elements.
    func overlap(of x: Tensor, in framed: Tensor) -> (Tensor, Tensor)? {
      func span(_ before: Int, _ length: Int, _ framed: Int) -> (start: Int, count: Int) {
        let start = max(0, -before)
        return (start, min(length, framed - before) - start)
      }
      let rows = span(before.height, x.shape[2], size.height)
      let columns = span(before.width, x.shape[3], size.width)
      if rows.count <= 0 || columns.count <= 0 { return nil }
      func part(_ tensor: Tensor, _ row: Int, _ column: Int) -> Tensor {
        tensor.view(
          shape: [tensor.shape[0], tensor.shape[1], rows.count, columns.count], strides: tensor.strides,
          offset: tensor.offset + row * tensor.strides[2] + column * tensor.strides[3])
      }
      return (
        part(x, rows.start, columns.start),
        part(framed, rows.start + before.height, columns.start + before.width)
      )
    }
  }

  var geometry: ConvolutionGeometry
  /// Nil where the images are taken as they are.
  var crop: Crop?
  var size: Size2

  init(_ input: Size2, _ output: Size2, _ kernel: Size2, _ geometry: ConvolutionGeometry) {
    self.geometry = geometry
    size = input
    func extent(_ kernel: Int, _ dilation: Int) -> Int { (kernel - 1) * dilation + 1 }
    let window = Size2(
      extent(kernel.height, geometry.dilation.height), extent(kernel.width, geometry.dilation.width))
    func isSymmetric(_ input: Int, _ output: Int, _ window: Int, _ stride: Int, _ padding: Int) -> Bool {
      padding >= 0 && input + 2 * padding >= window && (input + 2 * padding - window) / stride + 1 == output
    }
    let (stride, padding) = (geometry.stride, geometry.padding)
    if isSymmetric(input.height, output.height, window.height, stride.height, padding.height)
      && isSymmetric(input.width, output.width, window.width, stride.width, padding.width)
    {
      return
    }
    size = Size2(
      (output.height - 1) * stride.height + window.height, (output.width - 1) * stride.width + window.width)
    crop = Crop(before: padding, size: size)
    self.geometry.padding = 0
  }
}

extension Tensor {
  fileprivate var size: Size2 { Size2(shape[2], shape[3]) }
}
