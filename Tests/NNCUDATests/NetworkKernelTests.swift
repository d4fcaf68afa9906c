import NNCUDA
import NNCore
import Synchronization
import TestSupport
import Testing

/// The kernels of networks on the emulated card, beside the CPU's.
struct NetworkKernelTests {
  private let card = EmulatedCUDA.device

  // MARK: Masks

  @Test(arguments: [DType.bfloat16, .float32, .float64])
  func masksFollowTheGenerator(_ dtype: DType) {
    let x = Tensor.ones([7, 11, 13], dtype: dtype).to(card)
    func masks(_ seed: Int) -> [Tensor] {
      let generator = Generator(seed: seed)
      return (0..<2).map { _ in x.dropout(p: 0.3, generator: generator).to(.cpu) }
    }
    let (first, again, other) = (masks(5), masks(5), masks(6))
    #expect(zip(first, again).allSatisfy { $0.isEqual(to: $1) })
    #expect(!first[0].isEqual(to: first[1]) && !first[0].isEqual(to: other[0]))
  }

  @Test(arguments: [0.1, 0.5, 0.97])
  func masksHaveTheRate(_ p: Double) {
    let count = 100_003
    let mask = Tensor.ones(count).to(card).dropout(p: p, generator: Generator(seed: 1)).to(.cpu)
    let values = mask.array(of: Float.self)
    let kept = values.filter { $0 != 0 }
    // Four standard deviations.
    let deviation = 4 * (p * (1 - p) / Double(count)).squareRoot()
    #expect(abs(Double(kept.count) / Double(count) - (1 - p)) < deviation)
    #expect(kept.filter { abs($0 - Float(1 / (1 - p))) > 1e-4 * $0 } == [])
  }

  /// The test vectors of the authors' library.
  @Test func philoxGivesItsNumbers() {
    func numbers(_ key: UInt) -> [UInt32] {
      let result = Tensor(uninitialized: [4], dtype: .int32, on: EmulatedCUDA.backend)
      var arguments = KernelArguments()
      arguments.append(4)
      arguments.append(key)
      arguments.append(result.storage.address)
      EmulatedCUDA.shared.launch(
        CUDAKernel("nn_philox_numbers", in: "random.cu"), grid: (1, 1, 1), block: 256, sharedBytes: 0,
        arguments)
      return result.array(of: Int32.self).map { UInt32(bitPattern: $0) }
    }
    #expect(numbers(0) == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
  }

  // MARK: Normalisation, rectifier and pooling in one pass

  struct Images: CustomTestStringConvertible {
    let shape: [Int]
    let kernel, stride, padding: Int
    var testDescription: String { "\(shape) by \(kernel), \(stride), \(padding)" }
  }

  static let images = [
    Images(shape: [3, 8, 8, 6], kernel: 2, stride: 2, padding: 0),
    Images(shape: [2, 5, 7, 9], kernel: 2, stride: 2, padding: 0),
    Images(shape: [2, 12, 9, 11], kernel: 3, stride: 2, padding: 1),
    Images(shape: [1, 3, 6, 6], kernel: 3, stride: 3, padding: 0),
    Images(shape: [2, 132, 4, 4], kernel: 2, stride: 2, padding: 0),
    Images(shape: [2, 33, 5, 4], kernel: 2, stride: 1, padding: 0),
    Images(shape: [70, 16, 12, 14], kernel: 2, stride: 2, padding: 0),
    Images(shape: [1, 1, 40, 40], kernel: 20, stride: 20, padding: 0),
  ]

  @Test(arguments: images, [DType.float32, .float64])
  func fusedPassesAgree(_ images: Images, _ dtype: DType) {
    let (found, expected) = (course(images, dtype, on: card), course(images, dtype, on: .cpu))
    let tolerance = dtype == .float64 ? 1e-11 : 1e-4
    for (place, pair) in zip(found, expected).enumerated() {
      let differences = tensorDifferences(
        pair.0, pair.1, name: "tensor \(place)", relativeTolerance: tolerance, absoluteTolerance: tolerance)
      #expect(differences == [])
    }
  }

  /// In bfloat16 the CPU rounds between the operations: what a sign or the greatest of a window decides may differ, in few
  /// elements.
  @Test(arguments: images)
  func fusedPassesAgreeWhereTheyAreRounded(_ images: Images) {
    let (found, expected) = (course(images, .bfloat16, on: card), course(images, .bfloat16, on: .cpu))
    for (place, (got, want)) in zip(found, expected).enumerated() {
      #expect(got.dtype == .bfloat16 && want.dtype == .bfloat16)
      // Those behind are gradients of a pooling and of a rectified sum, and what these add up to.
      if place < 9 || place == 12 {
        let differences = tensorDifferences(
          got, want, name: "tensor \(place)", relativeTolerance: 0.03, absoluteTolerance: 0.03)
        #expect(differences == [])
      } else if got.rank == 4 {
        let isFar = (got.to(.float32) - want.to(.float32)).abs() .> 0.03
        #expect(isFar.to(.float32).mean().item() < 0.01, "tensor \(place)")
      }
    }
  }

  /// Results and gradients of batch normalisation, rectifier and pooling in a row, with and without the pooling and the
  /// rectifier, and with a sum before it.
  private func course(_ images: Images, _ dtype: DType, on device: Device) -> [Tensor] {
    let channels = [images.shape[1]]
    return (0..<4).flatMap { kind -> [Tensor] in
      let leaves = [
        FormulaNumbers.uniform("x", images.shape).to(dtype) * 3 + 1,
        FormulaNumbers.uniform("w", channels).to(dtype),
        FormulaNumbers.uniform("b", channels).to(dtype), FormulaNumbers.uniform("a", images.shape).to(dtype),
      ].map { $0.to(device).requiringGrad() }
      var y = leaves[0].channelsLast().batchNorm(weight: leaves[1], bias: leaves[2], training: true).output
      if kind == 3 { y = y + leaves[3].channelsLast() }
      if kind > 0 { y = y.relu() }
      if kind == 2 {
        y = y.maxPool2d(
          kernelSize: Size2(images.kernel), stride: Size2(images.stride), padding: Size2(images.padding))
      }
      let factors = FormulaNumbers.uniform("g", y.shape).to(dtype).to(device)
      (y * factors).sum().backward()
      return ([y] + leaves.compactMap(\.grad)).map { $0.detach().to(.cpu) }
    }
  }

  @Test func aLargeMeanDoesNotSwallowTheVariance() {
    let x = (FormulaNumbers.uniform("x", [6, 5, 7, 3]) + 4096).to(card)
    let moments = x.backend.channelMoments(x, perSample: false)
    let wide = x.to(.cpu).to(.float64).permute([1, 0, 2, 3]).reshape([5, -1])
    let expected = wide.variance([1], correction: 0)
    #expect(
      tensorDifferences(
        moments.variance.to(.cpu).reshape([5]), expected, name: "variance", relativeTolerance: 1e-9,
        absoluteTolerance: 0) == [])
  }

  @Test func aStepOfAllParametersIsOneLaunch() {
    let driver = EmulatedCUDA()
    let backend = CUDABackend(driver: driver, device: Device(Device.Kind("counting")))
    let rule = UpdateRule(
      .adam(rate: 0.1, betas: (0.9, 0.99), scale: 1, epsilon: 1e-8), maximize: false, weightDecay: 0)
    let steps = (0..<40).map { place in
      let tensors = (0..<4).map { _ in backend.fill([place * 37 + 1], 1, dtype: .float32) }
      return ParameterStep(rule, parameter: tensors[0], gradient: tensors[1], state: Array(tensors[2...]))
    }
    let before = driver.launches.load(ordering: .relaxed)
    backend.step(steps)
    #expect(driver.launches.load(ordering: .relaxed) == before + 1)
  }

  /// A parameter is converted once, however often it is used, and anew when it has changed.
  @Test func parametersAreConvertedOnce() {
    let driver = EmulatedCUDA()
    let counted = Device(Device.Kind("autocast"))
    Devices.register(CUDABackend(driver: driver, device: counted))
    let x = Tensor.ones([4, 4], dtype: .bfloat16).to(counted)
    var weight = Tensor.ones([4, 4]).to(counted).requiringGrad()
    func launches(_ body: () -> Void) -> Int {
      let before = driver.launches.load(ordering: .relaxed)
      body()
      return driver.launches.load(ordering: .relaxed) - before
    }
    func product() -> Tensor { withAutocast { x.linear(weight) } }
    let first = launches { _ = product() }
    #expect(launches { _ = product() } == first - 1)
    #expect(launches { noGrad { _ = product() } } == first - 1)
    weight.withMutableElements(of: Float.self) { $0[0] = 3 }
    #expect(product()[0, 0].item() == 6)
    let loss = (product() + product()).sum()
    loss.backward()
    #expect(weight.grad?.dtype == .float32 && weight.grad?[0, 0].item() == 8)
  }
}
