/// What the golden groups of operations call.
package enum FixtureTables {
  /// Of the group `ops`, by subject.
  package static let opsSubjects: KeyValuePairs<String, FixtureTable> = [
    "arithmetic": arithmeticFixtures, "elementwise": elementwiseFixtures, "activations": activationFixtures,
    "reductions": reductionFixtures, "shapes": shapeFixtures, "indexing": indexingFixtures,
    "products": productFixtures,
  ]
  /// Of the group `nn`, by subject.
  package static let nnSubjects: KeyValuePairs<String, FixtureTable> = [
    "losses": lossFixtures, "margins": marginFixtures, "layers": layerFixtures,
    "convolutions": convolutionFixtures,
    "pooling": poolingFixtures, "normalization": normalizationFixtures,
  ]

  package static let ops = merged(opsSubjects.map(\.value))
  package static let nn = merged(nnSubjects.map(\.value))
  /// Of both.
  package static let all = merged([ops, nn])

  private static func merged(_ tables: [FixtureTable]) -> FixtureTable {
    tables.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
  }
}
