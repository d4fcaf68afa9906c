import NNCore

/// The settings of ``MaxPool1d`` and ``MaxPool2d``.
public class MaxPooling<Size: SpatialSize>: Module {
  public let kernelSize: Size
  public let stride: Size
  public let padding: Size
  public let dilation: Size
  public let ceilMode: Bool

  /// - Parameters:
  ///   - stride: distance of the windows; the kernel size if nil.
  ///   - padding: places at either end (rows and columns around an image) that never win.
  ///   - ceilMode: also takes a last window that hangs over the edge.
  public init(
    kernelSize: Size, stride: Size? = nil, padding: Size = 0, dilation: Size = 1, ceilMode: Bool = false
  ) {
    self.kernelSize = kernelSize
    self.stride = stride ?? kernelSize
    self.padding = padding
    self.dilation = dilation
    self.ceilMode = ceilMode
  }

  public override var extraDescription: String {
    "kernelSize: \(kernelSize), stride: \(stride), padding: \(padding), ceilMode: \(ceilMode)"
  }
}

/// Greatest element of each window of images [N, C, H, W] (or one [C, H, W]); as `torch.nn.MaxPool2d`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
public final class MaxPool2d: MaxPooling<Size2>, Layer {
  public func forward(_ x: Tensor) -> Tensor {
    x.maxPool2d(
      kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
  }
}

/// Greatest element of each window of sequences [N, C, L] (or one [C, L]); as `torch.nn.MaxPool1d`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool1d.html
public final class MaxPool1d: MaxPooling<Int>, Layer {
  public func forward(_ x: Tensor) -> Tensor {
    x.maxPool1d(
      kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
  }
}

/// The settings of ``AvgPool1d`` and ``AvgPool2d``.
public class AveragePooling<Size: SpatialSize>: Module {
  public let kernelSize: Size
  public let stride: Size
  public let padding: Size
  public let ceilMode: Bool
  public let countIncludePad: Bool
  public let divisorOverride: Int?

  /// - Parameters:
  ///   - stride: distance of the windows; the kernel size if nil.
  ///   - padding: zeros at either end (around an image).
  ///   - ceilMode: also takes a last window that hangs over the edge.
  ///   - countIncludePad: whether the zeros count as elements.
  ///   - divisorOverride: divides each sum by this instead of by a number of elements.
  public init(
    kernelSize: Size, stride: Size? = nil, padding: Size = 0, ceilMode: Bool = false,
    countIncludePad: Bool = true, divisorOverride: Int? = nil
  ) {
    self.kernelSize = kernelSize
    self.stride = stride ?? kernelSize
    self.padding = padding
    self.ceilMode = ceilMode
    self.countIncludePad = countIncludePad
    self.divisorOverride = divisorOverride
  }

  public override var extraDescription: String {
    "kernelSize: \(kernelSize), stride: \(stride), padding: \(padding), ceilMode: \(ceilMode)"
  }
}

/// Average of each window of images [N, C, H, W] (or one [C, H, W]); as `torch.nn.AvgPool2d`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
public final class AvgPool2d: AveragePooling<Size2>, Layer {
  public func forward(_ x: Tensor) -> Tensor {
    x.avgPool2d(
      kernelSize: kernelSize, stride: stride, padding: padding, ceilMode: ceilMode,
      countIncludePad: countIncludePad, divisorOverride: divisorOverride)
  }
}

/// Average of each window of sequences [N, C, L] (or one [C, L]); as `torch.nn.AvgPool1d`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool1d.html
public final class AvgPool1d: AveragePooling<Int>, Layer {
  public func forward(_ x: Tensor) -> Tensor {
    x.avgPool1d(
      kernelSize: kernelSize, stride: stride, padding: padding, ceilMode: ceilMode,
      countIncludePad: countIncludePad, divisorOverride: divisorOverride)
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
