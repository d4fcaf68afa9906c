import NNCore
import NNData

/// Random changes of training images, from weak to strong.
enum AugmentName: String, SettingChoice { case none, light, strong, randaugment, trivialaugment }

extension RunConfiguration {
  /// What is done to training images in place of the preprocessing, nil for no more than that.
  func augmented(_ preprocessing: Preprocessing) -> (any Transform<Image, Tensor>)? {
    let (side, normalize) = (preprocessing.crop, preprocessing.normalize)
    let mode = InterpolationMode(rawValue: preprocessing.interpolation) ?? .bilinear
    // The strong one is ImageNet's usual crop, within bounds that leave the object in the picture.
    let scale = augment == .strong ? 0.35...1 : 0.7...1
    let crop = Compose {
      RandomResizedCrop(side, scale: scale, interpolation: mode)
      RandomHorizontalFlip()
    }
    var result: any Transform<Image, Tensor>
    switch augment {
    case .none where erase == 0: return nil
    case .none: result = preprocessing.transform
    case .light:
      result = Compose {
        crop; ToTensor()
      }
    case .strong:
      result = Compose {
        crop; ColorJitter(brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1); ToTensor()
      }
    case .randaugment:
      result = Compose {
        crop; RandAugment(); ToTensor()
      }
    case .trivialaugment:
      result = Compose {
        crop; TrivialAugmentWide(); ToTensor()
      }
    }
    if augment != .none, let normalize { result = Self.chained(result, normalize) }
    return erase == 0 ? result : Self.chained(result, RandomErasing(p: erase))
  }

  private static func chained(
    _ first: some Transform<Image, Tensor>, _ second: some Transform<Tensor, Tensor>
  ) -> any Transform<Image, Tensor> {
    Compose {
      first; second
    }
  }

  /// What mixes the images of a batch, nil for nothing.
  func mixing(classes: Int) -> (any Transform<Sample, Sample>)? {
    switch (mixup, cutmix) {
    case (nil, nil): nil
    case (let alpha?, nil): MixUp(classes: classes, alpha: alpha)
    case (nil, let alpha?): CutMix(classes: classes, alpha: alpha)
    case (let mixup?, let cutmix?):
      EitherMixing(
        first: MixUp(classes: classes, alpha: mixup), second: CutMix(classes: classes, alpha: cutmix))
    }
  }

  /// The same run without random changes and with every image once, as measurements want it.
  var withoutAugmentation: RunConfiguration {
    var result = self
    (result.augment, result.erase, result.balance) = (.none, 0, .none)
    (result.mixup, result.cutmix) = (nil, nil)
    return result
  }
}

/// One of two ways to mix a batch, each with the same chance.
private struct EitherMixing: Transform {
  let first: MixUp
  let second: CutMix

  func callAsFunction(_ batch: Sample, context: SampleContext) -> Sample {
    context.generator.rand() < 0.5 ? first(batch, context: context) : second(batch, context: context)
  }
  var isDeterministic: Bool { false }
  var description: String { "\(first) or \(second)" }
}
