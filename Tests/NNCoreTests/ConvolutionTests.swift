import NNCore
import TestSupport
import Testing

struct ConvolutionTests {
  /// Sizes of a convolution, for tests with random data.
  struct Sizes: Sendable, CustomStringConvertible {
    var x = [2, 3, 5, 6]
    var outputs = 4
    var kernel = Size2(3, 3)
    var stride = Size2(1)
    var padding = Size2(0)
    var dilation = Size2(1)
    var groups = 1

    var description: String {
      "\(x) -> \(outputs), kernel \(kernel), stride \(stride), padding \(padding), dilation \(dilation), "
        + "groups \(groups)"
    }

    func values(_ name: String, _ shape: [Int]) -> Tensor {
      FormulaNumbers.uniform("convolution/\(name)", shape).to(.float64)
    }
    var image: Tensor { values("x", x) }
    var weight: Tensor { values("weight", [outputs, x[1] / groups, kernel.height, kernel.width]) }
    var bias: Tensor { values("bias", [outputs]) }

    func convolve(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
      x.conv2d(
        weight, bias: bias, stride: stride, padding: .symmetric(padding), dilation: dilation, groups: groups)
    }

    /// The product with the unfolded windows, group by group.
    func reference(_ x: Tensor, _ weight: Tensor, _ bias: Tensor) -> Tensor {
      let results = zip(x.chunk(groups, axis: 1), weight.chunk(groups)).map { x, weight in
        let windows = x.unfold(kernelSize: kernel, dilation: dilation, padding: padding, stride: stride)
        return weight.flatten(from: 1).matmul(windows)
      }
      let flat = cat(results, axis: 1) + bias.unsqueeze(1)
      let height =
        (x.shape[2] + 2 * padding.height - dilation.height * (kernel.height - 1) - 1) / stride.height + 1
      return flat.reshape([x.shape[0], outputs, height, -1])
    }
  }

  static let small = [
    Sizes(), Sizes(padding: 1), Sizes(stride: 2, padding: 1), Sizes(padding: [2, 0], dilation: [1, 2]),
    Sizes(x: [1, 4, 5, 5], groups: 2),
    Sizes(x: [2, 4, 5, 4], kernel: [2, 3], stride: [2, 1], padding: 1, groups: 4),
    Sizes(x: [1, 3, 4, 4], outputs: 6, padding: 1, groups: 3), Sizes(x: [2, 2, 4, 4], kernel: 1, stride: 3),
    Sizes(x: [1, 1, 4, 5], outputs: 1, kernel: [4, 2], stride: [1, 3], padding: [3, 1], dilation: 2),
  ]
  /// Large enough for several blocks of depth, of rows and of columns.
  static let large = [
    Sizes(x: [3, 40, 9, 8], outputs: 70, padding: 1), Sizes(x: [2, 300, 6, 5], outputs: 33, kernel: 1),
    Sizes(x: [2, 36, 11, 9], outputs: 300, kernel: [3, 5], stride: 2, padding: 2),
    Sizes(x: [2, 64, 14, 14], outputs: 64, padding: 1, groups: 64),
    Sizes(x: [2, 64, 10, 10], outputs: 64, padding: 2, dilation: 2, groups: 4),
    Sizes(x: [9, 5, 20, 20], outputs: 6, stride: [1, 2], padding: [1, 0]),
    // Groups of few channels that are taken together, and a depthwise kernel of many taps.
    Sizes(x: [2, 32, 9, 9], outputs: 32, padding: 1, groups: 8),
    Sizes(x: [3, 24, 7, 8], outputs: 48, stride: 2, padding: 1, groups: 6),
    Sizes(x: [2, 70, 9, 9], outputs: 70, kernel: 8, padding: 4, groups: 70),
    // Groups of 4 and 8 channels that fill vectors side by side, also where not all taps or rows are in registers at once.
    Sizes(x: [2, 64, 9, 11], outputs: 64, padding: 1, groups: 8),
    Sizes(x: [3, 32, 12, 13], outputs: 32, kernel: [2, 5], stride: 2, padding: [1, 3], groups: 4),
    Sizes(x: [5, 32, 11, 13], outputs: 32, stride: 2, padding: 1, groups: 8),
    Sizes(x: [2, 16, 9, 9], outputs: 16, kernel: 6, padding: 2, groups: 4),
    // Winograd's tiles: hanging over edges, several pieces, several slabs of depth, paddings 0 to 2.
    Sizes(x: [3, 32, 9, 11], outputs: 48, padding: 1), Sizes(x: [7, 272, 8, 5], outputs: 160, padding: 1),
    Sizes(x: [5, 16, 13, 12], outputs: 16), Sizes(x: [2, 16, 9, 9], outputs: 32, padding: 2),
    Sizes(x: [70, 16, 8, 8], outputs: 16, padding: [0, 1]),
  ]

  @Test(arguments: small)
  func hasDerivatives(_ sizes: Sizes) {
    let inputs = [sizes.image, sizes.weight, sizes.bias]
    #expect(checkGradients(inputs) { sizes.convolve($0[0], $0[1], $0[2]) }.isEmpty)
    #expect(
      checkSecondDerivatives([sizes.image, sizes.weight]) { sizes.convolve($0[0], $0[1], nil) }.isEmpty)
  }

  @Test(arguments: KernelPath.available, large)
  func agreesWithUnfoldedProduct(_ path: KernelPath, _ sizes: Sizes) {
    for dtype in [DType.float32, .float64] {
      func run(_ convolve: (Tensor, Tensor, Tensor) -> Tensor) -> [Tensor] {
        let inputs = [sizes.image, sizes.weight, sizes.bias].map { $0.to(dtype).requiringGrad() }
        let y = convolve(inputs[0], inputs[1], inputs[2])
        let gradients = grad(
          of: [y], withRespectTo: inputs, gradients: [sizes.values("g", y.shape).to(dtype)])
        return [y] + gradients.compactMap { $0 }
      }
      let got = path.force { run { sizes.convolve($0, $1, $2) } }
      let want = run { sizes.reference($0, $1, $2) }
      #expect(got.count == 4)
      for (index, (a, b)) in zip(got, want).enumerated() {
        let size = b.detach().abs().max().item()
        let found = tensorDifferences(
          a, b, name: "result \(index)", relativeTolerance: 0,
          absoluteTolerance: size * (dtype == .float32 ? 1e-5 : 1e-13))
        #expect(found.isEmpty, "\(dtype)")
      }
    }
  }

  /// TensorFlow's padding, by its rule: output = size / stride, rounded up, and an odd zero at the end.
  @Test(
    arguments: [
      (1, 3, 1), (2, 3, 1), (2, 5, 1), (3, 2, 1), (2, 1, 1), (1, 4, 1), (4, 3, 1), (1, 3, 2), (2, 3, 2),
    ],
    [5, 6, 7, 12])
  func sameUpperPadsAsTensorFlow(_ window: (stride: Int, kernel: Int, dilation: Int), _ size: Int) {
    let (stride, kernel, dilation) = window
    func zeros(_ size: Int) -> (Int, Int) {
      let outputs = Int((Double(size) / Double(stride)).rounded(.up))
      let total = max(0, (outputs - 1) * stride + (kernel - 1) * dilation + 1 - size)
      return (total / 2, total - total / 2)
    }
    for groups in [1, 4] {
      let x = FormulaNumbers.uniform("same x", [2, 4, size, size + 3]).to(.float64)
      let weight = FormulaNumbers.uniform("same w", [4, 4 / groups, kernel, kernel]).to(.float64)
      func run(_ convolve: (Tensor, Tensor) -> Tensor) -> [Tensor] {
        let inputs = [x.requiringGrad(), weight.requiringGrad()]
        let y = convolve(inputs[0], inputs[1])
        y.backward(gradient: FormulaNumbers.uniform("same g", y.shape).to(.float64))
        return [y.detach()] + inputs.map { $0.grad ?? Tensor.zeros([0]) }
      }
      let got = run {
        $0.conv2d($1, stride: Size2(stride), padding: .sameUpper, dilation: Size2(dilation), groups: groups)
      }
      let (rows, columns) = (zeros(size), zeros(size + 3))
      let want = run {
        $0.pad([columns.0, columns.1, rows.0, rows.1]).conv2d(
          $1, stride: Size2(stride), dilation: Size2(dilation), groups: groups)
      }
      #expect(got[0].shape[2] == (size + stride - 1) / stride)
      for (a, b) in zip(got, want) {
        #expect(a.shape == b.shape)
        #expect(
          tensorDifferences(a, b, name: "same", relativeTolerance: 1e-12, absoluteTolerance: 1e-12).isEmpty)
      }
    }
    let row = FormulaNumbers.uniform("same row", [2, 3, size])
    let taps = FormulaNumbers.uniform("same taps", [4, 3, kernel])
    let (before, behind) = zeros(size)
    #expect(
      row.conv1d(taps, stride: stride, padding: .sameUpper, dilation: dilation).isEqual(
        to: row.pad([before, behind]).conv1d(taps, stride: stride, dilation: dilation)))
  }

  @Test func transposedConvolutionHasDerivatives() {
    let x = FormulaNumbers.uniform("transposed x", [2, 4, 3, 3])
    let weight = FormulaNumbers.uniform("transposed weight", [4, 3, 3, 2])
    let bias = FormulaNumbers.uniform("transposed bias", [6])
    let run: ([Tensor]) -> Tensor = {
      $0[0].convTranspose2d(
        $0[1], bias: $0.count > 2 ? $0[2] : nil, stride: [2, 3], padding: 1, outputPadding: [1, 0], groups: 2,
        dilation: [2, 1])
    }
    #expect(run([x, weight, bias]).shape == [2, 6, 8, 6])
    #expect(checkGradients([x, weight, bias], run).isEmpty)
    #expect(checkSecondDerivatives([x, weight], run).isEmpty)
  }

  @Test func unfoldAndFoldHaveDerivatives() {
    let x = FormulaNumbers.uniform("unfold", [2, 2, 5, 4])
    let columns = FormulaNumbers.uniform("fold", [2, 12, 8])
    #expect(checkGradients([x]) { $0[0].unfold(kernelSize: [3, 2], padding: 1, stride: 2).square() }.isEmpty)
    #expect(
      checkGradients([columns]) {
        $0[0].fold(
          outputSize: [4, 4], kernelSize: [3, 2], dilation: [1, 2], padding: [1, 0], stride: [1, 1]
        ).square()
      }.isEmpty)
  }

  @Test func takesUnbatchedAndEmptyInputs() {
    let weight = FormulaNumbers.uniform("weight", [4, 3, 3, 3]).requiringGrad()
    #expect(Tensor.ones([3, 6, 5]).conv2d(weight).shape == [4, 4, 3])
    let empty = Tensor.ones([0, 3, 6, 5]).conv2d(weight, padding: "same")
    #expect(empty.shape == [0, 4, 6, 5])
    empty.sum().backward()
    #expect(weight.grad?.array(of: Float.self).allSatisfy { $0 == 0 } == true)
    #expect(
      Tensor.ones([3, 9]).conv1d(weight.detach().select(3, index: 0), padding: "same").shape == [4, 9])
  }

  /// Weights lie in memory as the layer, a file or a slice left them; the tiles read them in place.
  @Test(
    arguments: KernelPath.available,
    [[0, 1, 2, 3], [0, 2, 3, 1], [1, 0, 2, 3], [2, 3, 0, 1], [3, 1, 2, 0]])
  func bitsDoNotDependOnTheOrderOfWeights(_ path: KernelPath, _ order: [Int]) {
    let sizes = Sizes(x: [5, 32, 12, 12], outputs: 48, padding: 1)
    let (x, weight) = (sizes.image.to(.float32), sizes.weight.to(.float32))
    // The same values, with axes in memory as `order` tells, and gaps between them.
    let apart = cat([weight, weight], axis: 1).permute(order).contiguous()
    let back = order.indices.map { axis in order.firstIndex(of: axis) ?? 0 }
    let same = apart.permute(back).narrow(1, start: 0, length: 32)
    #expect(same.isEqual(to: weight))
    func results(_ weight: Tensor) -> [Tensor] {
      path.force {
        let inputs = [x.requiringGrad(), weight.requiringGrad()]
        let y = sizes.convolve(inputs[0], inputs[1], nil)
        let gradient = sizes.values("g", y.shape).to(.float32)
        let unrecorded = noGrad { sizes.convolve(x, weight, nil) }
        return [y, unrecorded]
          + grad(of: [y], withRespectTo: inputs, gradients: [gradient]).compactMap { $0 }
      }
    }
    let (got, want) = (results(same), results(weight))
    #expect(got.count == 4)
    for (a, b) in zip(got, want) { #expect(a.isEqual(to: b)) }
  }

  @Test func resultsAreChannelsLast() {
    let x = Tensor.ones([2, 3, 6, 5])
    let y = x.conv2d(Tensor.ones([4, 3, 3, 3]), padding: 1)
    #expect(y.isChannelsLast && !y.isContiguous)
  }

  /// Neither the rest of the batch nor the number of threads may change a bit.
  @Test(arguments: large, [DType.float32, .float64])
  func bitsDependOnTheImageAlone(_ sizes: Sizes, _ dtype: DType) {
    let (x, weight) = (sizes.image.to(dtype), sizes.weight.to(dtype))
    let y = sizes.convolve(x, weight, nil)
    let last = x.shape[0] - 1
    #expect(
      sizes.convolve(x.narrow(0, start: last, length: 1), weight, nil)
        .isEqual(to: y.narrow(0, start: last, length: 1)))
    func gradients() -> [Tensor?] {
      let inputs = [x.requiringGrad(), weight.requiringGrad()]
      let y = sizes.convolve(inputs[0], inputs[1], nil)
      return grad(of: [y], withRespectTo: inputs, gradients: [sizes.values("g", y.shape).to(dtype)])
    }
    let before = ThreadPool.shared.threadCount
    defer { ThreadPool.shared.threadCount = before }
    let want = gradients()
    for threads in [1, 2, 5] {
      ThreadPool.shared.threadCount = threads
      #expect(sizes.convolve(x, weight, nil).isEqual(to: y))
      for (a, b) in zip(gradients(), want) {
        if let a, let b { #expect(a.isEqual(to: b)) } else { Issue.record("a gradient is missing") }
      }
    }
  }
}
