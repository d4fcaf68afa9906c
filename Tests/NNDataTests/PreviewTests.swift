import Foundation
import NNCore
import NNData
import Testing

struct PreviewTests {
  @Test func classesTakeTurns() throws {
    let set = SyntheticShapes(count: 25)
    let sheet = try set.preview(12, columns: 4)
    // 3 rows of 4 cells of 96 pixels, 11 more for the label, 4 between.
    #expect(sheet.width == 4 + 4 * 100 && sheet.height == 4 + 3 * 111)
    for (place, index) in (Array(0..<10) + [10, 11]).enumerated() {
      let (left, top) = (4 + place % 4 * 100, 4 + place / 4 * 111)
      let image = set.image(at: index)
      for (x, y) in [(0, 0), (31, 31), (13, 20)] {
        #expect(sheet[x: left + 3 * x + 1, y: top + 3 * y + 1] == image[x: x, y: y])
      }
    }
    #expect(sheet[x: 0, y: 0] == [24, 24, 24])
    // To look at: NN_SHEETS=folder swift test …
    if let folder = ProcessInfo.processInfo.environment["NN_SHEETS"] {
      for family in SyntheticShapes.Family.allCases {
        try SyntheticShapes(family, count: 300).preview(60).writePNG(toFile: "\(folder)/\(family).png")
      }
      if let sharedFolder {
        try CIFAR10(root: "\(sharedFolder)/data", train: false).preview(50)
          .writePNG(toFile: "\(folder)/cifar10.png")
      }
    }
  }

  @Test func labelsAreDrawn() throws {
    var image = Image(width: 30, height: 9, channels: 1)
    image.draw("T i", top: 1, left: 2)
    // The bar of the T, its foot, the empty letter, the dot of the i.
    #expect((2..<7).allSatisfy { image[x: $0, y: 1] == [255] })
    #expect(image[x: 4, y: 7] == [255] && image[x: 2, y: 7] == [0])
    #expect((8..<13).allSatisfy { x in (0..<9).allSatisfy { image[x: x, y: $0] == [0] } })
    #expect(image[x: 16, y: 1] == [255] && image[x: 16, y: 2] == [0])
    // What lies outside is cut off.
    image.draw("WWW", top: -3, left: -4, scale: 3)
    let labelled = try FakeData(size: 3, imageSize: (3, 10, 40), classCount: 2).preview(3, cell: 60)
    #expect(labelled.pixels.contains(230))
  }
}
