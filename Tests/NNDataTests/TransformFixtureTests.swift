import Foundation
import NNCore
import NNData
import TestSupport
import Testing

/// The golden `transforms` cases, from torchvision on PIL images: 8-bit results exactly.
struct TransformFixtureTests {
  enum Result {
    case images([Image])
    case tensor(Tensor)
  }

  static let group: FixtureGroup = {
    do {
      return try FixtureGroup(directory: URL(fileURLWithPath: fixture("transforms")))
    } catch {
      preconditionFailure("transforms fixtures: \(error)")
    }
  }()

  static let table: [String: @Sendable (Image, [String: JSONValue]) throws -> Result] = [
    "resize": { .images([try resize($1)($0)]) },
    "center_crop": { image, arguments in
      let size = arguments["size"]?.ints ?? []
      return .images([CenterCrop(size[0], size[1])(image)])
    },
    "crop": { image, arguments in
      let values = ["top", "left", "height", "width"].map { arguments[$0]?.int ?? 0 }
      return .images([image.cropped(top: values[0], left: values[1], height: values[2], width: values[3])])
    },
    "hflip": { image, _ in .images([image.flippedHorizontally()]) },
    "vflip": { image, _ in .images([image.flippedVertically()]) },
    "pad": { .images([pad($1)($0)]) },
    "grayscale": { image, arguments in
      .images([Grayscale(channels: arguments["num_output_channels"]?.int ?? 1)(image)])
    },
    "resized_crop": { image, arguments in
      let values = ["top", "left", "height", "width"].map { arguments[$0]?.int ?? 0 }
      let size = arguments["size"]?.ints ?? []
      return .images([
        image.resizedCrop(
          top: values[0], left: values[1], height: values[2], width: values[3], size: (size[0], size[1]),
          interpolation: try interpolation(arguments))
      ])
    },
    "five_crop": { image, arguments in
      let size = arguments["size"]?.ints ?? []
      return .images(FiveCrop(size[0], size[1])(image))
    },
    "ten_crop": { image, arguments in
      let size = arguments["size"]?.ints ?? []
      return .images(TenCrop(size[0], size[1])(image))
    },
    "adjust_brightness": { image, arguments in .images([image.adjustingBrightness(by: factor(arguments))]) },
    "adjust_contrast": { image, arguments in .images([image.adjustingContrast(by: factor(arguments))]) },
    "adjust_saturation": { image, arguments in .images([image.adjustingSaturation(by: factor(arguments))]) },
    "adjust_sharpness": { image, arguments in .images([image.adjustingSharpness(by: factor(arguments))]) },
    "adjust_hue": { image, arguments in .images([image.adjustingHue(by: factor(arguments))]) },
    "adjust_gamma": { image, arguments in
      let gamma = arguments["gamma"]?.double ?? 0
      return .images([image.adjustingGamma(gamma, gain: arguments["gain"]?.double ?? 1)])
    },
    "color_jitter_sequence": { image, arguments in
      let steps = arguments["steps"]?.elements.map(\.elements) ?? []
      return .images([
        try steps.reduce(image) { image, step in
          switch step[0].string {
          case "brightness": image.adjustingBrightness(by: step[1].double)
          case "contrast": image.adjustingContrast(by: step[1].double)
          case "saturation": image.adjustingSaturation(by: step[1].double)
          default: try #require(step[0].string == "hue" ? image.adjustingHue(by: step[1].double) : nil)
          }
        }
      ])
    },
    "invert": { image, _ in .images([image.inverted()]) },
    "equalize": { image, _ in .images([image.equalized()]) },
    "autocontrast": { image, _ in .images([image.autocontrasted()]) },
    "posterize": { image, arguments in .images([image.posterized(bits: arguments["bits"]?.int ?? 0)]) },
    "solarize": { image, arguments in
      .images([image.solarized(threshold: arguments["threshold"]?.double ?? 0)])
    },
    "rotate": { image, arguments in
      .images([
        image.rotated(
          by: arguments["angle"]?.double ?? 0, interpolation: try interpolation(arguments),
          expand: arguments["expand"]?.bool ?? false, center: pair(arguments["center"]), fill: fill(arguments)
        )
      ])
    },
    "affine": { image, arguments in
      .images([
        image.affine(
          angle: arguments["angle"]?.double ?? 0, translate: try #require(pair(arguments["translate"])),
          scale: arguments["scale"]?.double ?? 1, shear: try #require(pair(arguments["shear"])),
          interpolation: try interpolation(arguments), fill: fill(arguments))
      ])
    },
    "gaussian_blur_tensor": { image, arguments in
      let (size, sigma) = (arguments["kernel_size"]?.ints ?? [], arguments["sigma"]?.doubles ?? [])
      return .tensor(
        ToTensor()(image).gaussianBlurred(kernelSize: (size[1], size[0]), sigma: (sigma[1], sigma[0])))
    },
    "resize_tensor": { image, arguments in
      .tensor(
        ToTensor()(image).unsqueeze(0).interpolate(
          size: arguments["size"]?.ints,
          mode: try #require(Tensor.InterpolationMode(rawValue: arguments["interpolation"]?.string ?? "")),
          antialias: arguments["antialias"]?.bool ?? false
        ).squeeze(0))
    },
    "to_tensor": { image, _ in .tensor(ToTensor()(image)) },
    "normalize": { image, arguments in
      let normalize = Normalize(
        mean: arguments["mean"]?.doubles.map { Float($0) } ?? [],
        std: arguments["std"]?.doubles.map { Float($0) } ?? [])
      return .tensor(
        Compose {
          ToTensor(); normalize
        }(image))
    },
    "imagenet_eval": { image, arguments in
      let transform = Compose {
        Resize(arguments["resize"]?.int ?? 0)
        CenterCrop(arguments["crop"]?.int ?? 0)
        ToTensor()
        Normalize.imageNet
      }
      return .tensor(transform(image))
    },
  ]

  static func factor(_ arguments: [String: JSONValue]) -> Double { arguments["factor"]?.double ?? 0 }

  static func pair(_ value: JSONValue?) -> (x: Double, y: Double)? {
    (value?.doubles).map { ($0[0], $0[1]) }
  }

  static func fill(_ arguments: [String: JSONValue]) -> [UInt8] {
    arguments["fill"]?.ints.map { UInt8($0) } ?? [0]
  }

  static func interpolation(_ arguments: [String: JSONValue]) throws -> InterpolationMode {
    try #require(InterpolationMode(rawValue: arguments["interpolation"]?.string ?? "bilinear"))
  }

  static func resize(_ arguments: [String: JSONValue]) throws -> Resize {
    let mode = try interpolation(arguments)
    let size = arguments["size"]?.ints ?? []
    if size.count == 2 { return Resize(size[0], size[1], interpolation: mode) }
    return Resize(size[0], maxSize: arguments["max_size"]?.int, interpolation: mode)
  }

  static func pad(_ arguments: [String: JSONValue]) -> Pad {
    let mode: Image.PaddingMode
    switch arguments["padding_mode"]?.string ?? "constant" {
    case "edge": mode = .edge
    case "reflect": mode = .reflect
    case "symmetric": mode = .symmetric
    default: mode = .constant(arguments["fill"]?.ints.map { UInt8($0) } ?? [0])
    }
    let widths = arguments["padding"]?.ints ?? []
    switch widths.count {
    case 1: return Pad(widths[0], mode: mode)
    case 2: return Pad(left: widths[0], top: widths[1], right: widths[0], bottom: widths[1], mode: mode)
    default: return Pad(left: widths[0], top: widths[1], right: widths[2], bottom: widths[3], mode: mode)
    }
  }

  @Test(arguments: group.cases)
  func matchesTorchvision(_ fixture: FixtureCase) throws {
    let operation = try #require(Self.table[fixture.operation])
    let source = Image(Self.group.tensors.tensor("image/\(try #require(fixture.entry["image"]?.string))"))
    switch try operation(source, fixture.kwargs) {
    case .images(let images):
      try #require(images.count == fixture.outputNames.count)
      // With ten outputs the names are out of order as text.
      for (name, image) in zip(images.count == 1 ? ["out"] : images.indices.map { "out\($0)" }, images) {
        try check(image, name, fixture)
      }
    case .tensor(let tensor):
      if fixture.hasStored("out") {
        let failures = tensorDifferences(
          tensor, fixture.stored("out"), relativeTolerance: 0, absoluteTolerance: 1e-6)
        #expect(failures.isEmpty, "\(failures)")
      } else {
        let rows = try #require(fixture.entry["outputs"]?["out"]?["rows"]?.ints)
        let got = stack(rows.map { tensor.select(1, index: $0) }, axis: 1)
        let failures = tensorDifferences(
          got, fixture.stored("out.rows"), relativeTolerance: 0, absoluteTolerance: 1e-6)
        #expect(failures.isEmpty, "\(failures)")
      }
    }
  }

  private func check(_ image: Image, _ name: String, _ fixture: FixtureCase) throws {
    let expected = try #require(fixture.entry["outputs"]?[name])
    let shape = try #require(expected["shape"]?.ints)
    #expect([image.height, image.width, image.channels] == (shape.count == 2 ? shape + [1] : shape))
    if let digest = expected["sha256"]?.string {
      #expect(try sha256(image) == digest)
    } else {
      #expect(image.pixels == fixture.stored(name).array(of: UInt8.self))
    }
  }

  @Test func coversAllCases() {
    #expect(Self.group.cases.count == 180)
    #expect(Self.group.cases.allSatisfy { Self.table[$0.operation] != nil })
  }
}
