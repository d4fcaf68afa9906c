import Foundation
import NNCore
import NNData
import NNLayers
import NNModels
import TestSupport
import Testing

import NNLightning

/// What the preflight says of images that are not normalised as the weights of a network expect it.
@Suite struct NormalizationCheckTests {
  private final class Net: Module, Classifier, TrainStep, ValidationStep {
    let network: any CallableModule
    let head: Linear?
    /// Done to the images before the network sees them.
    let prepare: (Tensor) -> Tensor

    init(
      _ network: any CallableModule, head: Linear? = nil, prepare: @escaping (Tensor) -> Tensor = { $0 }
    ) {
      self.network = network
      self.head = head
      self.prepare = prepare
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
      let y = network(prepare(x))
      return head.map { $0(y.flatten(from: 1)) } ?? y
    }
    func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 1e-4) }
  }

  /// A convolution whose weights expect the images of ImageNet.
  private final class Pretrained: Module, Layer {
    let conv = Conv2d(3, 10, kernelSize: 8, stride: 8)
    func forward(_ x: Tensor) -> Tensor { conv(x).mean([2, 3]) }

    static func imageNet() -> Pretrained {
      let network = Pretrained()
      network.inputNormalization = InputNormalization(
        mean: Normalize.imageNet.mean, std: Normalize.imageNet.std)
      return network
    }
  }

  private let plain: any Transform<Image, Tensor> = ToTensor()
  private let imageNet: any Transform<Image, Tensor> = Compose {
    RandomHorizontalFlip()
    ToTensor()
    Normalize.imageNet
    RandomErasing()
  }
  private let cifar: any Transform<Image, Tensor> = Compose {
    ToTensor()
    Normalize(mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616])
  }

  private func loader(_ data: some Dataset<Sample>) -> DataLoader<Sample> { DataLoader(data, batchSize: 4) }

  private func shapes(_ transform: any Transform<Image, Tensor>) -> SyntheticShapes {
    SyntheticShapes(count: 8, transform: transform)
  }

  private func findings(
    _ net: Net, _ train: some Dataset<Sample>, _ validation: some Dataset<Sample>
  ) throws -> [String] {
    let preflight = Preflight(steps: 1) { _ in }
    try Trainer(maxSteps: 1, callbacks: [preflight], enableProgressBar: false)
      .fit(net, train: loader(train), validation: loader(validation))
    return preflight.findings
  }

  /// Somebody fine-tunes an official network and forgets its normalisation.
  @Test func forgottenNormalisationIsFoundForOfficialWeights() throws {
    try withTemporaryFolder { folder in
      let file = folder.path + "/weights.safetensors"
      try squeezenet1_1().stateDict().write(safetensors: file)
      let digest = try Checksum.sha256("").digest(ofFile: file)
      let name = "squeezenet1_1-\(digest.prefix(8)).safetensors"
      try FileManager.default.moveItem(atPath: file, toPath: folder.path + "/" + name)
      let weights = PretrainedWeights("squeezenet1_1", "MINE", name, parameters: 1_235_496)
      let cache = WeightCache(folder: folder.path, isOffline: true)

      let network = try weights.model(classes: 10, cache: cache)
      let found = try findings(Net(network), shapes(plain), shapes(plain))
      #expect(
        found == [
          "The training images are not normalised, but the weights of SqueezeNet were trained on images normalised "
            + "otherwise. Give the data set's transform Normalize.imageNet, which is Normalize(mean: [0.485, 0.456, "
            + "0.406], std: [0.229, 0.224, 0.225])."
        ])
      #expect(try findings(Net(network), shapes(imageNet), shapes(weights.transforms)).isEmpty)

      // The same weights, loaded into a network that was there, of which a part is used.
      let other = skipInit { squeezenet1_1() }
      try other.loadWeights(weights, cache: cache)
      let backbone = try other.features(at: "features.3")
      let cut = Net(backbone, head: Linear(128 * 7 * 7, 10))
      #expect(try findings(cut, shapes(plain), shapes(plain)).count == 1)
    }
  }

  @Test func anotherNormalisationIsFound() throws {
    let net = Net(Pretrained.imageNet())
    let found = try findings(net, shapes(cifar), shapes(cifar))
    #expect(found.count == 2 && found[0].hasPrefix("The training images go through Normalize(mean: [0.4914"))
    #expect(found.last?.hasPrefix("The validation images go through Normalize(mean: [0.4914") == true)
  }

  @Test func validationImagesAreLookedAtToo() throws {
    let net = Net(Pretrained.imageNet())
    let parts = [0, 1].map { Subset(shapes(imageNet), indices: [$0, 2, 3, 4]) }
    #expect(try findings(net, parts[0] + parts[1], parts[1]).isEmpty)
    let found = try findings(net, parts[0], shapes(plain).prefix(4))
    #expect(found.count == 1 && found[0].hasPrefix("The validation images are not normalised"))
  }

  /// Normalised where no transform shows it: in the data set's `map`, in a closure, and in the model.
  @Test func normalisationElsewhereIsSeen() throws {
    let hidden = Compose {
      ToTensor()
      Lambda("normalised") { Normalize.imageNet($0) }
    }
    #expect(try findings(Net(Pretrained.imageNet()), shapes(hidden), shapes(hidden)).isEmpty)
    let mapped = shapes(plain).mapInput(Normalize.imageNet)
    #expect(try findings(Net(Pretrained.imageNet()), mapped, mapped).isEmpty)
    let net = Net(Pretrained.imageNet()) { Normalize.imageNet($0) }
    #expect(try findings(net, shapes(plain), shapes(plain)).isEmpty)
    #expect(try findings(Net(Pretrained.imageNet()), shapes(plain).map { $0 }, mapped).count == 1)
  }

  @Test func networksWithoutPretrainedWeightsMayDoAsTheyLike() throws {
    for transform in [plain, cifar, imageNet] {
      #expect(try findings(Net(Pretrained()), shapes(transform), shapes(plain)).isEmpty)
    }
    let network = try makeModel("squeezenet1_1", classes: 10)
    #expect(network.inputNormalization == nil)
    #expect(try findings(Net(network), shapes(plain), shapes(plain)).isEmpty)
  }
}
