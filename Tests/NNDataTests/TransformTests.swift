import NNCore
import NNData
import Testing

/// A random transform as a user writes it.
private struct RandomBrightness: Transform {
  func callAsFunction(_ input: Tensor, context: SampleContext) -> Tensor {
    input + Tensor.rand([1], generator: context.generator).item()
  }
  var isDeterministic: Bool { false }
  var description: String { "RandomBrightness()" }
}

/// A deterministic one.
private struct Negative: DeterministicTransform {
  func callAsFunction(_ input: Image) -> Image {
    Image(
      width: input.width, height: input.height, channels: input.channels,
      pixels: input.pixels.map { 255 - $0 })
  }
  var description: String { "Negative()" }
}

struct TransformTests {
  let image = Image(width: 4, height: 3, pixels: (0..<36).map { UInt8($0 * 7) })

  @Test func composesStages() {
    let transform = Compose {
      Resize(6)
      Negative()
      CenterCrop(5)
      ToTensor()
      Normalize(mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25])
      Lambda("first channel") { (x: Tensor) in x.select(0, index: 0) }
    }
    #expect(transform(image).shape == [5, 5])
    #expect(transform.isDeterministic)
    #expect(
      transform.description
        == "Resize(6, bilinear) | Negative() | CenterCrop(5, 5) | ToTensor() | "
        + "Normalize(mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25]) | Lambda(first channel)")
    let erased: any Transform<Image, Tensor> = transform
    #expect(erased(image).array(of: Float.self) == transform(image).array(of: Float.self))
  }

  @Test func randomNumbersDependOnTheElementAlone() {
    let transform = Compose {
      ToTensor()
      RandomBrightness()
    }
    #expect(!transform.isDeterministic)
    func draw(_ seed: UInt64, _ epoch: Int, _ index: Int) -> [Float] {
      transform(image, context: SampleContext(seed: seed, epoch: epoch, index: index)).array(of: Float.self)
    }
    let first = draw(1, 2, 3)
    #expect(draw(1, 2, 3) == first)
    #expect(draw(2, 2, 3) != first)
    #expect(draw(1, 3, 3) != first)
    #expect(draw(1, 2, 4) != first)
    let seeds = (0..<10).flatMap { seed in
      (0..<10).flatMap { epoch in
        (0..<50).map { SampleContext(seed: seed, epoch: epoch, index: $0).generatorSeed & 0xffff_ffff }
      }
    }
    #expect(Set(seeds).count > 4990)
  }

  @Test func normalizesBatches() {
    let x = Tensor.rand([2, 3, 4, 5])
    let normalize = Normalize.imageNet
    let batch = normalize(x)
    #expect(
      batch.select(0, index: 1).array(of: Float.self)
        == normalize(x.select(0, index: 1)).array(of: Float.self))
    let permuted = normalize(x.permute([0, 1, 3, 2]))
    #expect(permuted.array(of: Float.self) == batch.permute([0, 1, 3, 2]).array(of: Float.self))
    #expect(normalize(Tensor.zeros([0, 3, 4, 4])).shape == [0, 3, 4, 4])
  }
}
