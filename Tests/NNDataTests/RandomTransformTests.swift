import Foundation
import NNCore
import NNData
import TestSupport
import Testing

/// What random transforms draw from a seeded generator, compared with torchvision.
struct RandomTransformTests {
  static func json(_ name: String) -> JSONValue {
    do {
      return try JSONValue(contentsOf: URL(fileURLWithPath: fixture("transforms/\(name)")))
    } catch {
      preconditionFailure("\(name): \(error)")
    }
  }
  static let draws = NamedEntry.all(json("random_params.json"), named: "seed")
  static let augmented = json("augment.json")
  static let augmentedImages = augmented["images"]?.entries ?? [:]

  /// A new generator and what torchvision drew from its seed.
  private func generator(_ entry: NamedEntry, _ name: String) throws -> (Generator, JSONValue) {
    (Generator(seed: try #require(entry["seed"]?.int)), try #require(entry["draws"]?[name]))
  }

  @Test(arguments: draws)
  func drawsWhatTorchvisionDraws(_ entry: NamedEntry) throws {
    for name in ["rrc_32", "rrc_100x60", "rrc_narrow_fallback"] {
      let (generator, expected) = try generator(entry, name)
      let crop = RandomResizedCrop(
        8, scale: try range(expected["scale"]), ratio: try range(expected["ratio"]))
      let size = (height: expected["h"]?.int ?? 0, width: expected["w"]?.int ?? 0)
      for box in expected["top_left_height_width"]?.elements ?? [] {
        #expect(ints(crop.box(in: size, generator: generator)) == box.ints, "\(name)")
      }
    }
    var (generator, expected) = try generator(entry, "random_crop_40_to_32")
    for box in try #require(expected.elements) {
      #expect(ints(RandomCrop(32).box(in: (40, 40), generator: generator)) == box.ints)
    }
    (generator, expected) = try self.generator(entry, "hflip_0.5")
    let image = Image(width: 2, height: 2, pixels: Array(0..<12))
    for flip in try #require(expected.elements) {
      let got = RandomHorizontalFlip()(image, context: SampleContext(generator: generator))
      #expect((got != image) == flip.bool)
    }
    (generator, expected) = try self.generator(entry, "color_jitter_0.4_0.3_0.2_0.1")
    let jitter = ColorJitter(brightness: 0.4, contrast: 0.3, saturation: 0.2, hue: 0.1)
    for values in try #require(expected.elements) {
      let got = jitter.parameters(generator: generator)
      #expect(got.order == values[0]?.ints)
      #expect(
        [got.brightness, got.contrast, got.saturation, got.hue] == values.elements?.dropFirst().map(\.double))
    }
    (generator, expected) = try self.generator(entry, "rotation_-30_30")
    for angle in try #require(expected.doubles) {
      #expect(RandomRotation(30).angle(generator: generator) == angle)
    }
    (generator, expected) = try self.generator(entry, "erasing_3x20x24")
    for box in try #require(expected.elements) {
      let got = try #require(RandomErasing().parameters(for: [3, 20, 24], generator: generator))
      #expect(ints(got.box) == box.ints)
    }
  }

  private func range(_ value: JSONValue?) throws -> ClosedRange<Double> {
    let ends = try #require(value?.doubles)
    try #require(ends.count == 2 && ends[0] <= ends[1])
    return ends[0]...ends[1]
  }

  private func ints(_ box: CropBox) -> [Int] { [box.top, box.left, box.height, box.width] }

  @Test(arguments: draws)
  func cropsAndFlipsAsTorchvision(_ entry: NamedEntry) throws {
    let (generator, expected) = try generator(entry, "cifar_crop_flip_sha256")
    let transform = Compose {
      RandomCrop(32, padding: 4)
      RandomHorizontalFlip()
    }
    let image = formulaImage("cifar_aug", height: 32, width: 32)
    for digest in try #require(expected.elements) {
      #expect(try sha256(transform(image, context: SampleContext(generator: generator))) == digest.string)
    }
  }

  /// The images that `augment.json` was made from.
  private let images = [
    "a": formulaImage("a", height: 8, width: 10, isNoise: true),
    "b": formulaImage("b", height: 17, width: 13),
    "c": formulaImage("c", height: 32, width: 32),
  ]

  static let transforms: [String: any Transform<Image, Image>] = [
    "autoaugment_imagenet": AutoAugment(.imageNet),
    "autoaugment_cifar10": AutoAugment(.cifar10, interpolation: .bilinear, fill: [10, 20, 30]),
    "autoaugment_svhn": AutoAugment(.svhn),
    "randaugment": RandAugment(),
    "randaugment_strong": RandAugment(
      operations: 3, magnitude: 25, interpolation: .bilinear, fill: [128, 128, 128]),
    "trivialaugment": TrivialAugmentWide(),
    "trivialaugment_bicubic": TrivialAugmentWide(interpolation: .bicubic),
    "affine": RandomAffine(
      -25...25, translate: (0.2, 0.3), scale: 0.7...1.4, shear: (x: -10...10, y: -5...5)),
    "affine_bilinear": RandomAffine(
      0...90, scale: 2...3, shear: (x: -8...8, y: nil), interpolation: .bilinear, fill: [77]),
    "affine_scale": RandomAffine(0...0, translate: (0.5, 0.5), scale: 0.3...3),
    "rotation_expand": RandomRotation(180, expand: true),
    "rotation_bicubic": RandomRotation(-90...30, interpolation: .bicubic, center: (3, 5), fill: [9]),
    "grayscale_apply": Compose {
      RandomGrayscale(p: 0.4)
      RandomApply(p: 0.6) { RandomVerticalFlip(p: 0.8) }
    },
    "crop_pad": RandomCrop(20, 24, padding: 3, padIfNeeded: true, mode: .edge),
    "resized_crop": RandomResizedCrop(12, 9, scale: 0.2...0.9, interpolation: .bicubic),
    "color_jitter": ColorJitter(brightness: 0.4, contrast: 0.3, saturation: 0.2, hue: 0.1),
  ]

  @Test(arguments: augmentedImages.keys.sorted())
  func augmentsAsTorchvision(_ name: String) throws {
    let transform = try #require(Self.transforms[name])
    #expect(!transform.isDeterministic)
    let generator = Generator(seed: 11)
    for source in ["a", "b", "c"] {
      let image = try #require(images[source])
      let digests = try #require(Self.augmentedImages[name]?[source]?.elements)
      for (round, digest) in digests.enumerated() {
        let got = transform(image, context: SampleContext(generator: generator))
        #expect(try sha256(got).prefix(8) == digest.string ?? "", "\(source), round \(round)")
      }
    }
  }

  @Test func coversAllAugmentations() {
    #expect(Set(Self.augmentedImages.keys) == Set(Self.transforms.keys))
  }

  @Test func blursAsTorchvision() throws {
    let generator = Generator(seed: 11)
    let image = try #require(images["a"])
    for pixels in try #require(Self.augmented["blur"]?.elements) {
      let got = GaussianBlur(3, 5, sigma: 0.2...3)(image, context: SampleContext(generator: generator))
      let differences = zip(got.pixels, try #require(pixels.ints)).map { abs(Int($0) - $1) }
      // Halves may be rounded the other way.
      #expect(differences.allSatisfy { $0 <= 1 } && differences.reduce(0, +) <= 2)
    }
  }

  @Test(arguments: [0.2, 0.4, 1, 2.5])
  func drawsBetaNumbers(_ alpha: Double) throws {
    let generator = Generator(seed: 3)
    let expected = try #require(Self.augmented["beta"]?["\(alpha)"]?.doubles)
    for value in expected {
      #expect(abs(Double(generator.beta(Float(alpha), Float(alpha))) - value) <= 1e-6 * value)
    }
  }

  @Test(arguments: ["mixup", "cutmix"], [1, 0.3])
  func mixesBatches(_ name: String, _ alpha: Double) throws {
    let cases = try #require(Self.augmented["mix"]?.elements)
      .filter { $0["name"]?.string == name && $0["alpha"]?.double == alpha }
    #expect(cases.count == 4)
    let generator = Generator(seed: 5)
    let batch = Sample(
      input: (Tensor.arange(240).to(.float32) / 100).reshape([4, 2, 5, 6]), target: Tensor([0, 2, 1, 1]))
    for entry in cases {
      let context = SampleContext(generator: generator)
      let got =
        name == "mixup"
        ? MixUp(classes: 3, alpha: alpha)(batch, context: context)
        : CutMix(classes: 3, alpha: alpha)(batch, context: context)
      let input = Tensor(try #require(entry["input"]?.doubles).map { Float($0) }, shape: [4, 2, 5, 6])
      let target = Tensor(
        try #require(entry["target"]?.elements).flatMap { ($0.doubles ?? []).map { Float($0) } },
        shape: [4, 3])
      #expect(tensorDifferences(got.input, input, relativeTolerance: 1e-5, absoluteTolerance: 2e-6) == [])
      #expect(tensorDifferences(got.target, target, relativeTolerance: 1e-5, absoluteTolerance: 1e-6) == [])
    }
    // Probabilities as targets are mixed as well.
    let soft = Sample(input: batch.input, target: batch.target.oneHot(3).to(.float32))
    let (hard, mixed) = (
      MixUp(classes: 3)(batch, context: SampleContext(seed: 2)),
      MixUp(classes: nil)(soft, context: SampleContext(seed: 2))
    )
    #expect(hard.target.array(of: Float.self) == mixed.target.array(of: Float.self))
  }

  @Test func erasesRectangles() throws {
    let x = Tensor.ones([3, 20, 24])
    for index in 0..<20 {
      let context = SampleContext(seed: 4, index: index)
      let erased = RandomErasing(p: 1, value: .constant([2, 3, 4]))(x, context: context)
      let expected = try #require(
        {
          let generator = SampleContext(seed: 4, index: index).generator
          _ = generator.rand()
          return RandomErasing().parameters(for: x.shape, generator: generator)?.box
        }())
      var wanted = x
      for channel in 0..<3 {
        wanted[
          channel, expected.top..<expected.top + expected.height,
          expected.left..<expected.left + expected.width] =
          Tensor(Float(channel + 2))
      }
      #expect(erased.array(of: Float.self) == wanted.array(of: Float.self))
    }
    let noisy = RandomErasing(p: 1, value: .random)(x).array(of: Float.self)
    #expect(Set(noisy).count > 10)
    #expect(RandomErasing(p: 0)(x).array(of: Float.self) == x.array(of: Float.self))
  }

  @Test func convertsElementTypes() {
    let bytes = Tensor([UInt8(0), 1, 128, 255], shape: [4])
    #expect(ConvertImageDtype(.float32)(bytes).array(of: Float.self) == [0, 1 / 255, 128 / 255, 1])
    #expect(ConvertImageDtype(.int32)(bytes).array(of: Int32.self) == [0, 1 << 23, 1 << 30, 255 << 23])
    #expect(
      ConvertImageDtype(.uint8)(ConvertImageDtype(.int64)(bytes)).array(of: UInt8.self) == [0, 1, 128, 255])
    let floats = Tensor([Float(0), 0.5, 0.999, 1])
    #expect(ConvertImageDtype(.uint8)(floats).array(of: UInt8.self) == [0, 127, 255, 255])
    #expect(ConvertImageDtype(.float64)(floats).dtype == .float64)
    let image = Image(width: 2, height: 1, pixels: [1, 2, 3, 4, 5, 6])
    #expect(PILToTensor()(image).array(of: UInt8.self) == [1, 4, 2, 5, 3, 6])
  }

  @Test func rejectedArguments() async {
    await #expect(processExitsWith: .failure) { _ = RandomHorizontalFlip(p: 1.5) }
    await #expect(processExitsWith: .failure) { _ = ColorJitter(hue: 0.6) }
    await #expect(processExitsWith: .failure) { _ = RandAugment(magnitude: 31) }
    await #expect(processExitsWith: .failure) {
      _ = RandomCrop(9)(Image(width: 8, height: 12, channels: 3, color: [0]))
    }
    await #expect(processExitsWith: .failure) {
      _ = MixUp(classes: nil)(Sample(input: Tensor.zeros([2, 3]), target: Tensor([0, 1])))
    }
    await #expect(processExitsWith: .failure) { _ = GaussianBlur(4) }
  }
}

/// Noise, or ramps with a quarter of noise.
func formulaImage(_ name: String, height: Int, width: Int, isNoise: Bool = false) -> Image {
  let noise = FormulaNumbers.uniform("transforms/\(name)", [height, width, 3], 0, 1).array(of: Float.self)
  let pixels = noise.enumerated().map { index, u in
    let (channel, x, y) = (index % 3, index / 3 % width, index / (3 * width))
    let ramp = [x * 255 / max(width - 1, 1), y * 255 / max(height - 1, 1), (x + y) * 7 % 256][channel]
    let speck = min(Int(256 * u), 255)
    return UInt8(isNoise ? speck : (3 * ramp + speck) / 4)
  }
  return Image(width: width, height: height, pixels: pixels)
}
