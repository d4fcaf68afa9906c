import NNCore
import NNData
import TestSupport

/// What a transform gives.
enum TransformResult {
  case images([Image])
  case tensor(Tensor)
}

private typealias Operation = @Sendable (Image, Arguments) throws -> TransformResult

private func image(_ body: @escaping @Sendable (Image, Arguments) throws -> Image) -> Operation {
  { .images([try body($0, $1)]) }
}

private func tensor(_ body: @escaping @Sendable (Tensor, Arguments) throws -> Tensor) -> Operation {
  { .tensor(try body(ToTensor()($0), $1)) }
}

/// Transforms by torchvision's names, with the arguments of `torchvision.transforms.functional`.
let transformFixtures: [String: @Sendable (Image, Arguments) throws -> TransformResult] = [
  "resize": image { try resize($1)($0) },
  "center_crop": image { image, a in
    let size = try a.size("size")
    return CenterCrop(size.height, size.width)(image)
  },
  "crop": image { image, a in
    try image.cropped(
      top: a.int("top"), left: a.int("left"), height: positive("height", a), width: positive("width", a))
  },
  "hflip": image { image, _ in image.flippedHorizontally() },
  "vflip": image { image, _ in image.flippedVertically() },
  "pad": image { try pad($1)($0) },
  "grayscale": image { image, a in try Grayscale(channels: a.int("num_output_channels", 1))(image) },
  "resized_crop": image { image, a in
    // Images are always antialiased.
    a.ignore("antialias")
    let size = try a.size("size")
    return try image.resizedCrop(
      top: a.int("top"), left: a.int("left"), height: positive("height", a), width: positive("width", a),
      size: (size.height, size.width), interpolation: interpolation(a, "bilinear"))
  },
  "five_crop": { image, a in
    let size = try a.size("size")
    return .images(FiveCrop(size.height, size.width)(image))
  },
  "ten_crop": { image, a in
    let size = try a.size("size")
    return try .images(TenCrop(size.height, size.width, verticalFlip: a.bool("vertical_flip"))(image))
  },
  "adjust_brightness": image { image, a in try image.adjustingBrightness(by: a.double("factor")) },
  "adjust_contrast": image { image, a in try image.adjustingContrast(by: a.double("factor")) },
  "adjust_saturation": image { image, a in try image.adjustingSaturation(by: a.double("factor")) },
  "adjust_sharpness": image { image, a in try image.adjustingSharpness(by: a.double("factor")) },
  "adjust_hue": image { image, a in try image.adjustingHue(by: a.double("factor")) },
  "adjust_gamma": image { image, a in try image.adjustingGamma(a.double("gamma"), gain: a.double("gain", 1))
  },
  "color_jitter_sequence": image { image, a in
    try a.elements("steps").reduce(image) { image, step in
      guard let factor = step[1]?.double else { throw FixtureError("argument steps: no factor in \(step)") }
      switch step[0]?.string {
      case "brightness": return image.adjustingBrightness(by: factor)
      case "contrast": return image.adjustingContrast(by: factor)
      case "saturation": return image.adjustingSaturation(by: factor)
      case "hue": return image.adjustingHue(by: factor)
      case "sharpness": return image.adjustingSharpness(by: factor)
      case "gamma": return image.adjustingGamma(factor)
      default: throw FixtureError("argument steps: \(step) is not supported")
      }
    }
  },
  "invert": image { image, _ in image.inverted() },
  "equalize": image { image, _ in image.equalized() },
  "autocontrast": image { image, _ in image.autocontrasted() },
  "posterize": image { image, a in try image.posterized(bits: a.int("bits")) },
  "solarize": image { image, a in try image.solarized(threshold: a.double("threshold")) },
  "rotate": image { image, a in
    try image.rotated(
      by: a.double("angle"), interpolation: interpolation(a, "nearest"), expand: a.bool("expand"),
      center: center(a), fill: fill(a))
  },
  "affine": image { image, a in
    let shift = try a.doubles("translate", count: 2)
    let shear = try a.doubles("shear")
    // One number leans along x alone, a list of one along both axes.
    let isNumber = a.value("shear")?.double != nil
    return try image.affine(
      angle: a.double("angle"), translate: (shift[0], shift[1]), scale: a.double("scale"),
      shear: (shear[0], isNumber ? 0 : shear[shear.count - 1]), interpolation: interpolation(a, "nearest"),
      fill: fill(a), center: center(a))
  },
  "gaussian_blur_tensor": tensor { x, a in
    // Both lists begin with the width.
    let size = try a.ints("kernel_size")
    guard let width = size.first, let height = size.last, size.count <= 2 else {
      throw FixtureError("argument kernel_size: expected one size or two, found \(size)")
    }
    let sigma = try a.optionalDoubles("sigma") ?? [width, height].map { Double($0) * 0.15 + 0.35 }
    guard let first = sigma.first, let last = sigma.last, sigma.count <= 2 else {
      throw FixtureError("argument sigma: expected one number or two, found \(sigma)")
    }
    return x.gaussianBlurred(kernelSize: (height, width), sigma: (last, first))
  },
  "resize_tensor": tensor { x, a in
    let modes: [String: Tensor.InterpolationMode] = [
      "nearest": .nearest, "bilinear": .bilinear, "bicubic": .bicubic,
    ]
    let mode = try a.choice("interpolation", "bilinear", modes)
    let antialias = try a.bool("antialias", true) && mode != .nearest
    let size = try outputSize(a, height: x.shape[1], width: x.shape[2])
    return x.unsqueeze(0).interpolate(size: size, mode: mode, antialias: antialias).squeeze(0)
  },
  "to_tensor": tensor { x, _ in x },
  "normalize": tensor { x, a in
    a.ignore("inplace")
    return try Normalize(mean: a.doubles("mean").map { Float($0) }, std: a.doubles("std").map { Float($0) })(
      x)
  },
  "imagenet_eval": { image, a in
    let (resize, crop) = try (a.ints("resize"), a.size("crop"))
    let transform = Compose {
      resize.count == 2 ? Resize(resize[0], resize[1]) : Resize(resize.first ?? 0)
      CenterCrop(crop.height, crop.width)
      ToTensor()
      Normalize.imageNet
    }
    return .tensor(transform(image))
  },
]

private func positive(_ name: String, _ a: Arguments) throws -> Int {
  let value = try a.int(name)
  guard value > 0 else { throw FixtureError("argument \(name): expected a size above 0, found \(value)") }
  return value
}

private func interpolation(_ a: Arguments, _ fallback: String) throws -> InterpolationMode {
  let modes = InterpolationMode.allCases.map { ($0.rawValue, $0) }
  return try a.choice("interpolation", fallback, Dictionary(uniqueKeysWithValues: modes))
}

private func center(_ a: Arguments) throws -> (x: Double, y: Double)? {
  guard a.value("center") != nil else { return nil }
  let values = try a.doubles("center", count: 2)
  return (values[0], values[1])
}

private func fill(_ a: Arguments) throws -> [UInt8] {
  try (a.optionalInts("fill") ?? [0]).map { value in
    guard let byte = UInt8(exactly: value) else {
      throw FixtureError("argument fill: expected 0...255, found \(value)")
    }
    return byte
  }
}

private func resize(_ a: Arguments) throws -> Resize {
  a.ignore("antialias")
  let mode = try interpolation(a, "bilinear")
  let size = try a.ints("size")
  if size.count == 2 { return Resize(size[0], size[1], interpolation: mode) }
  guard size.count == 1 else { throw FixtureError("argument size: expected one or two, found \(size)") }
  return try Resize(size[0], maxSize: a.optionalInt("max_size"), interpolation: mode)
}

/// Height and width: those given, or the shorter side and the other in proportion.
private func outputSize(_ a: Arguments, height: Int, width: Int) throws -> [Int] {
  let size = try a.ints("size")
  if size.count == 2 { return size }
  guard size.count == 1 else { throw FixtureError("argument size: expected one or two, found \(size)") }
  var (short, long) = (size[0], size[0] * max(height, width) / min(height, width))
  if let most = try a.optionalInt("max_size"), long > most {
    (short, long) = (most * short / long, most)
  }
  return height <= width ? [short, long] : [long, short]
}

private func pad(_ a: Arguments) throws -> Pad {
  let color = try fill(a)
  let mode = try a.choice(
    "padding_mode", "constant",
    [
      "constant": Image.PaddingMode.constant(color), "edge": .edge, "reflect": .reflect,
      "symmetric": .symmetric,
    ])
  let widths = try a.ints("padding")
  switch widths.count {
  case 1: return Pad(widths[0], mode: mode)
  case 2: return Pad(left: widths[0], top: widths[1], right: widths[0], bottom: widths[1], mode: mode)
  case 4: return Pad(left: widths[0], top: widths[1], right: widths[2], bottom: widths[3], mode: mode)
  default: throw FixtureError("argument padding: expected 1, 2 or 4 widths, found \(widths)")
  }
}
