import Synchronization

/// Operations on bfloat16 elements for a device without kernels for them: operands become float32, results are rounded once.
/// Tensors that are not of bfloat16 pass as they are, and so do results that are wider or whole numbers.
///
/// The device itself fills, assigns and converts bfloat16 elements. Memory is always the device's own.
package final class WideningBackend: Backend {
  /// The device.
  private let base: any Backend

  package init(_ base: any Backend) { self.base = base }

  private static let known = Mutex<[ObjectIdentifier: WideningBackend]>([:])

  /// That of a device, which lives as long as the process.
  package static func of(_ base: any Backend) -> WideningBackend {
    known.withLock { known in
      if let widening = known[ObjectIdentifier(base)] { return widening }
      let widening = WideningBackend(base)
      known[ObjectIdentifier(base)] = widening
      return widening
    }
  }

  private func wide(_ x: Tensor) -> Tensor { x.dtype == .bfloat16 ? base.cast(x, to: .float32) : x }
  private func rounded(_ result: Tensor, like x: Tensor) -> Tensor {
    x.dtype == .bfloat16 && result.dtype == .float32 ? base.cast(result, to: .bfloat16) : result
  }

  package var bfloat16Backend: any Backend { self }
  package var kernels: Int32 { base.kernels }
  package var checksIndices: Bool { base.checksIndices }
  package func usingKernels<Result>(_ kernels: Int32, _ body: () -> Result) -> Result {
    base.usingKernels(kernels, body)
  }
}

// MARK: - Memory

extension WideningBackend {
  package var device: Device { base.device }
  package var isHost: Bool { base.isHost }
  package func allocate(_ byteCount: Int) -> DeviceMemory { base.allocate(byteCount) }
  package func deallocate(_ memory: DeviceMemory) { base.deallocate(memory) }
  package func upload(_ bytes: UnsafeRawBufferPointer, to address: UnsafeMutableRawPointer) {
    base.upload(bytes, to: address)
  }
  package func download(_ address: UnsafeMutableRawPointer, to bytes: UnsafeMutableRawBufferPointer) {
    base.download(address, to: bytes)
  }
  package func synchronize() { base.synchronize() }
  package var memoryUse: DeviceMemoryUse? { base.memoryUse }
  package func resetMemoryPeak() { base.resetMemoryPeak() }
}

// MARK: - Elements

extension WideningBackend {
  package func fill(_ shape: [Int], _ value: Double, dtype: DType) -> Tensor {
    base.fill(shape, value, dtype: dtype)
  }
  package func assign(_ source: Tensor, to view: Tensor) { base.assign(source, to: view) }
  package func copy(_ x: Tensor, strides: [Int]?) -> Tensor { base.copy(x, strides: strides) }
  package func cast(_ x: Tensor, to dtype: DType) -> Tensor { base.cast(x, to: dtype) }
  package func unary(_ op: UnaryOp, _ x: Tensor) -> Tensor { rounded(base.unary(op, wide(x)), like: x) }
  package func binary(_ op: BinaryOp, _ a: Tensor, _ b: Tensor) -> Tensor {
    rounded(base.binary(op, wide(a), wide(b)), like: a)
  }
  package func binaryInPlace(_ op: BinaryOp, _ target: inout Tensor, _ b: Tensor) {
    if target.dtype != .bfloat16 { return base.binaryInPlace(op, &target, b) }
    base.assign(binary(op, target, b), to: target.detach())
  }
  package func compare(_ op: CompareOp, _ a: Tensor, _ b: Tensor) -> Tensor {
    base.compare(op, wide(a), wide(b))
  }
  package func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
    rounded(base.select(condition, wide(a), wide(b)), like: a)
  }
  package func activate(_ function: Activation, _ x: Tensor) -> Tensor {
    rounded(base.activate(function, wide(x)), like: x)
  }
  package func activateBackward(_ function: Activation, _ g: Tensor, _ x: Tensor) -> Tensor {
    rounded(base.activateBackward(function, wide(g), wide(x)), like: x)
  }
  package func fusedRectifier(_ x: Tensor, ceiling: Double, _ own: @escaping Fused.Rule) -> Fused? { nil }
  package func nonzeroPlaces(_ x: Tensor) -> Tensor { base.nonzeroPlaces(wide(x)) }
  package func random(_ draw: RandomDraw, _ shape: [Int], dtype: DType, generator: Generator) -> Tensor {
    let values = base.random(draw, shape, dtype: dtype.ofArithmetic, generator: generator)
    return dtype == .bfloat16 ? base.cast(values, to: dtype) : values
  }
}

// MARK: - Lines

extension WideningBackend {
  package func reduce(_ op: ReduceOp, _ x: Tensor, axes: [Int]) -> Tensor {
    rounded(base.reduce(op, wide(x), axes: axes), like: x)
  }
  package func argReduce(_ x: Tensor, axis: Int, smallest: Bool) -> Tensor {
    base.argReduce(wide(x), axis: axis, smallest: smallest)
  }
  package func scan(_ x: Tensor, axis: Int, product: Bool) -> Tensor {
    rounded(base.scan(wide(x), axis: axis, product: product), like: x)
  }
  package func sort(_ x: Tensor, axis: Int, descending: Bool) -> (values: Tensor, indices: Tensor) {
    let (values, indices) = base.sort(wide(x), axis: axis, descending: descending)
    return (rounded(values, like: x), indices)
  }
  package func gather(_ x: Tensor, axis: Int, index: Tensor) -> Tensor {
    rounded(base.gather(wide(x), axis: axis, index: index), like: x)
  }
  package func scatter(_ x: Tensor, axis: Int, index: Tensor, source: Tensor, adding: Bool) -> Tensor {
    rounded(base.scatter(wide(x), axis: axis, index: index, source: wide(source), adding: adding), like: x)
  }
  package func indexSelect(_ x: Tensor, axis: Int, index: Tensor) -> Tensor {
    rounded(base.indexSelect(wide(x), axis: axis, index: index), like: x)
  }
  package func indexAdd(_ x: Tensor, axis: Int, index: Tensor, source: Tensor) -> Tensor {
    rounded(base.indexAdd(wide(x), axis: axis, index: index, source: wide(source)), like: x)
  }
  package func channelShuffle(_ x: Tensor, groups: Int) -> Tensor {
    rounded(base.channelShuffle(wide(x), groups: groups), like: x)
  }
  package func softmax(_ x: Tensor, axis: Int, logarithm: Bool) -> Tensor {
    rounded(base.softmax(wide(x), axis: axis, logarithm: logarithm), like: x)
  }
  package func softmaxBackward(_ g: Tensor, _ y: Tensor, axis: Int, logarithm: Bool) -> Tensor {
    rounded(base.softmaxBackward(wide(g), wide(y), axis: axis, logarithm: logarithm), like: y)
  }
  package func classSums(_ x: Tensor, _ targets: ClassTargets) -> Tensor {
    rounded(base.classSums(wide(x), wide(targets)), like: x)
  }
  package func classSpread(_ g: Tensor, _ targets: ClassTargets, classes: Int) -> Tensor {
    rounded(base.classSpread(wide(g), wide(targets), classes: classes), like: g)
  }
  private func wide(_ targets: ClassTargets) -> ClassTargets {
    var targets = targets
    targets.weight = targets.weight.map(wide)
    return targets
  }
  package func resample(_ x: Tensor, axis: Int, _ plan: ResamplingPlan) -> Tensor {
    rounded(base.resample(wide(x), axis: axis, plan), like: x)
  }
}

// MARK: - Products

extension WideningBackend {
  package func gemm(_ a: Tensor, _ b: Tensor, bias: Tensor?) -> Tensor {
    rounded(base.gemm(wide(a), wide(b), bias: bias.map(wide)), like: a)
  }
  package func conv2d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, outputSize: Size2,
    mayBeLazy: Bool
  ) -> Tensor {
    let result = base.conv2d(
      wide(x), wide(weight), bias: bias.map(wide), geometry, outputSize: outputSize, mayBeLazy: mayBeLazy)
    return rounded(result, like: x)
  }
  package func conv2dInputGradient(
    _ gradient: Tensor, _ weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, inputSize: Size2
  ) -> Tensor {
    let result = base.conv2dInputGradient(
      wide(gradient), wide(weight), bias: bias.map(wide), geometry, inputSize: inputSize)
    return rounded(result, like: gradient)
  }
  package func conv2dWeightGradient(
    _ gradient: Tensor, _ x: Tensor, _ geometry: ConvolutionGeometry, kernelSize: Size2
  ) -> Tensor {
    rounded(
      base.conv2dWeightGradient(wide(gradient), wide(x), geometry, kernelSize: kernelSize), like: gradient)
  }
}

// MARK: - Pooling

extension WideningBackend {
  package func maxPool2d(
    _ x: Tensor, _ geometry: PoolingGeometry, keepingPlaces: Bool, _ own: @escaping Fused.Rule
  ) -> (output: Tensor, places: Tensor?, fused: Fused.Gradient?) {
    let (output, places, fused) = base.maxPool2d(wide(x), geometry, keepingPlaces: keepingPlaces, own)
    return (rounded(output, like: x), places, fused)
  }
  package func maxPool2dGradient(_ gradient: Tensor, places: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    rounded(base.maxPool2dGradient(wide(gradient), places: places, geometry), like: gradient)
  }
  package func maxPool2dPick(_ x: Tensor, places: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    rounded(base.maxPool2dPick(wide(x), places: places, geometry), like: x)
  }
  package func maxPool2dIndices(places: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    base.maxPool2dIndices(places: places, geometry)
  }
  package func avgPool2d(_ x: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    rounded(base.avgPool2d(wide(x), geometry), like: x)
  }
  package func avgPool2dGradient(_ gradient: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    rounded(base.avgPool2dGradient(wide(gradient), geometry), like: gradient)
  }
}

// MARK: - Normalisation

extension WideningBackend {
  package func channelMoments(_ x: Tensor, perSample: Bool) -> (mean: Tensor, variance: Tensor) {
    base.channelMoments(wide(x), perSample: perSample)
  }
  package func normalizationMap(
    mean: Tensor, variance: Tensor, weight: Tensor?, bias: Tensor?, eps: Double
  ) -> (map: ChannelMap, inverse: Tensor) {
    base.normalizationMap(
      mean: wide(mean), variance: wide(variance), weight: weight.map(wide), bias: bias.map(wide), eps: eps)
  }
  package func runningAverage(
    _ old: Tensor, _ new: Tensor, momentum: Double, correction: Double?
  ) -> Tensor {
    rounded(base.runningAverage(wide(old), new, momentum: momentum, correction: correction), like: old)
  }
  package func channelAffine(_ x: Tensor, _ map: ChannelMap, isRecorded: Bool) -> Tensor {
    rounded(base.channelAffine(wide(x), map, isRecorded: isRecorded), like: x)
  }
  package func channelGradientSums(
    _ g: Tensor, _ x: Tensor?, mean: Tensor
  ) -> (sums: Tensor, dots: Tensor) {
    base.channelGradientSums(wide(g), x.map(wide), mean: mean)
  }
  package func normalizationGradient(
    sums: Tensor, dots: Tensor, inverse: Tensor, weight: Tensor?, groups: Int, count: Double, dtype: DType
  ) -> NormalizationGradient {
    let gradient = base.normalizationGradient(
      sums: sums, dots: dots, inverse: inverse, weight: weight.map(wide), groups: groups, count: count,
      dtype: dtype.ofArithmetic)
    let (own, total) = (weight?.dtype ?? dtype, gradient.total.map { base.cast($0, to: dtype) })
    return NormalizationGradient(
      a: gradient.a, b: gradient.b, c: gradient.c, total: total, weight: base.cast(gradient.weight, to: own),
      bias: base.cast(gradient.bias, to: own))
  }
  package func channelCombination(_ g: Tensor, _ combination: ChannelCombination) -> Tensor {
    let wider = ChannelCombination(
      x: combination.x.map(wide), mean: combination.mean, a: combination.a, b: combination.b,
      c: combination.c, sums: combination.sums.map(wide))
    return rounded(base.channelCombination(wide(g), wider), like: g)
  }
  package func layerNorm(
    _ x: Tensor, weight: Tensor?, bias: Tensor?, eps: Double
  ) -> (output: Tensor, mean: Tensor, inverse: Tensor) {
    let (output, mean, inverse) = base.layerNorm(
      wide(x), weight: weight.map(wide), bias: bias.map(wide), eps: eps)
    return (rounded(output, like: x), mean, inverse)
  }
  package func layerNormGradient(
    _ gradient: Tensor, _ x: Tensor, weight: Tensor?, mean: Tensor, inverse: Tensor, needsInput: Bool,
    needsParameters: Bool
  ) -> (input: Tensor?, weight: Tensor?, bias: Tensor?) {
    let gradients = base.layerNormGradient(
      wide(gradient), wide(x), weight: weight.map(wide), mean: mean, inverse: inverse, needsInput: needsInput,
      needsParameters: needsParameters)
    return (
      gradients.input.map { rounded($0, like: x) }, gradients.weight.map { rounded($0, like: x) },
      gradients.bias.map { rounded($0, like: x) }
    )
  }
}

// MARK: - Many tensors

extension WideningBackend {
  package func step(_ steps: [ParameterStep]) {
    let wider = steps.map { step in
      ParameterStep(
        step.rule, parameter: wide(step.parameter), gradient: wide(step.gradient), state: step.state.map(wide)
      )
    }
    base.step(wider)
    for (step, wide) in zip(steps, wider) where step.parameter.dtype == .bfloat16 {
      base.assign(base.cast(wide.parameter, to: .bfloat16), to: step.parameter)
      for (state, wide) in zip(step.state, wide.state) {
        base.assign(base.cast(wide, to: .bfloat16), to: state)
      }
    }
  }
  package func powerSum(_ tensors: [Tensor], _ power: Double) -> Double {
    base.powerSum(tensors.map(wide), power)
  }
  package func unreadPowerSum(_ tensors: [Tensor], _ power: Double) -> Tensor {
    base.unreadPowerSum(tensors.map(wide), power)
  }
  package func isAllFinite(_ x: Tensor) -> Bool { base.isAllFinite(wide(x)) }
}

extension Backend {
  package var bfloat16Backend: any Backend { WideningBackend.of(self) }
}
