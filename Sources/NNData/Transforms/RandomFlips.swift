import NNCore

/// Left and right exchanged with probability `p`, `torchvision.transforms.RandomHorizontalFlip`.
public struct RandomHorizontalFlip: Transform, ImageStage, Hashable {
  private let p: Double

  public init(p: Double = 0.5) { self.p = checkedProbability(p, "RandomHorizontalFlip") }

  func noted(on view: ImageView, context: SampleContext) -> ImageView {
    context.generator.happens(p) ? view.mirrored() : view
  }
  public var isDeterministic: Bool { false }
  public var description: String { "RandomHorizontalFlip(p: \(p))" }
}

/// Top and bottom exchanged with probability `p`, `torchvision.transforms.RandomVerticalFlip`.
public struct RandomVerticalFlip: Transform, Hashable {
  private let p: Double

  public init(p: Double = 0.5) { self.p = checkedProbability(p, "RandomVerticalFlip") }

  public func callAsFunction(_ image: Image, context: SampleContext) -> Image {
    context.generator.happens(p) ? image.flippedVertically() : image
  }
  public var isDeterministic: Bool { false }
  public var description: String { "RandomVerticalFlip(p: \(p))" }
}

/// Gray in as many channels with probability `p`, `torchvision.transforms.RandomGrayscale`.
public struct RandomGrayscale: Transform, Hashable {
  private let p: Double

  public init(p: Double = 0.1) { self.p = checkedProbability(p, "RandomGrayscale") }

  public func callAsFunction(_ image: Image, context: SampleContext) -> Image {
    context.generator.happens(p) ? image.grayscale(channels: image.channels == 1 ? 1 : 3) : image
  }
  public var isDeterministic: Bool { false }
  public var description: String { "RandomGrayscale(p: \(p))" }
}

/// Another transform with probability `p`, `torchvision.transforms.RandomApply`:
///
///     RandomApply(p: 0.3) { ColorJitter(brightness: 0.4); GaussianBlur(3) }
public struct RandomApply<Chain: Transform>: Transform where Chain.Input == Chain.Output {
  private let chain: Chain
  private let p: Double

  public init(p: Double = 0.5, @TransformBuilder _ stages: () -> Chain) {
    chain = stages()
    self.p = checkedProbability(p, "RandomApply")
  }

  public func callAsFunction(_ input: Chain.Input, context: SampleContext) -> Chain.Input {
    Float(p) < context.generator.rand() ? input : chain(input, context: context)
  }
  public var isDeterministic: Bool { false }
  public var description: String { "RandomApply(p: \(p), \(chain))" }
}

func checkedProbability(_ p: Double, _ name: StaticString) -> Double {
  require(p >= 0 && p <= 1, name, "expected a probability in 0...1, got \(p)")
  return p
}

extension Generator {
  /// True with probability `p`, as `torch.rand(1) < p`.
  func happens(_ p: Double) -> Bool { rand() < Float(p) }
}
