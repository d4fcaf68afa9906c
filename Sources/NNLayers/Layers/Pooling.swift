import NNCore

/// Greatest element of each window of images [N, C, H, W] (or one [C, H, W]); as `torch.nn.MaxPool2d`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
public final class MaxPool2d: Module, Layer {
  public let kernelSize: Size2
  public let stride: Size2
  public let padding: Size2
  public let dilation: Size2
  public let ceilMode: Bool

  /// - Parameters:
  ///   - stride: distance of the windows; the kernel size if nil.
  ///   - padding: rows and columns around the image that never win.
  ///   - ceilMode: also takes a last window that hangs over the edge.
  public init(
    kernelSize: Size2, stride: Size2? = nil, padding: Size2 = 0, dilation: Size2 = 1, ceilMode: Bool = false
  ) {
    self.kernelSize = kernelSize
    self.stride = stride ?? kernelSize
    self.padding = padding
    self.dilation = dilation
    self.ceilMode = ceilMode
  }

  public func forward(_ x: Tensor) -> Tensor {
    x.maxPool2d(
      kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
  }
  public override var extraDescription: String {
    "kernelSize: \(kernelSize), stride: \(stride), padding: \(padding), ceilMode: \(ceilMode)"
  }
}

/// Greatest element of each window of sequences [N, C, L] (or one [C, L]); as `torch.nn.MaxPool1d`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool1d.html
public final class MaxPool1d: Module, Layer {
  public let kernelSize: Int
  public let stride: Int
  public let padding: Int
  public let dilation: Int
  public let ceilMode: Bool

  /// See ``MaxPool2d``.
  public init(
    kernelSize: Int, stride: Int? = nil, padding: Int = 0, dilation: Int = 1, ceilMode: Bool = false
  ) {
    self.kernelSize = kernelSize
    self.stride = stride ?? kernelSize
    self.padding = padding
    self.dilation = dilation
    self.ceilMode = ceilMode
  }

  public func forward(_ x: Tensor) -> Tensor {
    x.maxPool1d(
      kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
  }
  public override var extraDescription: String {
    "kernelSize: \(kernelSize), stride: \(stride), padding: \(padding), ceilMode: \(ceilMode)"
  }
}

/// Average of each window of images [N, C, H, W] (or one [C, H, W]); as `torch.nn.AvgPool2d`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
public final class AvgPool2d: Module, Layer {
  public let kernelSize: Size2
  public let stride: Size2
  public let padding: Size2
  public let ceilMode: Bool
  public let countIncludePad: Bool
  public let divisorOverride: Int?

  /// - Parameters:
  ///   - stride: distance of the windows; the kernel size if nil.
  ///   - padding: zeros around the image.
  ///   - ceilMode: also takes a last window that hangs over the edge.
  ///   - countIncludePad: whether the zeros count as elements.
  ///   - divisorOverride: divides each sum by this instead of by a number of elements.
  public init(
    kernelSize: Size2, stride: Size2? = nil, padding: Size2 = 0, ceilMode: Bool = false,
    countIncludePad: Bool = true, divisorOverride: Int? = nil
  ) {
    self.kernelSize = kernelSize
    self.stride = stride ?? kernelSize
    self.padding = padding
    self.ceilMode = ceilMode
    self.countIncludePad = countIncludePad
    self.divisorOverride = divisorOverride
  }

  public func forward(_ x: Tensor) -> Tensor {
    x.avgPool2d(
      kernelSize: kernelSize, stride: stride, padding: padding, ceilMode: ceilMode,
      countIncludePad: countIncludePad, divisorOverride: divisorOverride)
  }
  public override var extraDescription: String {
    "kernelSize: \(kernelSize), stride: \(stride), padding: \(padding), ceilMode: \(ceilMode)"
  }
}

/// Average of each window of sequences [N, C, L] (or one [C, L]); as `torch.nn.AvgPool1d`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool1d.html
public final class AvgPool1d: Module, Layer {
  public let kernelSize: Int
  public let stride: Int
  public let padding: Int
  public let ceilMode: Bool
  public let countIncludePad: Bool

  /// See ``AvgPool2d``.
  public init(
    kernelSize: Int, stride: Int? = nil, padding: Int = 0, ceilMode: Bool = false,
    countIncludePad: Bool = true
  ) {
    self.kernelSize = kernelSize
    self.stride = stride ?? kernelSize
    self.padding = padding
    self.ceilMode = ceilMode
    self.countIncludePad = countIncludePad
  }

  public func forward(_ x: Tensor) -> Tensor {
    x.avgPool1d(
      kernelSize: kernelSize, stride: stride, padding: padding, ceilMode: ceilMode,
      countIncludePad: countIncludePad)
  }
  public override var extraDescription: String {
    "kernelSize: \(kernelSize), stride: \(stride), padding: \(padding), ceilMode: \(ceilMode)"
  }
}

/// Averages over `outputSize` windows that share the image out as evenly as possible, whatever its size; as
/// `torch.nn.AdaptiveAvgPool2d`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html
public final class AdaptiveAvgPool2d: Module, Layer {
  public let outputSize: Size2

  public init(_ outputSize: Size2) { self.outputSize = outputSize }

  public func forward(_ x: Tensor) -> Tensor { x.adaptiveAvgPool2d(outputSize: outputSize) }
  public override var extraDescription: String { "\(outputSize)" }
}

/// Greatest elements of `outputSize` windows that share the image out as evenly as possible, whatever its size; as
/// `torch.nn.AdaptiveMaxPool2d`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool2d.html
public final class AdaptiveMaxPool2d: Module, Layer {
  public let outputSize: Size2

  public init(_ outputSize: Size2) { self.outputSize = outputSize }

  public func forward(_ x: Tensor) -> Tensor { x.adaptiveMaxPool2d(outputSize: outputSize) }
  public override var extraDescription: String { "\(outputSize)" }
}
