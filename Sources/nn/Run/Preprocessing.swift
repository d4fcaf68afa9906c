import NNCore
import NNData
import NNFiles
import NNModels

/// How a file becomes the input of a network: everything of it, as it stands beside a saved model.
struct Preprocessing: Codable, Equatable {
  /// What `resize` is.
  enum Fit: String, Codable {
    /// Height and width, whatever the image's proportions.
    case stretch
    /// The shorter side; the middle `crop` x `crop` pixels of that are taken.
    case shorterSide
  }

  var fit = Fit.stretch
  var resize: Int
  var crop: Int
  var interpolation = InterpolationMode.bilinear.rawValue
  /// Of the network's input: 3, or 1 for grey images.
  var channels = 3
  var mean: [Float] = [0, 0, 0]
  var std: [Float] = [1, 1, 1]
  /// Whether photos are turned upright as their camera noted.
  var orientation = Image.Orientation.apply.rawValue
  var decoding = Image.Decoding.exact.rawValue

  /// Every image stretched to a square.
  init(size: Int, normalize: Bool) {
    (resize, crop) = (size, size)
    if normalize { (mean, std) = (ImageClassification().mean, ImageClassification().std) }
  }

  /// What published weights want.
  init(_ preset: ImageClassification) {
    (fit, resize, crop) = (.shorterSide, preset.resize, preset.crop)
    interpolation = preset.interpolation.rawValue
    (mean, std) = (preset.mean, preset.std)
  }

  /// What a model of a hub wants.
  init(_ preparation: HubModel.ImagePreparation) {
    self.init(preparation.transforms)
    if preparation.stretches { fit = .stretch }
  }

  private enum CodingKeys: String, CodingKey {
    case fit, resize, crop, interpolation, channels, mean, std, orientation, decoding
  }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    // Files of the first format know presets of weights only, and decode photos as they lie.
    fit = try values.decodeIfPresent(Fit.self, forKey: .fit) ?? .shorterSide
    resize = try values.decode(Int.self, forKey: .resize)
    crop = try values.decode(Int.self, forKey: .crop)
    interpolation = try values.decode(String.self, forKey: .interpolation)
    channels = try values.decodeIfPresent(Int.self, forKey: .channels) ?? 3
    mean = try values.decode([Float].self, forKey: .mean)
    std = try values.decode([Float].self, forKey: .std)
    orientation =
      try values.decodeIfPresent(String.self, forKey: .orientation) ?? Image.Orientation.ignore.rawValue
    decoding = try values.decodeIfPresent(String.self, forKey: .decoding) ?? Image.Decoding.exact.rawValue
  }

  /// Sides of images that a network is given, in pixels.
  static let sizes = 1...10_000

  /// What is wrong with values from a file, nil if nothing is.
  var problem: String? {
    if !Self.sizes.contains(resize) || !Self.sizes.contains(crop) {
      return "expected a preprocessing with sizes in \(Self.sizes), found resize \(resize) and crop \(crop)"
    }
    if InterpolationMode(rawValue: interpolation) == nil {
      return "expected a known interpolation, found \(quoted(interpolation))"
    }
    if channels != 1 && channels != 3 { return "expected 1 or 3 channels, found \(channels)" }
    let isFinite = (mean + std).allSatisfy(\.isFinite)
    if mean.count != channels || std.count != channels || !isFinite || !std.allSatisfy({ $0 > 0 }) {
      return
        "expected \(channels) means and positive deviations, found \(mean.prefix(9)) and \(std.prefix(9))"
    }
    if Image.Orientation(rawValue: orientation) == nil {
      return "expected a known treatment of orientation, found \(quoted(orientation))"
    }
    if Image.Decoding(rawValue: decoding) == nil {
      return "expected a known way of decoding, found \(quoted(decoding))"
    }
    return nil
  }

  /// Mean and deviation that pixels are normalised with, nil for none.
  var normalize: Normalize? {
    mean.allSatisfy { $0 == 0 } && std.allSatisfy { $0 == 1 } ? nil : Normalize(mean: mean, std: std)
  }

  /// - Precondition: there is no `problem`.
  var transform: any Transform<Image, Tensor> {
    let mode = InterpolationMode(rawValue: interpolation) ?? .bilinear
    if channels == 1 { return greyTransform(mode) }
    if fit == .shorterSide {
      return ImageClassification(crop: crop, resize: resize, interpolation: mode, mean: mean, std: std)
    }
    guard let normalize else {
      return Compose {
        Resize(resize, resize, interpolation: mode)
        ToTensor()
      }
    }
    return Compose {
      Resize(resize, resize, interpolation: mode)
      ToTensor()
      normalize
    }
  }

  private func greyTransform(_ mode: InterpolationMode) -> any Transform<Image, Tensor> {
    let normalize = Normalize(mean: mean, std: std)
    guard fit == .shorterSide else {
      return Compose {
        Resize(resize, resize, interpolation: mode)
        Grayscale()
        ToTensor()
        normalize
      }
    }
    return Compose {
      Resize(resize, interpolation: mode)
      CenterCrop(crop)
      Grayscale()
      ToTensor()
      normalize
    }
  }

  /// The same for a network that is given images of other channels: for grey ones the mean of all channels' numbers.
  func of(channels count: Int) -> Preprocessing {
    if count == channels { return self }
    func perChannel(_ values: [Float]) -> [Float] {
      Array(repeating: values.reduce(0, +) / Float(values.count), count: count)
    }
    var result = self
    (result.channels, result.mean, result.std) = (count, perChannel(mean), perChannel(std))
    return result
  }

  /// The same for a network that is given images of another size.
  func scaled(to size: Int) -> Preprocessing {
    var result = self
    (result.resize, result.crop) = (max(size, resize * size / crop), size)
    return result
  }

  /// The picture that an input [C, H, W] was made of, as far as it is known.
  func picture(of input: Tensor) -> Image {
    func channels(_ values: [Float]) -> Tensor { Tensor(values).reshape([values.count, 1, 1]) }
    let values = (input * channels(std) + channels(mean)).clamp(min: 0, max: 1) * 255
    return Image(values.round().to(.uint8).permute(1, 2, 0).contiguous())
  }

  /// The image of a file.
  func image(_ path: String, in tree: FileTree) throws -> Image {
    let reading = Image.Reading(
      orientation: Image.Orientation(rawValue: orientation) ?? .apply,
      decoding: Image.Decoding(rawValue: decoding) ?? .exact)
    return try Image(path, in: tree, reading: reading, for: transform)
  }
}
