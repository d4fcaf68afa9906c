import Foundation
import NNCore
import NNExport
import NNLayers
import TestSupport
import Testing

/// A layer that is a function.
final class Function: Module, Layer {
  @Untracked private var function: (Tensor) -> Tensor
  init(_ function: @escaping (Tensor) -> Tensor) { self.function = function }
  func forward(_ x: Tensor) -> Tensor { function(x) }
}

private final class Attention: Module, CallableModule {
  let attention = MultiheadAttention(8, heads: 2, batchFirst: true)
  func callAsFunction(_ x: Tensor) -> Tensor { attention(x, x, x) }
}

private final class Token: Module, CallableModule {
  let token = Parameter(Tensor.zeros(1, 1, 8))
  func callAsFunction(_ x: Tensor) -> Tensor { cat([token.value.expand(x.shape[0], -1, -1), x], axis: 1) }
}

/// Each layer of the library, and operations beside them, as ONNX Runtime computes them.
@Suite struct ExportLayerTests {
  @Test(.enabled(if: ONNXRuntime.isAvailable))
  func agreesWithTheRuntime() throws {
    let all =
      Self.layers + Self.pooling + Self.shapes + Self.activations.map { ($0.0, Self.image, $0.1) }
      + Self.elementwise.map { function in (function.0, Self.image, { Function(function.1) }) }
    try withTemporaryFolder { folder in
      var models: [ONNXRuntime.Model] = []
      for (name, shape, layer) in all {
        manualSeed(7)
        let network = layer()
        network.eval()
        for buffer in network.buffers() where buffer.value.dtype.isFloatingPoint {
          buffer.value = Tensor.rand(buffer.value.shape) + 0.5
        }
        for parameter in network.parameters() {
          parameter.value = parameter.value + Tensor.randn(parameter.shape) * 0.1
        }
        let path = "\(folder.path)/\(name).onnx"
        try network.export(onnx: path, inputShape: [1] + shape)
        let examples = [1, 4].map { rows in
          let x = Tensor.randn([rows] + shape)
          return (x, noGrad { network(x) })
        }
        models.append((path, examples))
      }
      let failures = try ONNXRuntime.failures(models, tolerance: 2e-5)
      #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }
  }

  /// In double precision, as far as the runtime has operators for it.
  @Test(.enabled(if: ONNXRuntime.isAvailable))
  func agreesInDoublePrecision() throws {
    manualSeed(8)
    let network = Sequential(Linear(6, 8), LayerNorm([8]), Tanh(), Linear(8, 3), Softmax(1))
    network.to(.float64)
    let x = Tensor.randn([3, 6]).to(.float64)
    try withTemporaryFolder { folder in
      let path = "\(folder.path)/double.onnx"
      try network.export(onnx: path, inputShape: [1, 6], dtype: .float64)
      let failures = try ONNXRuntime.failures([(path, [(x, noGrad { network(x) })])], tolerance: 1e-7)
      #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }
  }

  /// Integers that are looked up in a table.
  @Test(.enabled(if: ONNXRuntime.isAvailable))
  func agreesForIntegers() throws {
    manualSeed(9)
    let network = Sequential(Embedding(11, 4), Flatten(), Linear(20, 3))
    let x = Tensor((0..<15).map { $0 % 11 }, shape: [3, 5])
    try withTemporaryFolder { folder in
      let path = "\(folder.path)/words.onnx"
      try network.export(onnx: path, inputShape: [1, 5], dtype: .int64)
      let failures = try ONNXRuntime.failures([(path, [(x, noGrad { network(x) })])])
      #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }
  }

  private typealias Case = (name: String, shape: [Int], layer: @Sendable () -> any CallableModule)

  private static let image = [4, 7, 9]

  private static let layers: [Case] = [
    ("PReLU", image, { PReLU(4) }), ("GLU", image, { GLU(1) }), ("Softmax", image, { Softmax(1) }),
    ("LogSoftmax", [5], { LogSoftmax(-1) }),
    ("Linear", [6], { Linear(6, 3) }), ("Linear of rank 3", [5, 6], { Linear(6, 3) }),
    ("Linear without bias", [6], { Linear(6, 3, bias: false) }),
    (
      "Conv2d", image,
      {
        Conv2d(
          4, 6, kernelSize: Size2(3, 2), stride: Size2(2, 1), padding: 1, dilation: Size2(1, 2), groups: 2)
      }
    ),
    ("Conv2d same", image, { Conv2d(4, 6, kernelSize: Size2(3, 2), padding: .same) }),
    ("Conv2d reflected", image, { Conv2d(4, 6, kernelSize: 3, padding: 1, paddingMode: .reflect) }),
    ("Conv2dNormActivation", image, { Conv2dNormActivation(4, 6) }),
    ("dropouts", image, { Sequential(Dropout(), Dropout2d(), StochasticDepth(0.5, mode: .row)) }),
    ("Conv1d", [4, 9], { Conv1d(4, 6, kernelSize: 3, stride: 2, padding: 1) }),
    (
      "ConvTranspose2d", image,
      { ConvTranspose2d(4, 6, kernelSize: 3, stride: 2, padding: 1, outputPadding: Size2(1, 0), groups: 2) }
    ),
    ("ConvTranspose1d", [4, 9], { ConvTranspose1d(4, 6, kernelSize: 3, stride: 2) }),
    ("BatchNorm2d", image, { BatchNorm2d(4) }), ("BatchNorm1d", [4], { BatchNorm1d(4) }),
    ("BatchNorm2d without weights", image, { BatchNorm2d(4, affine: false) }),
    ("GroupNorm", image, { GroupNorm(groups: 2, 4) }),
    ("GroupNorm without weights", image, { GroupNorm(groups: 2, 4, affine: false) }),
    ("InstanceNorm2d", image, { InstanceNorm2d(4, affine: true) }),
    ("InstanceNorm2d without weights", image, { InstanceNorm2d(4) }),
    ("LayerNorm", [5, 6], { LayerNorm([6]) }), ("LayerNorm over two", [5, 6], { LayerNorm([5, 6]) }),
    ("LayerNorm2d", image, { LayerNorm2d(4) }),
    ("LocalResponseNorm", image, { LocalResponseNorm(size: 3, alpha: 0.1) }),
    ("RMSNorm", [5, 6], { RMSNorm(6) }), ("SwiGLU", [5, 6], { SwiGLU(6, hidden: 8, outputs: 3) }),
    (
      "TransformerEncoderLayer", [5, 8], { TransformerEncoderLayer(8, heads: 2, hidden: 6, batchFirst: true) }
    ),
    (
      "NearestNeighbors", [6],
      {
        Sequential(
          UnitLength(),
          NearestNeighbors(Tensor.rand([9, 6]), Tensor.rand([9, 3]), count: 4, temperature: 0.5))
      }
    ),
    ("LocalResponseNorm of even size", image, { LocalResponseNorm(size: 2, alpha: 0.1) }),
  ]

  private static let pooling: [Case] = [
    ("MaxPool2d", image, { MaxPool2d(kernelSize: 3, stride: 2, padding: 1) }),
    ("MaxPool2d ceil", image, { MaxPool2d(kernelSize: 2, stride: Size2(2, 3), ceilMode: true) }),
    ("MaxPool2d dilated", image, { MaxPool2d(kernelSize: 2, stride: 1, dilation: 2) }),
    ("MaxPool1d", [4, 9], { MaxPool1d(kernelSize: 2) }),
    ("AvgPool2d", image, { AvgPool2d(kernelSize: 3, stride: 2, padding: 1) }),
    (
      "AvgPool2d without padding", image,
      { AvgPool2d(kernelSize: 3, stride: 2, padding: 1, countIncludePad: false) }
    ),
    ("AvgPool2d ceil", image, { AvgPool2d(kernelSize: 2, stride: 2, ceilMode: true) }),
    (
      "AvgPool2d ceil padded", [4, 8, 10], { AvgPool2d(kernelSize: 3, stride: 2, padding: 1, ceilMode: true) }
    ),
    (
      "AvgPool2d ceil without padding", [4, 8, 10],
      { AvgPool2d(kernelSize: 3, stride: 2, padding: 1, ceilMode: true, countIncludePad: false) }
    ),
    ("AvgPool2d divisor", image, { AvgPool2d(kernelSize: 3, stride: 2, padding: 1, divisorOverride: 5) }),
    ("AvgPool1d", [4, 9], { AvgPool1d(kernelSize: 2, padding: 1) }),
    ("AdaptiveAvgPool2d", image, { AdaptiveAvgPool2d(1) }),
    ("AdaptiveAvgPool2d even", [4, 6, 9], { AdaptiveAvgPool2d(3) }),
    ("AdaptiveAvgPool2d uneven", image, { AdaptiveAvgPool2d(Size2(3, 4)) }),
    ("AdaptiveAvgPool2d larger", image, { AdaptiveAvgPool2d(Size2(9, 9)) }),
    ("AdaptiveMaxPool2d", image, { AdaptiveMaxPool2d(1) }),
    ("AdaptiveMaxPool2d even", [4, 6, 9], { AdaptiveMaxPool2d(3) }),
  ]

  private static let shapes: [Case] = [
    ("Upsample nearest", image, { Upsample(scaleFactor: 2) }),
    ("Upsample nearest by 1.7", image, { Upsample(scaleFactor: 1.7) }),
    ("Upsample nearest-exact", image, { Upsample(size: [5, 12], mode: .nearestExact) }),
    ("Upsample bilinear", image, { Upsample(size: [12, 5], mode: .bilinear) }),
    ("Upsample bilinear by 1.5", image, { Upsample(scaleFactor: 1.5, mode: .bilinear) }),
    ("Upsample aligned", image, { Upsample(size: [12, 5], mode: .bilinear, alignCorners: true) }),
    ("Upsample bicubic", image, { Upsample(size: [12, 5], mode: .bicubic) }),
    ("Upsample area", image, { Upsample(size: [3, 4], mode: .area) }),
    ("Upsample linear", [4, 9], { Upsample(size: [14], mode: .linear) }),
    (
      "antialias", [4, 16, 20],
      { Function { $0.interpolate(size: [6, 9], mode: .bilinear, antialias: true) } }
    ),
    ("PixelShuffle", image, { PixelShuffle(2) }), ("PixelUnshuffle", [4, 6, 8], { PixelUnshuffle(2) }),
    ("ChannelShuffle", image, { ChannelShuffle(2) }),
    ("Flatten and Unflatten", image, { Sequential(Flatten(), Unflatten(1, sizes: [2, -1])) }),
    ("Permute", image, { Permute([0, 2, 3, 1]) }), ("Identity", image, { Identity() }),
    ("SqueezeExcitation", image, { SqueezeExcitation(4, squeeze: 2) }),
    ("MultiheadAttention", [5, 8], { Attention() }),
    ("pad", image, { Function { $0.pad([1, 2, 0, 3], value: 2) } }),
    ("crop", image, { Function { $0.pad([-1, 2, 1, -3]) } }),
    ("pad reflect", image, { Function { $0.pad([1, 2, 0, 3], mode: .reflect) } }),
    ("pad replicate", image, { Function { $0.pad([1, 2, 0, 3], mode: .replicate) } }),
    ("pad circular", image, { Function { $0.pad([1, 2, 0, 3], mode: .circular) } }),
    (
      "antialias bicubic", [4, 16, 20],
      {
        Function { $0.interpolate(scaleFactor: [0.4, 0.5], mode: .bicubic, antialias: true) }
      }
    ),
    ("class token", [5, 8], { Token() }),
    ("rank 1", [1], { Function { $0.squeeze(1) * 2 } }),
    ("matmul", image, { Function { $0.matmul($0.transpose(-1, -2)) } }),
    ("int64", image, { Function { ($0 * 5).to(.int64) + 3 } }),
  ]

  private static let activations: [(String, @Sendable () -> any CallableModule)] = [
    ("ReLU", { ReLU() }), ("ReLU6", { ReLU6() }), ("LeakyReLU", { LeakyReLU() }), ("ELU", { ELU() }),
    ("SELU", { SELU() }), ("CELU", { CELU(alpha: 0.7) }), ("GELU", { GELU() }),
    ("GELU tanh", { GELU(approximate: .tanh) }), ("SiLU", { SiLU() }), ("Mish", { Mish() }),
    ("Sigmoid", { Sigmoid() }), ("LogSigmoid", { LogSigmoid() }), ("Tanh", { Tanh() }),
    ("Tanhshrink", { Tanhshrink() }), ("Softplus", { Softplus() }),
    ("Softplus with threshold", { Softplus(beta: 2, threshold: 1) }), ("Softsign", { Softsign() }),
    ("Softshrink", { Softshrink() }), ("Hardshrink", { Hardshrink() }), ("Hardswish", { Hardswish() }),
    ("Hardsigmoid", { Hardsigmoid() }), ("Hardtanh", { Hardtanh(minimum: -0.5, maximum: 2) }),
    ("Threshold", { Threshold(0.3, value: -1) }),
  ]

  private static let elementwise: [(String, @Sendable (Tensor) -> Tensor)] = [
    ("exp", { $0.exp() }), ("expm1", { $0.expm1() }), ("log", { $0.abs().log() }),
    ("log1p", { $0.abs().log1p() }),
    ("log2", { ($0.abs() + 0.1).log2() }), ("log10", { ($0.abs() + 0.1).log10() }),
    ("sqrt", { $0.abs().sqrt() }),
    ("rsqrt", { ($0.abs() + 0.1).rsqrt() }), ("reciprocal", { ($0.abs() + 0.1).reciprocal() }),
    ("sin", { $0.sin() }), ("cos", { $0.cos() }), ("tan", { ($0 * 0.2).tan() }),
    ("asin", { $0.clamp(min: -1, max: 1).asin() }), ("acos", { $0.clamp(min: -1).clamp(max: 1).acos() }),
    ("atan", { $0.atan() }), ("sinh", { $0.sinh() }), ("cosh", { $0.cosh() }), ("erf", { $0.erf() }),
    ("atan2", { $0.atan2($0.flip([3])) }), ("pow", { $0.abs().pow(1.5) + $0.abs().pow($0) }),
    ("arithmetic", { -$0.square() / ($0 + 10) - 3 * $0 }),
    ("maximum", { $0.maximum($0.flip([2, 3])).minimum(0.8 * $0) }),
    ("remainder", { ($0 * 5).remainder($0.abs() + 1) }), ("fmod", { ($0 * 5).fmod($0.abs() + 1) }),
    ("floor quotient", { ($0 * 9).div($0.abs() + 1, rounding: .floor) }),
    ("truncated quotient", { ($0 * 9).div($0.abs() + 1, rounding: .trunc) }),
    (
      "rounding",
      { ($0 * 3).floor() + ($0 * 3).ceil() * 10 + ($0 * 3).round() * 100 + ($0 * 3).trunc() * 1000 }
    ),
    ("sign", { $0.sign() }),
    ("where", { x in `where`((x .> 0) .&& (x .<= 1) .|| (x .< -1), x, x.exp()) }),
    ("masks", { x in x.maskedFill(!(x .>= 0.2), with: 3) + (x .!= 0).to(.float32) + (x .== 0).to(.float32) }),
    ("norm", { $0.normalize() }),
    ("std", { $0.std([2, 3], keepDim: true) + $0.variance([1], keepDim: true) }),
    (
      "reductions",
      { $0.amax([1], keepDim: true) + $0.amin([2, 3], keepDim: true) + $0.sum(-1, keepDim: true) }
    ),
    ("subscripts", { $0[.all, 1..., .stride(by: 2), 3].unsqueeze(-1) }),
  ]
}
