import NNCore
import NNLayers
import TestSupport
import Testing

/// Layers around the operations of NNCore, whose values have their own tests: starting values, modes, settings.
struct LayerTests {
  /// Drawn by PyTorch after `manual_seed(3)`, layer by layer in this order.
  @Test func parametersStartAsInPyTorch() {
    withDefaultGenerator(Generator(seed: 3)) {
      check(
        Conv2d(4, 6, kernelSize: [3, 2], groups: 2), "weight", [6, 2, 3, 2],
        [-0.286213577, -0.227724627, -0.123643897], sum: -2.52040984,
        "bias", [6], [-0.130948842, 0.00430479506, 0.177382514], sum: 0.426886978)
      check(
        Conv1d(2, 3, kernelSize: 5), "weight", [3, 2, 5], [0.07207001, 0.212767899, -0.272525877],
        sum: -1.28796704, "bias", [3], [0.188406289, -0.221035108, 0.137313277], sum: 0.104684457)
      check(
        ConvTranspose2d(4, 2, kernelSize: 3), "weight", [4, 2, 3, 3],
        [0.122167982, -0.156612009, -0.179028794], sum: -0.0572521357, "bias", [2],
        [0.21425277, 0.0369657092], sum: 0.251218479)
      check(
        Linear(7, 3), "weight", [3, 7], [0.0611219965, 0.118374504, 0.242731035], sum: 1.3793233,
        "bias", [3], [0.270002961, -0.275834262, 0.263580382], sum: 0.257749081)
      let table = Embedding(6, 4, paddingIndex: 2)
      check(table, "weight", [6, 4], [-0.509040833, -0.403737217, 0.234703764], sum: -1.80395652)
      #expect(table.weight.value[2].abs().sum().item() == 0)
      check(PReLU(2), "weight", [2], [0.25, 0.25], sum: 0.5)
      check(
        ConvTranspose1d(2, 4, kernelSize: 3, groups: 2), "weight", [2, 2, 3],
        [-0.0351477861, 0.383034855, 0.27226305], sum: 0.638069028, "bias", [4],
        [-0.266433865, 0.151085168, 0.334651649], sum: 0.166046031)
    }
  }

  private func check(
    _ layer: Module, _ names: String, _ shape: [Int], _ first: [Double], sum: Double, _ second: String? = nil,
    _ secondShape: [Int] = [], _ secondFirst: [Double] = [], sum secondSum: Double = 0
  ) {
    let named = layer.namedParameters()
    #expect(named.map(\.name) == [names] + (second.map { [$0] } ?? []))
    let expected = [(shape, first, sum), (secondShape, secondFirst, secondSum)]
    for (entry, want) in zip(named, expected) {
      let values = entry.parameter.value.array(of: Double.self)
      #expect(entry.parameter.shape == want.0)
      for (got, number) in zip(values, want.1) { #expect(abs(got - number) <= 3e-7) }
      #expect(abs(values.reduce(0, +) - want.2) <= 3e-6)
    }
  }

  @Test func paddingModesOfConvolutions() throws {
    func run(_ layer: Module & Layer, _ x: Tensor) throws -> [Double] {
      let weight = try #require(layer.parameters().first)
      weight.value = Tensor.arange(weight.count).to(.float32).reshape(weight.shape)
      return layer(x).array(of: Double.self)
    }
    let image = Tensor.arange(12).to(.float32).reshape(1, 1, 3, 4)
    #expect(
      try run(Conv2d(1, 1, kernelSize: 3, padding: "same", bias: false, paddingMode: .reflect), image)
        == [120, 138, 174, 180, 240, 258, 294, 300, 216, 234, 270, 276])
    #expect(
      try run(Conv2d(1, 1, kernelSize: 2, padding: "same", bias: false, paddingMode: .circular), image)
        == [24, 30, 36, 26, 48, 54, 60, 50, 12, 18, 24, 14])
    let line = Tensor.arange(5).to(.float32).reshape(1, 1, 5)
    #expect(
      try run(Conv1d(1, 1, kernelSize: 3, padding: 1, bias: false, paddingMode: .replicate), line)
        == [2, 5, 8, 11, 12])
  }

  static let batch = (Tensor.arange(24).to(.float32).square() / 50 - 1).reshape(2, 2, 2, 3)

  @Test func batchNormMovesItsStatistics() {
    let norm = BatchNorm2d(2)
    let trained = norm(Self.batch).array(of: Double.self)
    #expect(isClose(trained, [-1.02891684, -1.01966119, -0.99189436], last: 1.53682303))
    #expect(isClose(norm.runningMean, [0.12233334, 0.39833334]))
    #expect(isClose(norm.runningVariance, [1.40937328, 2.34676957]))
    #expect(norm.batchesTracked?.value.item() == 1)
    norm.eval()
    let evaluated = norm(Self.batch).array(of: Double.self)
    #expect(isClose(evaluated, [-0.94538188, -0.92853522, -0.87799501], last: 5.99356747))
    #expect(isClose(norm.runningMean, [0.12233334, 0.39833334]))
    #expect(
      norm.stateDict().keys == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"])
  }

  @Test func batchNormAveragesOverAllBatchesWithoutMomentum() {
    let norm = BatchNorm2d(2, momentum: nil)
    _ = norm(Self.batch)
    _ = norm(Self.batch * 2 + 1)
    #expect(isClose(norm.runningMean, [2.33500004, 6.4749999]))
    #expect(isClose(norm.runningVariance, [12.73433304, 36.16924286]))
  }

  @Test func frozenBatchNormStaysFixedAndLooseOneMoves() {
    let (frozen, loose) = (Sequential(BatchNorm2d(2)), Sequential(BatchNorm2d(2)))
    frozen.freeze()
    frozen.train()
    loose.requiresGrad(false)
    let (a, b) = (frozen(Self.batch), loose(Self.batch))
    #expect(!a.requiresGrad && !b.requiresGrad)
    #expect(frozen.stateDict()["0.num_batches_tracked"]?.item() == 0)
    #expect(frozen.stateDict()["0.running_mean"]?.isEqual(to: Tensor.zeros(2)) == true)
    #expect(loose.stateDict()["0.num_batches_tracked"]?.item() == 1)
    #expect(loose.stateDict()["0.running_mean"]?.isEqual(to: Tensor.zeros(2)) == false)
  }

  @Test func batchNormWithoutStatisticsUsesTheBatch() {
    let norm = BatchNorm1d(3, affine: false, trackRunningStats: false).eval()
    #expect(norm.stateDict().isEmpty)
    let y = norm(FormulaNumbers.uniform("x", [8, 3]))
    #expect(y.mean(0).abs().amax().item() < 1e-6)
  }

  @Test func oldFilesMayLackTheNumberOfBatches() throws {
    let norm = BatchNorm2d(2)
    var state = norm.stateDict()
    state["num_batches_tracked"] = nil
    #expect(try norm.loadStateDict(state).isEmpty)
  }

  @Test func dropoutDropsInTrainingOnly() {
    let layer = Dropout(0.5)
    let x = Tensor.ones(1, 1_000)
    withDefaultGenerator(Generator(seed: 1)) {
      let y = layer(x)
      let kept = (y .!= 0).to(.float32).sum().item()
      #expect(kept > 400 && kept < 600 && y.amax().item() == 2)
      let planes = Dropout2d(0.5)(Tensor.ones(4, 8, 3, 3)).sum([2, 3])
      #expect(((planes .== 0) .|| (planes .== 18)).all().item() == 1)
      #expect(layer.eval()(x).isEqual(to: x))
    }
  }

  @Test func layersComputeTheirOperations() {
    let x = FormulaNumbers.uniform("x", [2, 4, 6, 6])
    func same(_ layer: any Layer, _ expected: Tensor) -> Bool { layer(x).isEqual(to: expected) }
    #expect(same(ReLU(), x.relu()) && same(ReLU6(), x.relu6()) && same(GELU(), x.gelu()))
    #expect(same(LeakyReLU(negativeSlope: 0.2), x.leakyRelu(negativeSlope: 0.2)))
    #expect(same(ELU(alpha: 2), x.elu(alpha: 2)) && same(SELU(), x.selu()) && same(CELU(), x.celu()))
    #expect(same(SiLU(), x.silu()) && same(Mish(), x.mish()) && same(Softsign(), x.softsign()))
    #expect(same(Sigmoid(), x.sigmoid()) && same(Tanh(), x.tanh()) && same(LogSigmoid(), x.logSigmoid()))
    #expect(same(Softplus(beta: 2), x.softplus(beta: 2)) && same(Tanhshrink(), x.tanhshrink()))
    #expect(same(Softshrink(), x.softshrink()) && same(Hardshrink(), x.hardshrink()))
    #expect(same(Hardswish(), x.hardswish()) && same(Hardsigmoid(), x.hardsigmoid()))
    #expect(same(Hardtanh(minimum: -0.5, maximum: 0.5), x.hardtanh(minimum: -0.5, maximum: 0.5)))
    #expect(same(Threshold(0.1, value: 3), x.threshold(0.1, value: 3)) && same(GLU(1), x.glu(1)))
    #expect(same(Softmax(1), x.softmax(1)) && same(LogSoftmax(1), x.logSoftmax(1)))
    #expect(same(PReLU(4), x.prelu(Tensor.full([4], 0.25))))
    #expect(same(MaxPool2d(kernelSize: 2), x.maxPool2d(kernelSize: 2)))
    #expect(
      same(
        MaxPool2d(kernelSize: 3, stride: 2, padding: 1, ceilMode: true),
        x.maxPool2d(kernelSize: 3, stride: 2, padding: 1, ceilMode: true)))
    #expect(
      same(
        AvgPool2d(kernelSize: 3, stride: 2, padding: 1, countIncludePad: false),
        x.avgPool2d(kernelSize: 3, stride: 2, padding: 1, countIncludePad: false)))
    #expect(same(AdaptiveAvgPool2d(1), x.adaptiveAvgPool2d(outputSize: 1)))
    #expect(same(AdaptiveMaxPool2d([2, 3]), x.adaptiveMaxPool2d(outputSize: [2, 3])))
    #expect(same(Flatten(), x.flatten(from: 1)) && same(Identity(), x))
    #expect(same(Unflatten(1, sizes: [2, -1]), x.reshape(2, 2, 2, 6, 6)))
    #expect(same(GroupNorm(groups: 2, 4), x.groupNorm(groups: 2)))
    #expect(
      same(LayerNorm([6, 6]), x.layerNorm(shape: [6, 6])) && same(LayerNorm(6), x.layerNorm(shape: [6])))
    #expect(same(InstanceNorm2d(4), x.instanceNorm()))
    #expect(same(LocalResponseNorm(size: 3), x.localResponseNorm(size: 3)))
    let lines = x.reshape(2, 4, 36)
    #expect(MaxPool1d(kernelSize: 3)(lines).isEqual(to: lines.maxPool1d(kernelSize: 3)))
    #expect(AvgPool1d(kernelSize: 3)(lines).isEqual(to: lines.avgPool1d(kernelSize: 3)))
  }

  @Test func settingsAreReadable() {
    let net = Sequential(
      Conv2d(3, 8, kernelSize: 3, padding: 1, bias: false), BatchNorm2d(8), Flatten(), Linear(8, 2))
    #expect(
      net.description == """
        Sequential(
          (0): Conv2d(3, 8, kernelSize: (3, 3), stride: (1, 1), padding: (1, 1), bias: false)
          (1): BatchNorm2d(8, epsilon: 1e-05, momentum: 0.1, affine: true, trackRunningStats: true)
          (2): Flatten()
          (3): Linear(inFeatures: 8, outFeatures: 2, bias: true)
        )
        """)
  }
}

private func isClose(_ got: [Double], _ first: [Double], last: Double? = nil) -> Bool {
  zip(got, first).allSatisfy { abs($0 - $1) <= 1e-6 * max(1, abs($1)) }
    && (last.map { abs((got.last ?? .nan) - $0) <= 1e-5 } ?? true)
}

private func isClose(_ buffer: Buffer?, _ values: [Double]) -> Bool {
  buffer.map { isClose($0.value.array(of: Double.self), values) } ?? false
}
