import NNCore
import TestSupport
import Testing

/// Tensors on a device beside the CPU.
struct DeviceTests {
  private let device = EmulatedDevice.shared.device

  @Test func devicesHaveNames() {
    #expect("\(Device.cpu)" == "cpu" && "\(device)" == "emulated:0")
    #expect(Tensor.zeros(2).device == .cpu && Tensor.zeros(2).to(device).device == device)
  }

  @Test(arguments: DType.allCases)
  func valuesGoThereAndBack(_ dtype: DType) {
    let x = Tensor.arange(24).reshape([2, 3, 4]).to(dtype)
    for view in [x, x.transpose(0, 2), x[1], x[0..., 1], Tensor.zeros([0, 3], dtype: dtype), x[0][0][1]] {
      let back = view.to(device).to(.cpu)
      #expect(back.shape == view.shape && back.isEqual(to: view))
    }
    #expect(x.to(device).array(of: Double.self) == x.array(of: Double.self))
    #expect("\(x.to(device))" == "\(x)")
  }

  @Test func gradientsComeBack() {
    let x = Tensor([1.0, 2, 3]).requiringGrad()
    (x.to(device) * x.to(device)).sum().backward()
    #expect(x.grad?.device == .cpu && x.grad?.array(of: Double.self) == [2, 4, 6])
  }

  @Test func elementsAreWrittenThroughTheHost() {
    var x = Tensor.zeros(3).to(device)
    x.withMutableElements(of: Float.self) { $0[1] = 5 }
    x[2] = Tensor(7.0, dtype: .float32)
    #expect(x.device == device && x.array(of: Float.self) == [0, 5, 7])
  }

  @Test func twoDevicesAreAMistakeThatNamesBoth() {
    let device = device
    let message =
      "add: operands of shapes [[2], [2]] are on [cpu, emulated:0]; move them to one with to(_:)"
    #expect(throws: FixtureError(message)) {
      try catchingMistakes { _ = Tensor.zeros(2) + Tensor.zeros(2).to(device) }
    }
    let x = Tensor.zeros(2, 2)
    let mixed: [(name: String, operation: @Sendable (Tensor) -> Tensor)] = [
      ("matmul", { x.matmul($0) }), ("cat", { cat([x, $0]) }), ("where", { `where`(x .> 0, $0, $0) }),
      ("linear", { x.linear($0) }), ("embedding", { embedding(Tensor([1]), $0) }), ("matmul", { $0.mm(x) }),
      ("conv2d", { $0.reshape([1, 2, 2, 1]).conv2d(x.reshape([2, 2, 1, 1])) }),
      ("batchNorm", { $0.batchNorm(weight: .ones([2]), training: true).output }),
      ("batchNorm", { $0.batchNorm(runningMean: .zeros([2]), runningVariance: .ones([2])).output }),
      ("groupNorm", { $0.groupNorm(groups: 1, bias: .zeros([2])) }),
      ("layerNorm", { $0.layerNorm(shape: [2], weight: .ones([2])) }),
      ("gather", { $0.gather(0, index: Tensor([[0, 1]])) }),
      ("index_select", { $0.indexSelect(0, index: Tensor([0, 1])) }),
      ("nllLoss", { crossEntropy($0, Tensor([0, 1])) }),
      ("add", { [$0].reduce(into: x) { $0 += $1 } }),
    ]
    for (name, operation) in mixed {
      let error = #expect(throws: FixtureError.self) {
        try catchingMistakes { _ = operation(x.to(device)) }
      }
      #expect(error?.description.hasPrefix("\(name): operands of shapes") == true)
    }
    // A number of the CPU follows the others.
    #expect((Tensor.ones(2).to(device) * Tensor(3.0, dtype: .float32)).array(of: Float.self) == [3, 3])
  }

  @Test func hostAddressesAreRefused() {
    let device = device
    let error = #expect(throws: FixtureError.self) {
      try catchingMistakes { _ = Tensor.zeros(2).to(device).hostPointer }
    }
    #expect(error?.description.contains("the values are on emulated:0") == true)
  }

  @Test func aDeviceThatIsNotThereIsNamed() {
    let error = #expect(throws: FixtureError.self) {
      try catchingMistakes { _ = Tensor.zeros(2).to(Device(EmulatedDevice.kind, index: 9)) }
    }
    #expect(error?.description.contains("there is no device emulated:9") == true)
  }

  @Test func tensorsAreMadeThere() {
    let generator = { Generator(seed: 4) }
    let made: [(Tensor, Tensor)] = [
      (.zeros(2, 3, device: device), .zeros(2, 3)), (.ones([2], device: device), .ones([2])),
      (.full([2], 7, dtype: .int64, device: device), .full([2], 7, dtype: .int64)),
      (.eye(3, device: device), .eye(3)), (.arange(5, device: device), .arange(5)),
      (.arange(0.0, 1, step: 0.25, device: device), .arange(0.0, 1, step: 0.25)),
      (.linspace(0, 1, count: 4, device: device), .linspace(0, 1, count: 4)),
      (Tensor([[1, 2], [3, 4]], device: device), Tensor([[1, 2], [3, 4]])),
      (Tensor(3.5, device: device), Tensor(3.5)),
      (.rand(20, generator: generator(), device: device), .rand(20, generator: generator())),
      (.randn(20, generator: generator(), device: device), .randn(20, generator: generator())),
      (.rand(like: .zeros(3, device: device), generator: generator()), .rand(3, generator: generator())),
      (
        .truncatedNormal([9], generator: generator(), device: device),
        .truncatedNormal([9], generator: generator())
      ),
      (.randint(9, [5], generator: generator(), device: device), .randint(9, [5], generator: generator())),
      (.randperm(7, generator: generator(), device: device), .randperm(7, generator: generator())),
      (
        .bernoulli([9], p: 0.5, generator: generator(), device: device),
        .bernoulli([9], p: 0.5, generator: generator())
      ),
    ]
    for (there, here) in made {
      #expect(there.device == device && there.dtype == here.dtype)
      #expect(there.to(.cpu).isEqual(to: here))
    }
  }

  /// Class numbers that came from the host are looked at without waiting for the device.
  @Test func classNumbersAreLookedAtOnTheHost() {
    let emulated = EmulatedDevice.another()
    let other = emulated.device
    let x = Tensor.randn(3, 4, generator: Generator(seed: 1))
    for target in [Tensor([0, 3, 1]), Tensor([0, -100, 1]), Tensor([0, 3, 1], dtype: .int32)] {
      let (scores, classes) = (x.to(other), target.to(other))
      let loss = crossEntropy(scores, classes, weight: Tensor([1, 2, 3, 4.0], dtype: .float32).to(other))
      let rows = scores.indexSelect(0, index: Tensor([2, 0]).to(other))
      #expect(emulated.downloads.load(ordering: .relaxed) == 0)
      #expect(
        abs(loss.item() - crossEntropy(x, target, weight: Tensor([1, 2, 3, 4.0], dtype: .float32)).item())
          < 1e-6)
      #expect(rows.array(of: Float.self) == x.indexSelect(0, index: Tensor([2, 0])).array(of: Float.self))
      emulated.downloads.store(0, ordering: .relaxed)
    }
    for (index, wrong) in [(Tensor([0, 4, 1]), 4), (Tensor([0, 1, -5]), -5)] {
      let error = #expect(throws: FixtureError.self) {
        try catchingMistakes { _ = crossEntropy(x.to(other), index.to(other)) }
      }
      #expect(error?.description.contains("target class \(wrong) is outside 0..<4") == true)
    }
    // What was computed there is looked at there.
    let computed = Tensor([0, 3, 1]).to(other) + 1
    let error = #expect(throws: FixtureError.self) {
      try catchingMistakes { _ = crossEntropy(x.to(other), computed) }
    }
    #expect(error?.description.contains("target class 4 is outside") == true)
  }

  @Test func whatIsWrittenIsNoLongerTheHosts() {
    let host = Tensor([1, 2, 3])
    var there = host.to(device)
    there[1] = Tensor(9)
    #expect(there.array(of: Int.self) == [1, 9, 3] && host.array(of: Int.self) == [1, 2, 3])
    there.withMutableElements(of: Int.self) { $0[0] = 7 }
    #expect(there.to(.cpu).array(of: Int.self) == [7, 9, 3])
    var view = host.reshape([3, 1]).to(device)
    view += 1
    #expect(view.transpose(0, 1).to(.cpu).array(of: Int.self) == [2, 3, 4])
  }
}
