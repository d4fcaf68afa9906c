import Foundation
import NNCore

/// The operations that AutoAugment, RandAugment and TrivialAugmentWide choose from.
enum AugmentOperation: String, Sendable {
  case identity, shearX, shearY, translateX, translateY, rotate, brightness, color, contrast, sharpness
  case posterize, solarize, autoContrast, equalize, invert

  /// Whether the magnitude may be turned negative.
  var isSigned: Bool {
    switch self {
    case .shearX, .shearY, .translateX, .translateY, .rotate, .brightness, .color, .contrast, .sharpness: true
    case .identity, .posterize, .solarize, .autoContrast, .equalize, .invert: false
    }
  }

  func apply(_ image: Image, magnitude: Double, _ interpolation: InterpolationMode, fill: [UInt8]) -> Image {
    // The papers shear by the magnitude itself, torchvision's `affine` by an angle in degrees.
    func slant() -> Double { atan(magnitude) * (180 / Double.pi) }
    func affine(_ shift: (x: Double, y: Double), _ shear: (x: Double, y: Double), _ center: (Double, Double)?)
      -> Image
    {
      image.affine(translate: shift, shear: shear, interpolation: interpolation, fill: fill, center: center)
    }
    switch self {
    case .identity: return image
    case .shearX: return affine((0, 0), (slant(), 0), (0, 0))
    case .shearY: return affine((0, 0), (0, slant()), (0, 0))
    case .translateX: return affine((magnitude.rounded(.towardZero), 0), (0, 0), nil)
    case .translateY: return affine((0, magnitude.rounded(.towardZero)), (0, 0), nil)
    case .rotate: return image.rotated(by: magnitude, interpolation: interpolation, fill: fill)
    case .brightness: return image.adjustingBrightness(by: 1 + magnitude)
    case .color: return image.adjustingSaturation(by: 1 + magnitude)
    case .contrast: return image.adjustingContrast(by: 1 + magnitude)
    case .sharpness: return image.adjustingSharpness(by: 1 + magnitude)
    case .posterize: return image.posterized(bits: Int(magnitude))
    case .solarize: return image.solarized(threshold: magnitude)
    case .autoContrast: return image.autocontrasted()
    case .equalize: return image.equalized()
    case .invert: return image.inverted()
    }
  }
}

/// How strong each operation is, in steps.
struct AugmentMagnitudes {
  let bins: Int
  /// Largest shear.
  var shear = 0.3
  /// Largest shift in pixels to the right and down.
  var translate: (x: Double, y: Double)
  /// Largest angle in degrees.
  var rotate = 30.0
  /// Largest change of the factors of colour.
  var color = 0.9
  /// Bits that are taken away at most.
  var posterize = 4.0

  /// The strength of a step, or nil for an operation that has only one.
  func value(_ operation: AugmentOperation, step: Int) -> Double? {
    switch operation {
    case .shearX, .shearY: line(0, shear, step)
    case .translateX: line(0, translate.x, step)
    case .translateY: line(0, translate.y, step)
    case .rotate: line(0, rotate, step)
    case .brightness, .color, .contrast, .sharpness: line(0, color, step)
    case .posterize:
      Double(8 - (Float(step) / Float(Double(bins - 1) / posterize)).rounded(.toNearestOrEven))
    case .solarize: line(255, 0, step)
    case .identity, .autoContrast, .equalize, .invert: nil
    }
  }

  /// `torch.linspace` in float32: from both ends to the middle, each place with one rounding.
  func line(_ start: Double, _ end: Double, _ index: Int) -> Double {
    let (start, end) = (Float(start), Float(end))
    let step = (end - start) / Float(bins - 1)
    return Double(
      index < bins / 2
        ? start.addingProduct(step, Float(index)) : end.addingProduct(-step, Float(bins - index - 1)))
  }

  /// AutoAugment's and RandAugment's for an image.
  static func standard(bins: Int, for image: Image) -> AugmentMagnitudes {
    AugmentMagnitudes(
      bins: bins, translate: (150.0 / 331.0 * Double(image.width), 150.0 / 331.0 * Double(image.height)))
  }

  /// TrivialAugment's "wide" ones.
  static func wide(bins: Int) -> AugmentMagnitudes {
    AugmentMagnitudes(
      bins: bins, shear: 0.99, translate: (32, 32), rotate: 135, color: 0.99, posterize: 6)
  }
}

extension AugmentOperation {
  /// Those of RandAugment and TrivialAugmentWide, in the order of torchvision's table.
  static let choices: [AugmentOperation] = [
    .identity, .shearX, .shearY, .translateX, .translateY, .rotate, .brightness, .color, .contrast,
    .sharpness,
    .posterize, .solarize, .autoContrast, .equalize,
  ]
}
