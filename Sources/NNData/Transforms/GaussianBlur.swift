import Foundation
import NNCore

/// An image blurred by a Gaussian of random width, `torchvision.transforms.GaussianBlur`.
public struct GaussianBlur: Transform, Hashable {
  private let size: [Int]
  private let sigma: ClosedRange<Double>

  /// - Parameters:
  ///   - size: Width and height of the kernel in pixels, odd.
  ///   - sigma: Standard deviations to draw from, in pixels.
  public init(_ size: Int, sigma: ClosedRange<Double> = 0.1...2) { self.init(size, size, sigma: sigma) }

  /// A kernel of different height and width.
  public init(_ height: Int, _ width: Int, sigma: ClosedRange<Double> = 0.1...2) {
    require(
      [height, width].allSatisfy { $0 > 0 && $0 % 2 == 1 }, "GaussianBlur",
      "kernel sizes must be odd and positive, got \(height), \(width)")
    require(sigma.lowerBound > 0, "GaussianBlur", "standard deviations must be positive, got \(sigma)")
    size = [height, width]
    self.sigma = sigma
  }

  public func callAsFunction(_ image: Image, context: SampleContext) -> Image {
    let sigma = Double(context.generator.uniform(sigma.lowerBound, sigma.upperBound))
    let planes = image.tensor.permute([2, 0, 1]).to(.float32)
    let blurred = planes.gaussianBlurred(kernelSize: (size[0], size[1]), sigma: (sigma, sigma))
    return Image(blurred.round().permute([1, 2, 0]).to(.uint8).contiguous())
  }
  public var isDeterministic: Bool { false }
  public var description: String { "GaussianBlur(\(size), sigma: \(sigma))" }
}

extension Tensor {
  /// Each channel of float32 (C, H, W) or (N, C, H, W) convolved with a Gaussian, mirrored at the edges,
  /// `torchvision.transforms.functional.gaussian_blur`. Height comes before width.
  public func gaussianBlurred(
    kernelSize: (height: Int, width: Int), sigma: (height: Double, width: Double)
  ) -> Tensor {
    require(
      dtype == .float32 && (rank == 3 || rank == 4), "gaussianBlur",
      "expected float32 (C, H, W) or (N, C, H, W), got \(dtype) \(shape)")
    func kernel(_ size: Int, _ sigma: Double) -> Tensor {
      require(size > 0 && size % 2 == 1 && sigma > 0, "gaussianBlur", "kernel size \(size), sigma \(sigma)")
      let half = Double(size - 1) * 0.5
      let values = ((Tensor.linspace(-half, half, count: size) / sigma).square() * -0.5).exp()
      return values / values.sum()
    }
    let (height, width) = (shape[rank - 2], shape[rank - 1])
    let planes = reshape([-1, 1, height, width])
    let (y, x) = (kernelSize.height / 2, kernelSize.width / 2)
    let weight = kernel(kernelSize.height, sigma.height).reshape([-1, 1])
      .matmul(kernel(kernelSize.width, sigma.width).reshape([1, -1]))
    return planes.pad([x, x, y, y], mode: .reflect)
      .conv2d(weight.reshape([1, 1, kernelSize.height, kernelSize.width]))
      .reshape(shape)
  }
}
