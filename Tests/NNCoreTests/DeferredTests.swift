import NNCore
import TestSupport
import Testing

/// Operations that leave their values open for the next one must give what they give when everybody looks at them.
struct DeferredTests {
  /// Looks at the values, which ends every deferral.
  static func look(_ x: Tensor) -> Tensor {
    x.withElements(of: Float.self) { _ in }
    return x
  }

  static func values(_ name: String, _ shape: [Int]) -> Tensor {
    FormulaNumbers.uniform("deferred/\(name)", shape)
  }

  /// A chain of operations on images [3, 16, 9, 8] and parameters of 16 channels; `step` stands between them.
  struct Chain: Sendable, CustomStringConvertible {
    let description: String
    let body: @Sendable (_ x: Tensor, _ p: [Tensor], _ step: (Tensor) -> Tensor) -> Tensor
  }

  static func normalized(_ x: Tensor, _ p: [Tensor], training: Bool) -> Tensor {
    training
      ? x.batchNorm(weight: p[0], bias: p[1], training: true).output
      : x.batchNorm(
        runningMean: values("mean", [16]).to(x.dtype),
        runningVariance: (values("variance", [16]).square() + 0.5).to(x.dtype),
        weight: p[0],
        bias: p[1]
      ).output
  }

  static let chains: [Chain] = [true, false].flatMap { training in
    let how = training ? "batch statistics" : "fixed statistics"
    return [
      Chain(description: "\(how), relu") { x, p, step in step(normalized(x, p, training: training)).relu() },
      Chain(description: "\(how), relu, pool 2") { x, p, step in
        step(step(normalized(x, p, training: training)).relu()).maxPool2d(kernelSize: 2)
      },
      Chain(description: "\(how), relu, pool 3 by 2") { x, p, step in
        step(step(normalized(x, p, training: training)).relu())
          .maxPool2d(kernelSize: 3, stride: 2, padding: 1)
      },
      Chain(description: "\(how), sum, relu") { x, p, step in
        step(step(normalized(x, p, training: training)) + x).relu()
      },
      Chain(description: "\(how), relu, sum, pool") { x, p, step in
        step(step(step(normalized(x, p, training: training)).relu()) + x * 2).maxPool2d(kernelSize: 2)
      },
      Chain(description: "\(how), used twice") { x, p, step in
        let y = step(normalized(x, p, training: training))
        return step(y.relu()) * y + y.relu().maxPool2d(kernelSize: 3, stride: 1, padding: 1)
      },
      Chain(description: "convolution, \(how), relu") { x, p, step in
        step(normalized(step(x.conv2d(p[2], bias: p[3], padding: 1)), p, training: training)).relu()
      },
      Chain(description: "1x1 convolution, \(how), sum, relu") { x, p, step in
        let y = step(x.conv2d(p[4], bias: p[3]))
        return step(step(normalized(y, p, training: training)) + x).relu()
      },
      Chain(description: "convolution, sum, relu, \(how)") { x, p, step in
        normalized(step(step(step(x.conv2d(p[2], padding: 1)) + x).relu()), p, training: training)
      },
      Chain(description: "convolutions, relu, cat, \(how)") { x, p, step in
        let parts = [step(x.conv2d(p[4], bias: p[3])).relu(), step(x.conv2d(p[2], padding: 1)).relu()].map(
          step)
        return step(cat(parts, axis: 1)).narrow(1, start: 8, length: 16) + parts[0]
          + normalized(parts[1], p, training: training)
      },
      Chain(description: "grouped and depthwise convolutions, relu, \(how)") { x, p, step in
        let y = step(step(x.conv2d(p[5], padding: 1, groups: 16)) + x).relu()
        let z = step(step(y).conv2d(p[6], stride: 1, padding: 1, groups: 4)) + y
        return normalized(step(step(z).relu()), p, training: training)
      },
      // Biases of up to 6 bring values to both sides of both ends.
      Chain(description: "convolutions, \(how), relu6, sum") { x, p, step in
        let y = step(normalized(step(x.conv2d(p[2], padding: 1)), [p[0], p[1] * 6], training: training))
        let z = step(step(step(y.relu6()).conv2d(p[4], bias: p[3] * 6)).relu6()) + x
        return step(step(step(x.conv2d(p[5], bias: p[3] * 6, padding: 1, groups: 16)) + z).relu6())
      },
      Chain(description: "3x3 and depthwise convolutions, \(how), relu6") { x, p, step in
        let y = step(x.conv2d(p[5], bias: p[3] * 6, stride: 2, padding: .sameUpper, groups: 16)).relu6()
        let z = step(step(x.conv2d(p[2], bias: p[3] * 6, padding: 1)).relu6())
        return step(normalized(z, p, training: training)).narrow(2, start: 0, length: 5)
          .narrow(3, start: 0, length: 4) + step(y)
      },
    ]
  }

  static let parameters = [
    values("weight", [16]) + 1, values("bias", [16]), values("kernel", [16, 16, 3, 3]),
    values("offset", [16]),
    values("kernel 1", [16, 16, 1, 1]), values("depthwise", [16, 1, 3, 3]), values("grouped", [16, 4, 3, 3]),
  ]

  @Test(arguments: chains, KernelPath.available)
  func valuesAreThoseOfSingleSteps(_ chain: Chain, _ path: KernelPath) {
    for layout in [false, true] {
      let x = Self.values("x", [3, 16, 9, 8])
      let image = layout ? x.channelsLast() : x
      path.force {
        let open = noGrad { chain.body(image, Self.parameters) { $0 } }
        let closed = noGrad { chain.body(image, Self.parameters, Self.look) }
        #expect(
          tensorDifferences(open, closed, name: "values", relativeTolerance: 1e-5, absoluteTolerance: 1e-5)
            .isEmpty)
      }
    }
  }

  @Test(arguments: chains)
  func gradientsAreThoseOfSingleSteps(_ chain: Chain) {
    func run(_ step: (Tensor) -> Tensor) -> [Tensor] {
      let inputs = ([Self.values("x", [3, 16, 9, 8])] + Self.parameters).map { $0.requiringGrad() }
      let y = chain.body(inputs[0], Array(inputs.dropFirst()), step)
      y.backward(gradient: Self.values("g", y.shape))
      return [y.detach()] + inputs.map { $0.grad ?? Tensor.zeros([0]) }
    }
    for (open, closed) in zip(run { $0 }, run(Self.look)) {
      #expect(open.shape == closed.shape)
      #expect(
        tensorDifferences(open, closed, name: "gradients", relativeTolerance: 1e-4, absoluteTolerance: 2e-4)
          .isEmpty)
    }
  }

  /// A convolution whose input needs no gradient reads that of its result piece by piece; where the input needs one,
  /// it lies in memory.
  @Test(arguments: KernelPath.available, [DType.float32, .float64])
  func theFirstConvolutionHasTheSameGradients(_ path: KernelPath, _ dtype: DType) {
    let images = Self.values("images", [5, 3, 40, 22]).to(dtype)
    let p = Self.parameters.map { $0.to(dtype) }
    let ends: [@Sendable (Tensor) -> Tensor] = [
      { $0 }, { $0.relu() }, { $0.relu().maxPool2d(kernelSize: 2) },
      { $0.relu().maxPool2d(kernelSize: 3, stride: 2, padding: 1) }, { $0.maxPool2d(kernelSize: 2) },
    ]
    for (kernel, stride) in [(3, 1), (7, 2)] {
      for (number, end) in ends.enumerated() {
        func gradients(ofInput isNeeded: Bool) -> [Tensor] {
          let kernel = Self.values("first \(kernel)", [16, 3, kernel, kernel]).to(dtype).requiringGrad()
          let offset = p[3].requiringGrad()
          let x = images.requiringGrad(isNeeded)
          let y = x.conv2d(
            kernel, bias: offset, stride: Size2(stride), padding: .symmetric(Size2(kernel.shape[2] / 2)))
          let z = end(y.batchNorm(weight: p[0], bias: p[1], training: true).output)
          z.backward(gradient: Self.values("g", z.shape).to(dtype))
          return [kernel, offset].map { $0.grad ?? Tensor.zeros([0]) }
        }
        let (open, closed) = path.force { (gradients(ofInput: false), gradients(ofInput: true)) }
        let scale = closed[0].abs().max().item()
        for (a, b) in zip(open, closed) {
          #expect(a.shape == b.shape)
          let difference = (a - b).abs().max().item() / scale
          #expect(difference < (dtype == .float32 ? 2e-5 : 1e-13), "end \(number), kernel \(kernel)")
        }
      }
    }
  }

  @Test func derivativesAgreeWithDifferences() {
    for chain in Self.chains where !chain.description.contains("onvolution") {
      let x = Self.values("x", [2, 16, 3, 4]).to(.float64)
      let parameters = Self.parameters.prefix(2).map { $0.to(.float64) }
      #expect(
        checkGradients([x] + parameters) { chain.body($0[0], Array($0.dropFirst()), { $0 }) }.isEmpty,
        "\(chain)")
    }
  }

  @Test func hooksAndTargetsInTheMiddleSeeTheirGradients() {
    let x = Self.values("x", [3, 16, 8, 8]).requiringGrad()
    func middle(_ step: (Tensor) -> Tensor) -> [Tensor] {
      let y = step(x.batchNorm(weight: Self.parameters[0], bias: Self.parameters[1], training: true).output)
      let z = step(y.relu())
      let out = z.maxPool2d(kernelSize: 2)
      return grad(of: [out], withRespectTo: [y, z, x], gradients: [Self.values("h", out.shape)]).compactMap {
        $0
      }
    }
    let (open, closed) = (middle { $0 }, middle(Self.look))
    #expect(open.count == 3 && closed.count == 3)
    for (a, b) in zip(open, closed) {
      #expect(
        tensorDifferences(a, b, name: "middle", relativeTolerance: 1e-5, absoluteTolerance: 1e-6).isEmpty)
    }
    let y = x.batchNorm(training: true).output
    y.registerHook { $0 * 2 }
    y.relu().maxPool2d(kernelSize: 2).sum().backward()
    let doubled = x.grad
    x.grad = nil
    x.batchNorm(training: true).output.relu().maxPool2d(kernelSize: 2).sum().backward()
    if let doubled, let plain = x.grad {
      #expect(
        tensorDifferences(doubled, plain * 2, name: "hook", relativeTolerance: 1e-5, absoluteTolerance: 1e-6)
          .isEmpty)
    } else {
      Issue.record("a gradient is missing")
    }
  }

  /// The working form of weights is kept between calls, but not longer than the weights.
  @Test func changedWeightsCount() {
    let x = Self.values("x", [2, 16, 8, 8])
    var weight = Self.values("kernel", [16, 16, 3, 3])
    var scale = Tensor.ones([16])
    let statistics = [Tensor.zeros([16]), Tensor.ones([16])]
    func run() -> Tensor {
      noGrad {
        x.conv2d(weight, padding: 1)
          .batchNorm(
            runningMean: statistics[0], runningVariance: statistics[1], weight: scale, bias: nil, eps: 0
          )
          .output
      }
    }
    let first = run()
    #expect(run().isEqual(to: first))
    weight *= 2
    #expect(
      tensorDifferences(run(), first * 2, name: "scaled", relativeTolerance: 1e-5, absoluteTolerance: 1e-4)
        .isEmpty)
    weight[.all] = weight.detach() * 0.5
    scale.withMutableElements(of: Float.self) { $0.update(repeating: 3) }
    #expect(
      tensorDifferences(run(), first * 3, name: "mapped", relativeTolerance: 1e-5, absoluteTolerance: 1e-4)
        .isEmpty)
  }

  /// What is not trained may be lazy beside what is: the sum of both, and what follows it, still has a gradient.
  @Test(arguments: [0, 6.0])
  func aFrozenConvolutionLeavesTheGradientOfWhatIsAdded(_ ceiling: Double) throws {
    let (x, kernel) = (Self.values("x", [2, 4, 6, 6]), Self.values("kernel", [5, 4, 3, 3]))
    let added = Self.values("added", [2, 5, 6, 6]).requiringGrad()
    func rectified(_ frozen: Tensor) -> Tensor {
      let sum = frozen + added
      return ceiling == 0 ? sum.relu() : sum.relu6()
    }
    rectified(x.conv2d(kernel, padding: 1)).sum().backward()
    let got = try #require(added.grad)
    added.grad = nil
    let values = x.conv2d(kernel, padding: 1)
    rectified(Tensor(values.array(of: Float.self), shape: values.shape)).sum().backward()
    #expect(try got.isEqual(to: #require(added.grad)) && got.amax().item() == 1 && got.amin().item() == 0)
  }
}
