import Foundation
import NNCore
import NNData
import TestSupport
import Testing

/// Transforms that torchvision has in `v2` alone, compared with it draw by draw.
@Suite struct RandomV2Tests {
  static let expected = RandomTransformTests.json("v2.json")
  static let digests = expected["images"]?.entries ?? [:]

  private let images = [
    "a": formulaImage("a", height: 8, width: 10, isNoise: true),
    "b": formulaImage("b", height: 17, width: 13),
    "c": formulaImage("c", height: 32, width: 32),
  ]

  static let transforms: [String: any Transform<Image, Image>] = [
    "invert": RandomInvert(p: 0.4), "posterize": RandomPosterize(bits: 3),
    "solarize": RandomSolarize(threshold: 100), "autocontrast": RandomAutocontrast(p: 0.7),
    "equalize": RandomEqualize(), "rgb": RGB(), "sharpness": RandomAdjustSharpness(factor: 2.5),
    "permutation": RandomChannelPermutation(), "photometric": RandomPhotometricDistort(),
    "identity": Identity<Image>(),
    "photometric_strong": RandomPhotometricDistort(
      brightness: 0.2...2, contrast: 0.1...3, saturation: 0...2, hue: -0.3...0.4, p: 0.8),
    "perspective": RandomPerspective(),
    "perspective_nearest": RandomPerspective(
      distortion: 0.9, p: 1, interpolation: .nearest, fill: [9, 200, 30]),
    "perspective_bicubic": RandomPerspective(distortion: 0.3, p: 0.8, interpolation: .bicubic, fill: [77]),
    "scale_jitter": ScaleJitter(12, 20),
    "scale_jitter_nearest": ScaleJitter(9, 7, scale: 0.5...1, interpolation: .nearest),
    "shortest_size": RandomShortestSize([5, 9, 14]),
    "shortest_size_limit": RandomShortestSize([8, 20], maxSize: 21),
    "resize": RandomResize(6..<25), "zoom_out": RandomZoomOut(),
    "zoom_out_fill": RandomZoomOut(fill: [1, 2, 3], sides: 1.5...2, p: 0.9), "jpeg": JPEG(quality: 5...95),
    "jpeg_75": JPEG(quality: 75...75),
    "choice": RandomChoice([RandomInvert(p: 1), RandomEqualize(p: 1), Identity<Image>()], p: [1, 2, 0.5]),
    "order": RandomOrder([RandomInvert(), RandomSolarize(threshold: 90), RandomPosterize(bits: 2)]),
    "augmix": AugMix(),
    "augmix_strong": AugMix(
      severity: 8, width: 2, depth: 2, alpha: 0.4, allOperations: false, interpolation: .nearest, fill: [50]),
  ]

  @Test(arguments: digests.keys.sorted()) func changesAsTorchvision(_ name: String) throws {
    let transform = try #require(Self.transforms[name])
    let generator = Generator(seed: 13)
    var others: [String] = []
    for source in ["a", "b", "c"] {
      let image = try #require(images[source])
      for (round, digest) in try #require(Self.digests[name]?[source]?.elements).enumerated() {
        let got = transform(image, context: SampleContext(generator: generator))
        if try sha256(got).prefix(8) != digest.string ?? "" { others.append("\(source), round \(round)") }
      }
    }
    // A place on the border of two pixels goes to one or the other by the last bit of LAPACK's coefficients.
    #expect(others.count <= (name.hasPrefix("perspective") ? 2 : 0), "\(others)")
  }

  @Test func coversAllTransforms() {
    #expect(Set(Self.digests.keys) == Set(Self.transforms.keys))
    let constant = Self.transforms.filter { $0.value.isDeterministic }.keys.sorted()
    #expect(constant == ["identity", "rgb"])
  }

  /// Sums in float32, whose halves may be rounded the other way.
  @Test func movesPixelsAsTorchvision() throws {
    for entry in try #require(Self.expected["elastic"]?.elements) {
      let transform = ElasticTransform(
        alpha: try #require(entry["alpha"]?.double), sigma: try #require(entry["sigma"]?.double),
        interpolation: entry["nearest"]?.bool == true ? .nearest : .bilinear,
        fill: [UInt8(try #require(entry["fill"]?.int))])
      let generator = Generator(seed: 17)
      for pixels in try #require(entry["pixels"]?.elements) {
        let got = transform(try #require(images["b"]), context: SampleContext(generator: generator))
        let differences = zip(got.pixels, try #require(pixels.ints)).map { abs(Int($0) - $1) }
        #expect(differences.count == got.pixels.count && differences.reduce(0, +) <= 4, "\(transform)")
      }
    }
  }

  @Test func addsNoiseAsTorchvision() throws {
    for entry in try #require(Self.expected["noise"]?.elements) {
      let transform = GaussianNoise(
        mean: try #require(entry["mean"]?.double), sigma: try #require(entry["sigma"]?.double),
        clips: entry["clip"]?.bool == true)
      var input = (Tensor.arange(24) * 10).reshape([2, 3, 2, 2])
      input = entry["bytes"]?.bool == true ? input.to(.uint8) : input.to(.float32) / 240
      let got = transform(input, context: SampleContext(generator: Generator(seed: 19)))
      #expect(got.dtype == input.dtype && got.shape == input.shape)
      let wanted = try #require(entry["result"]?.doubles)
      for (value, want) in zip(got.to(.float64).array(of: Double.self), wanted) {
        #expect(abs(value - want) <= 1e-6, "\(transform)")
      }
    }
  }

  @Test func whitensAsTorchvision() throws {
    let input = (Tensor.arange(24).to(.float32) / 10).reshape([2, 3, 2, 2])
    let matrix = (0..<144).map { (Float($0 % 7) - 3) / 5 }
    let transform = LinearTransformation(
      matrix: Tensor(matrix, shape: [12, 12]), mean: Tensor.arange(12).to(.float32) / 3)
    let wanted = Tensor(
      try #require(Self.expected["linear"]?.doubles).map { Float($0) }, shape: [2, 3, 2, 2])
    #expect(
      tensorDifferences(transform(input), wanted, relativeTolerance: 1e-5, absoluteTolerance: 1e-5) == [])
    #expect(transform.description == transform.description && transform.isDeterministic)
  }

  @Test func typesAreChanged() {
    let bytes = Tensor([UInt8(0), 51, 255], shape: [3])
    #expect(ToDtype(.float32)(bytes).array(of: Float.self) == [0, 51, 255])
    #expect(ToDtype(.float32, scales: true)(bytes).array(of: Float.self) == [0, 0.2, 1])
  }

  /// Images of one row or column, gray ones and those with opacity go through everything that does not need more.
  @Test(arguments: [(1, 1, 3), (1, 9, 1), (30, 30, 1), (30, 30, 4), (2, 3, 4)])
  func oddImagesAreChanged(_ height: Int, _ width: Int, _ channels: Int) {
    let image = Image(
      width: width, height: height, channels: channels,
      pixels: (0..<height * width * channels).map { UInt8(truncatingIfNeeded: $0 * 7) })
    for (name, transform) in Self.transforms.sorted(by: { $0.key < $1.key })
    where channels == 3 || !["perspective_nearest", "zoom_out_fill"].contains(name) {
      for seed in 0..<3 {
        let got = transform(image, context: SampleContext(seed: UInt64(seed)))
        #expect(got.width > 0 && got.height > 0, "\(name)")
      }
    }
    if height > 21 {
      #expect(ElasticTransform()(image, context: SampleContext()).channels == channels)
    }
  }
}
