import Foundation
import NNCore
import NNData
import NNLayers
import NNModels
import TestSupport
import Testing

import NNLightning

/// Files that are looked at before a fit, in every epoch and in its test are decoded once.
@Suite struct DecodeOnceTests {
  private final class PixelNet: Module, Classifier, TrainStep, ValidationStep, TestStep {
    let fc = Linear(3 * 8 * 8, 2)
    func callAsFunction(_ x: Tensor) -> Tensor { fc(x.flatten(from: 1)) }
    func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.01) }
  }

  @Test(arguments: [0, 2])
  func aWholeJobDecodesEachFileOnce(workers: Int) throws {
    try withTemporaryFolder { folder in
      for index in 0..<12 {
        let name = folder.path + (index % 2 == 0 ? "/a" : "/b")
        try FileManager.default.createDirectory(atPath: name, withIntermediateDirectories: true)
        try Image(width: 20 + index, height: 30, color: [UInt8(20 * index), 9, 200])
          .writePNG(toFile: "\(name)/\(index).png")
      }
      let cache = ImageCache(byteLimit: 1 << 20)
      let preset = ImageClassification(crop: 8, resize: 9)
      let images = try ImageFolder(folder.path, transform: preset, cache: cache)
      #expect(ImageScan.unreadable(images).isEmpty)
      let train = DataLoader(
        Subset(images, indices: 0..<6), batchSize: 4, shuffle: true, workers: workers,
        generator: Generator(seed: 1))
      let validation = DataLoader(Subset(images, indices: 6..<10), batchSize: 4, workers: workers)
      let test = DataLoader(Subset(images, indices: 10..<12), batchSize: 4, workers: workers)
      let trainer = Trainer(maxEpochs: 3, callbacks: [Preflight { _ in }], enableProgressBar: false)
      let net = PixelNet()
      try trainer.fit(net, train: train, validation: validation)
      try trainer.test(net, test)
      #expect(cache.decodedCount == 12 && cache.count == 12)
      // What was kept is what the preset makes of the image.
      for index in images.indices {
        let want = preset(try images.image(at: index))
        #expect(try images[index].input.array(of: Float.self) == want.array(of: Float.self))
      }
    }
  }
}
