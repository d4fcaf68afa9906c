import NNCore
import NNData
import Testing

/// Images with any number of labels.
@Suite struct MultiLabelDatasetTests {
  private let labels = [[0, 2], [], [2], [1, 2]]
  private var dataset: MultiLabelDataset<SyntheticShapes> {
    MultiLabelDataset(SyntheticShapes(count: 4), classes: ["a", "b", "c"], labels: labels)
  }

  @Test func targetsHaveAOneForEachLabel() throws {
    let dataset = dataset
    let expected: [[Float]] = [[1, 0, 1], [0, 0, 0], [0, 0, 1], [0, 1, 1]]
    let loader = DataLoader(dataset, batchSize: 4)
    let batch = try #require(try loader.makeIterator().next())
    #expect(batch.target.shape == [4, 3] && batch.target.array(of: Float.self) == expected.flatMap(\.self))
    #expect(try dataset[3].target.array(of: Float.self) == expected[3])
    #expect(batch.input[2].array(of: Float.self) == dataset.base[2].input.array(of: Float.self))
    #expect(dataset.targets(at: [3, 1]).array(of: Float.self) == expected[3] + expected[1])
    #expect(dataset.classCounts == [1, 1, 3])
  }

  /// Parts are cut by the rarest label of each image.
  @Test func theRarestLabelStandsForAnImage() {
    #expect(dataset.targets == [0, 3, 2, 1])
  }
}
