import Foundation
import NNCore
import TestSupport
import Testing

/// Every case of the golden `ops` fixtures, forward and backward.
struct OpsFixtureTests {
  static let group = loadFixtures("ops")

  static let table = [
    arithmeticFixtures, elementwiseFixtures, activationFixtures, reductionFixtures, shapeFixtures,
  ].reduce(into: FixtureTable()) { $0.merge($1) { first, _ in first } }

  /// Operations that `MatrixFixtureTests` runs.
  static let elsewhere: Set = [
    "matmul", "mm", "bmm", "mv", "dot", "outer", "addmm", "einsum", "graph_diamond",
  ]

  @Test(arguments: group.cases.filter { !elsewhere.contains($0.operation) })
  func matchesPyTorch(_ fixture: FixtureCase) throws {
    let operation = try #require(Self.table[fixture.operation], "no closure for \(fixture.operation)")
    for dtype in [DType.float32, .float64] {
      for layout in FixtureLayout.allCases {
        let failures = fixture.failures(dtype: dtype, layout: layout, operation: operation)
        #expect(failures.isEmpty, "\(fixture.id) \(fixture.kwargs) \(dtype) \(layout)")
      }
    }
  }
}

/// The golden cases of a group copied into this target.
func loadFixtures(_ group: String) -> FixtureGroup {
  let folder = Bundle.module.bundleURL.appendingPathComponent("Fixtures").appendingPathComponent(group)
  do {
    return try FixtureGroup(directory: folder)
  } catch {
    preconditionFailure("fixtures of group \(group) in \(folder.path): \(error)")
  }
}
