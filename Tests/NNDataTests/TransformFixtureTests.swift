import Foundation
import NNCore
import NNData
import TestSupport
import Testing

/// The golden `transforms` cases, from torchvision on PIL images: 8-bit results exactly.
struct TransformFixtureTests {
  static let cases = FixtureGroup("transforms", in: URL(fileURLWithPath: fixture(""))).cases

  @Test func fixturesAreThere() { #expect(!Self.cases.isEmpty) }

  @Test(arguments: cases)
  func matchesTorchvision(_ fixture: FixtureCase) throws {
    #expect(try catchingMistakes { try differences(fixture) } == [], "\(fixture)")
  }

  private func differences(_ fixture: FixtureCase) throws -> [String] {
    let result = try fixture.withArguments { arguments in
      guard let operation = transformFixtures[fixture.operation] else {
        throw FixtureError("operation not supported: \(fixture.operation)")
      }
      guard let name = fixture.entry["image"]?.string else { throw FixtureError("the case has no image") }
      let pixels = try fixture.shared("image/\(name)")
      guard pixels.dtype == .uint8, pixels.rank == 3, pixels.count > 0 else {
        throw FixtureError("image/\(name) is no image but \(pixels.dtype) \(pixels.shape)")
      }
      return try operation(Image(pixels), arguments)
    }
    switch result {
    case .images(let images):
      guard images.count == fixture.outputNames.count else {
        return ["\(images.count) images, expected \(fixture.outputNames)"]
      }
      return try zip(fixture.outputNames, images).flatMap { try differences($1, $0, fixture) }
    case .tensor(let tensor):
      if fixture.hasStored("out") { return try same(tensor, fixture.stored("out")) }
      guard let rows = fixture.entry["outputs"]?["out"]?["rows"]?.ints, tensor.rank == 3 else {
        throw FixtureError("the case has no rows")
      }
      return try same(
        stack(rows.map { tensor.select(1, index: $0) }, axis: 1), fixture.stored("out.rows"))
    }
  }

  private func same(_ got: Tensor, _ want: Tensor) -> [String] {
    tensorDifferences(got, want, relativeTolerance: 0, absoluteTolerance: 1e-6)
  }

  private func differences(_ image: Image, _ name: String, _ fixture: FixtureCase) throws -> [String] {
    guard let expected = fixture.entry["outputs"]?[name], let shape = expected["shape"]?.ints else {
      throw FixtureError("the shape of \(name) is not given")
    }
    let got = [image.height, image.width, image.channels]
    if got != (shape.count == 2 ? shape + [1] : shape) { return ["\(name): \(got), expected \(shape)"] }
    if let digest = expected["sha256"]?.string {
      return try sha256(image) == digest ? [] : ["\(name): another checksum"]
    }
    let want = try fixture.stored(name).array(of: UInt8.self)
    if want.count != image.pixels.count { return ["\(name): \(want.count) values are expected for \(shape)"] }
    guard let place = image.pixels.indices.first(where: { image.pixels[$0] != want[$0] }) else { return [] }
    return ["\(name)[\(place)]: \(image.pixels[place]), expected \(want[place])"]
  }
}
