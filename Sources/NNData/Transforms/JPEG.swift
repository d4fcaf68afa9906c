import NNCore

/// What JPEG leaves of an image at a random quality, `torchvision.transforms.v2.JPEG`.
public struct JPEG: Transform, Hashable {
  private let quality: ClosedRange<Int>

  /// - Parameter quality: to draw from, within 1...100; less is coarser.
  public init(quality: ClosedRange<Int>) {
    require(
      quality.lowerBound >= 1 && quality.upperBound <= 100, "JPEG",
      "expected qualities in 1...100, got \(quality)")
    self.quality = quality
  }

  public func callAsFunction(_ image: Image, context: SampleContext) -> Image {
    let quality = context.generator.randint(quality.lowerBound, quality.upperBound + 1)
    return JPEGFile.roundTrip(image, quality: quality)
  }
  public var isDeterministic: Bool { false }
  public var description: String { "JPEG(quality: \(quality))" }
}
