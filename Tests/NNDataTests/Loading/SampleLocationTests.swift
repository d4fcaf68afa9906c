import Foundation
import NNCore
import NNData
import TestSupport
import Testing

/// A loader says which sample an error is about.
@Suite struct SampleLocationTests {
  private struct Pictures: Dataset {
    let count = 10
    var small: Int?
    var channels = 3
    let transform: any Transform<Image, Tensor>
    subscript(index: Int) -> Sample {
      get throws { try element(at: index, context: SampleContext(index: index)) }
    }
    func element(at index: Int, context: SampleContext) throws -> Sample {
      let side = index == small ? 6 : 12
      let image = Image(width: side, height: side, channels: channels, color: [9])
      return Sample(input: transform(image, context: context), label: index)
    }
  }

  private func failure<Batch: Sendable>(_ loader: DataLoader<Batch>) -> (any Error)? {
    do {
      try loader.forEach { _ in }
      return nil
    } catch { return error }
  }

  /// What a transform cannot do with an image is thrown, by workers as well.
  @Test(arguments: [0, 2])
  func imagesThatATransformCannotTake(workers: Int) {
    let cropped = DataLoader(
      Pictures(
        small: 7,
        transform: Compose {
          RandomCrop(8); ToTensor()
        }), batchSize: 4, workers: workers)
    let error = failure(cropped) as? DataProblem
    #expect(
      error?.kind == .tooSmall
        && error?.description.contains("crop 8x8 is larger than the image, 6x6") == true)
    #expect(cropped.failedSample == 7)
    let normalized = DataLoader(
      Pictures(
        channels: 1,
        transform: Compose {
          ToTensor(); Normalize(mean: [0, 0, 0], std: [1, 1, 1])
        }), batchSize: 4,
      workers: workers)
    #expect((failure(normalized) as? DataProblem)?.kind == .channels)
    #expect(normalized.failedSample == 0)
  }

  @Test func labelsThatMixUpCannotTake() {
    let loader = DataLoader(
      Pictures(transform: ToTensor()), batchSize: 4, batchTransform: MixUp(classes: 6))
    #expect((failure(loader) as? DataProblem)?.kind == .label)
    #expect(loader.samples(ofBatch: 1) == [4, 5, 6, 7] && loader.samples(ofBatch: 3) == nil)
  }

  @Test func filesComeThroughWhatWrapsThem() throws {
    try withTemporaryFolder { folder in
      for name in ["a", "b"] {
        let path = folder.path + "/" + name
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for number in 0..<2 {
          try Data(Image(width: 2, height: 2, color: [1]).pngData())
            .write(to: URL(fileURLWithPath: "\(path)/\(number).png"))
        }
      }
      let images = try ImageFolder(folder.path)
      let all = Subset(images, indices: [3, 0]).map { $0 } + images.prefix(1).map { $0 }
      let loader = DataLoader(all, batchSize: 2)
      #expect(loader.file(ofSample: 0) == images.paths[3] && loader.file(ofSample: 2) == images.paths[0])
      #expect(loader.file(ofSample: 3) == nil && loader.file(ofSample: -1) == nil)
    }
  }

  @Test func indicesBeyondTheDataAreRefused() {
    struct Wrong: Sampler {
      let count = 2
      func order() -> [Int] { [0, -1] }
    }
    let loader = DataLoader(Pictures(transform: ToTensor()), sampler: Wrong())
    #expect(failure(loader) as? DataLoaderError == .indexOutside(index: -1, count: 10))
    #expect(loader.failedSample == -1)
  }
}
