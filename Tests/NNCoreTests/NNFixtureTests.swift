import NNCore
import TestSupport
import Testing

/// The golden `nn` fixtures of losses, embedding, shuffles, attention and interpolation, on every set of kernels.
struct NNFixtureTests {
  static let group = loadFixtures("nn")

  static let table = lossFixtures.merging(layerFixtures) { first, _ in first }

  @Test(arguments: group.cases.filter { table[$0.operation] != nil })
  func matchesPyTorch(_ fixture: FixtureCase) throws {
    let operation = try #require(Self.table[fixture.operation], "no closure for \(fixture.operation)")
    for dtype in [DType.float32, .float64] {
      for (layout, path) in FixtureLayout.allCases.flatMap({ l in KernelPath.available.map { (l, $0) } }) {
        let failures = path.force { fixture.failures(dtype: dtype, layout: layout, operation: operation) }
        #expect(failures.isEmpty, "\(fixture.id) \(fixture.kwargs) \(dtype) \(layout) \(path)")
      }
    }
  }
}
