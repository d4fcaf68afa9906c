import NNCore
import TestSupport
import Testing

/// Elements of 16 bits.
struct BFloat16Tests {
  static let cases = FixtureGroup("bfloat16", in: fixtureFolder).cases

  @Test func fixturesAreThere() { #expect(Self.cases.count > 20) }

  /// PyTorch's bfloat16 on the CPU; sums may be rounded in another order.
  @Test(arguments: cases, [Device.cpu, EmulatedDevice.shared.device, EmulatedCUDA.device])
  func matchesPyTorch(_ fixture: FixtureCase, _ device: Device) {
    for layout in FixtureLayout.allCases {
      let failures = fixture.failures(FixtureTables.all, dtype: .bfloat16, layout: layout, on: device)
      #expect(failures == [], "\(layout)")
    }
  }

  /// Every operation of the other fixtures gives what its float32 form gives of the same numbers, as far as they are rounded.
  @Test(arguments: OpsFixtureTests.cases + NNFixtureTests.cases, [Device.cpu, EmulatedCUDA.device])
  func staysNearFloat32(_ fixture: FixtureCase, _ device: Device) {
    MatmulPrecision.convolutions = .highest
    let failures = fixture.roundedFailures(FixtureTables.all, on: device)
    #expect(failures == [], "\(fixture) \(JSONValue.object(fixture.kwargs))")
  }

  // MARK: Numbers

  /// Bits of a float32, and those of the nearest bfloat16 as PyTorch gives them.
  static let conversions: [(UInt32, UInt16)] = [
    (0x3F80_0000, 0x3F80), (0x3F80_8000, 0x3F80), (0x3F80_8001, 0x3F81), (0x3F81_8000, 0x3F82),
    (0x3F81_7FFF, 0x3F81), (0xC049_0FDB, 0xC049), (0x0000_0001, 0x0000), (0x8000_0000, 0x8000),
    (0x7F7F_FFFF, 0x7F80), (0x7F7F_7FFF, 0x7F7F), (0xFF80_0000, 0xFF80), (0x0001_8000, 0x0002),
  ]

  @Test(arguments: [Device.cpu, EmulatedCUDA.device])
  func roundsToNearestEven(_ device: Device) {
    let values = Self.conversions.map { Float(bitPattern: $0.0) }
    let expected = Self.conversions.map(\.1)
    #expect(values.map { BFloat16($0).bitPattern } == expected)
    let tensor = Tensor(values).to(device).to(.bfloat16)
    #expect(tensor.array(of: BFloat16.self).map(\.bitPattern) == expected)
    #expect(tensor.to(.float32).array(of: Float.self) == expected.map { Float(BFloat16(bitPattern: $0)) })
  }

  @Test(arguments: [Device.cpu, EmulatedCUDA.device])
  func notANumberStays(_ device: Device) {
    // Rounding must not carry the payload into the sign.
    let values = [0x7F80_0001, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x7FC0_0000].map { Float(bitPattern: $0) }
    #expect(values.allSatisfy { Float(BFloat16($0)).isNaN })
    #expect(Tensor(values).to(device).to(.bfloat16).isNaN().all().item() == 1)
  }

  @Test(arguments: DType.allCases, [Device.cpu, EmulatedCUDA.device])
  func convertsToAndFromAllTypes(_ dtype: DType, _ device: Device) {
    let values = [0, 1, 2, 3, 100, 200]
    let tensor = Tensor(values).to(.bfloat16).to(device)
    let expected = dtype == .bool ? [0, 1, 1, 1, 1, 1] : values
    #expect(tensor.to(dtype).array(of: Int.self) == expected)
    #expect(tensor.to(dtype).to(.bfloat16).array(of: Int.self) == expected)
    #expect(tensor.to(dtype).dtype == dtype)
    #expect(tensor.reshape([2, 3]).transpose(0, 1).to(dtype).to(.bfloat16).dtype == .bfloat16)
  }

  @Test func printsAsPyTorch() {
    let values: [Float] = [0, 1.5, -2.25, 3.141_592_6, 1e10, 1e-3, .nan, .infinity]
    #expect(
      "\(Tensor(values).to(.bfloat16))"
        == """
        tensor([ 0.0000e+00,  1.5000e+00, -2.2500e+00,  3.1406e+00,  9.9992e+09,
                 9.9945e-04,         nan,         inf], dtype=torch.bfloat16)
        """.replacing("torch.", with: ""))
    #expect("\(Tensor(0.1).to(.bfloat16))" == "tensor(0.1001, dtype=bfloat16)")
  }

  @Test func elementsAreReadAndWritten() {
    var x = Tensor([1.0, 2, 3], dtype: .bfloat16)
    x.withMutableElements(of: BFloat16.self) { $0[1] = BFloat16(0.5) }
    #expect(x.array(of: Float.self) == [1, 0.5, 3] && x[1].item() == 0.5)
    x[0] = Tensor(7.0, dtype: .bfloat16)
    #expect(x.withElements(of: BFloat16.self) { Float($0[0]) } == 7)
    #expect(Tensor([BFloat16(1), BFloat16(2)]).dtype == .bfloat16)
  }

  /// A number is not rounded before it meets the elements.
  @Test func numbersKeepTheirDigits() {
    let x = Tensor([1.0, 3, 5], dtype: .bfloat16)
    let expected = [1.0, 3, 5].map { Float(BFloat16(Float($0) * 0.1)) }
    #expect((x * 0.1).array(of: Float.self) == expected && (x * 0.1).dtype == .bfloat16)
    #expect((0.1 * x).array(of: Float.self) == expected)
    let quotients = [1.0, 3, 5].map { Float(BFloat16(0.1 / Float($0))) }
    #expect((0.1 / x).array(of: Float.self) == quotients && (0.1 / x).dtype == .bfloat16)
  }

  @Test func linearAlgebraRefusesIt() {
    #expect {
      try catchingMistakes { _ = try LinearAlgebra.qr(Tensor.eye(2, dtype: .bfloat16)) }
    } throws: {
      "\($0)".contains("needs float32 or float64, got bfloat16")
    }
  }
}
