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
}
