import NNCore

/// Resamples the dimensions behind the first two to a size or by a factor; as `torch.nn.Upsample`. See
/// `Tensor.interpolate`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Upsample.html
public final class Upsample: Module, Layer {
  public let size: [Int]?
  public let scaleFactor: [Double]?
  public let mode: Tensor.InterpolationMode
  public let alignCorners: Bool

  /// - Parameters:
  ///   - size: sizes of the result, one per resampled dimension (or one for all).
  ///   - scaleFactor: factors instead.
  public init(
    size: [Int]? = nil, scaleFactor: [Double]? = nil, mode: Tensor.InterpolationMode = .nearest,
    alignCorners: Bool = false
  ) {
    require((size == nil) != (scaleFactor == nil), "Upsample", "needs either a size or a scaleFactor")
    self.size = size
    self.scaleFactor = scaleFactor
    self.mode = mode
    self.alignCorners = alignCorners
  }

  /// One factor for all dimensions.
  public convenience init(
    scaleFactor: Double, mode: Tensor.InterpolationMode = .nearest, alignCorners: Bool = false
  ) {
    self.init(scaleFactor: [scaleFactor], mode: mode, alignCorners: alignCorners)
  }

  public func forward(_ x: Tensor) -> Tensor {
    x.interpolate(size: size, scaleFactor: scaleFactor, mode: mode, alignCorners: alignCorners)
  }
  public override var extraDescription: String {
    (size.map { "size: \($0)" } ?? "scaleFactor: \(scaleFactor ?? [])") + ", mode: \(mode)"
  }
}

/// [N, C · r², H, W] as [N, C, H · r, W · r]; as `torch.nn.PixelShuffle` (Shi et al., 2016).
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.PixelShuffle.html
public final class PixelShuffle: Module, Layer {
  public let upscaleFactor: Int

  public init(_ upscaleFactor: Int) { self.upscaleFactor = upscaleFactor }

  public func forward(_ x: Tensor) -> Tensor { x.pixelShuffle(upscaleFactor: upscaleFactor) }
  public override var extraDescription: String { "\(upscaleFactor)" }
}

/// The inverse of ``PixelShuffle``; as `torch.nn.PixelUnshuffle`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.PixelUnshuffle.html
public final class PixelUnshuffle: Module, Layer {
  public let downscaleFactor: Int

  public init(_ downscaleFactor: Int) { self.downscaleFactor = downscaleFactor }

  public func forward(_ x: Tensor) -> Tensor { x.pixelUnshuffle(downscaleFactor: downscaleFactor) }
  public override var extraDescription: String { "\(downscaleFactor)" }
}

/// The channels of [N, C, …] dealt out over groups; as `torch.nn.ChannelShuffle` (Zhang et al., 2018).
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ChannelShuffle.html
public final class ChannelShuffle: Module, Layer {
  public let groups: Int

  public init(_ groups: Int) { self.groups = groups }

  public func forward(_ x: Tensor) -> Tensor { x.channelShuffle(groups: groups) }
  public override var extraDescription: String { "\(groups)" }
}
