import Foundation
import NNCore
import TestSupport
import Testing

/// Every case of the golden `ops` fixtures, forward and backward; products on every set of kernels.
struct OpsFixtureTests {
  static let cases = FixtureGroup("ops", in: fixtureFolder).cases

  @Test func fixturesAreThere() { #expect(!Self.cases.isEmpty) }

  @Test(arguments: cases)
  func matchesPyTorch(_ fixture: FixtureCase) {
    let isProduct = productFixtures[fixture.operation] != nil
    expectMatch(fixture, FixtureTables.ops, isProduct ? KernelPath.available : [nil])
  }
}

/// Every case of the golden `nn` fixtures, on every set of kernels.
struct NNFixtureTests {
  static let cases = FixtureGroup("nn", in: fixtureFolder).cases

  @Test func fixturesAreThere() { #expect(!Self.cases.isEmpty) }

  @Test(arguments: cases)
  func matchesPyTorch(_ fixture: FixtureCase) {
    expectMatch(fixture, FixtureTables.nn, KernelPath.available)
  }
}

/// The same cases on a device that has the required kernels alone, and whose memory nobody else can read.
struct DeviceFixtureTests {
  @Test(arguments: OpsFixtureTests.cases + NNFixtureTests.cases)
  func matchesPyTorch(_ fixture: FixtureCase) {
    let failures = [DType.float32, .float64].flatMap { dtype in
      fixture.failures(FixtureTables.all, dtype: dtype, on: EmulatedDevice.shared.device)
        .map { "\(dtype): \($0)" }
    }
    #expect(
      failures.first == nil, "\(failures.count) failures of \(fixture) \(JSONValue.object(fixture.kwargs))")
  }
}

/// The same cases on the kernels of a CUDA card, which the host runs.
struct CUDAFixtureTests {
  @Test(arguments: OpsFixtureTests.cases + NNFixtureTests.cases)
  func matchesPyTorch(_ fixture: FixtureCase) {
    MatmulPrecision.convolutions = .highest
    let failures = [DType.float32, .float64].flatMap { dtype in
      fixture.failures(FixtureTables.all, dtype: dtype, on: EmulatedCUDA.device).map {
        "\(dtype): \($0)"
      }
    }
    #expect(
      failures.first == nil, "\(failures.count) failures of \(fixture) \(JSONValue.object(fixture.kwargs))")
  }
}

/// Runs a case in both types and every layout; the first failure is told, as what fails once mostly fails everywhere.
private func expectMatch(
  _ fixture: FixtureCase, _ table: FixtureTable, _ paths: [KernelPath?],
  sourceLocation: SourceLocation = #_sourceLocation
) {
  var found: [String] = []
  for dtype in [DType.float32, .float64] {
    for layout in FixtureLayout.allCases {
      for path in paths {
        let failures = fixture.failures(table, dtype: dtype, layout: layout, path: path)
        found += failures.map { "\(dtype) \(layout.rawValue) \(path.map { "\($0)" } ?? ""): \($0)" }
      }
    }
  }
  #expect(
    found.first == nil, "\(found.count) failures of \(fixture) \(JSONValue.object(fixture.kwargs))",
    sourceLocation: sourceLocation)
}

let fixtureFolder = Bundle.module.bundleURL.appendingPathComponent("Fixtures")
