import NNCore
import TestSupport
import Testing

/// Types of results inside of `withAutocast`, after PyTorch's lists for GPUs (aten/src/ATen/autocast_mode.h).
struct AutocastTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    /// The type for float32 operands and for bfloat16 ones.
    let types: (DType, DType)
    let run: @Sendable (Tensor, Tensor, Tensor) -> Tensor
    var testDescription: String { name }

    init(
      _ name: String, _ types: (DType, DType), _ run: @escaping @Sendable (Tensor, Tensor, Tensor) -> Tensor
    ) {
      (self.name, self.types, self.run) = (name, types, run)
    }
  }

  private static let lower: (DType, DType) = (.bfloat16, .bfloat16)
  private static let wide: (DType, DType) = (.float32, .float32)
  private static let own: (DType, DType) = (.float32, .bfloat16)
  private static var classes: Tensor { Tensor([0, 2, 1, 3]) }

  /// For x and y [4, 4] in 0.1...0.9 and images [1, 4, 4, 4].
  static let cases: [Case] = [
    Case("matmul", lower) { x, y, _ in x.matmul(y) }, Case("mm", lower) { x, y, _ in x.mm(y) },
    Case("mv", lower) { x, y, _ in x.mv(y[0]) }, Case("dot", lower) { x, y, _ in x[0].dot(y[0]) },
    Case("bmm", lower) { x, y, _ in x.unsqueeze(0).bmm(y.unsqueeze(0)) },
    Case("addmm", lower) { x, y, _ in x.addmm(x, y) },
    Case("linear", lower) { x, y, _ in x.linear(y, bias: y[0]) },
    Case("conv2d", lower) { _, _, i in i.conv2d(i.expand([2, 4, 4, 4]), bias: i[0, 0, 0, ..<2]) },
    Case("conv1d", lower) { x, _, _ in x.conv1d(x.unsqueeze(1), groups: 4) },
    Case("convTranspose2d", lower) { _, _, i in i.convTranspose2d(i.transpose(0, 1)) },
    Case("attention", lower) { x, y, _ in scaledDotProductAttention(x, y, x) },
    Case("einsum", lower) { x, y, _ in einsum("ij,jk->ik", x, y) },
    Case("prelu", lower) { x, y, _ in x.prelu(y[0]) },
    Case("exp", wide) { x, _, _ in x.exp() }, Case("expm1", wide) { x, _, _ in x.expm1() },
    Case("log", wide) { x, _, _ in x.log() }, Case("log10", wide) { x, _, _ in x.log10() },
    Case("log1p", wide) { x, _, _ in x.log1p() }, Case("log2", wide) { x, _, _ in x.log2() },
    Case("reciprocal", wide) { x, _, _ in x.reciprocal() }, Case("rsqrt", wide) { x, _, _ in x.rsqrt() },
    Case("acos", wide) { x, _, _ in x.acos() }, Case("asin", wide) { x, _, _ in x.asin() },
    Case("cosh", wide) { x, _, _ in x.cosh() }, Case("sinh", wide) { x, _, _ in x.sinh() },
    Case("tan", wide) { x, _, _ in x.tan() }, Case("erfinv", wide) { x, _, _ in x.erfinv() },
    Case("pow", wide) { x, y, _ in x.pow(y) }, Case("pow by 2", wide) { x, _, _ in x.pow(2) },
    Case("pow by 1.5", wide) { x, _, _ in x.pow(1.5) }, Case("1 / x", wide) { x, _, _ in 1.0 / x },
    Case("softplus", wide) { x, _, _ in x.softplus() }, Case("softmax", wide) { x, _, _ in x.softmax(1) },
    Case("logSoftmax", wide) { x, _, _ in x.logSoftmax(1) },
    Case("sum", wide) { x, _, _ in x.sum() }, Case("sum of rows", wide) { x, _, _ in x.sum(1) },
    Case("prod", wide) { x, _, _ in x.prod() }, Case("cumsum", wide) { x, _, _ in x.cumsum(1) },
    Case("cumprod", wide) { x, _, _ in x.cumprod(1) }, Case("norm", wide) { x, _, _ in x.norm() },
    Case("normalize", wide) { x, _, _ in x.normalize() },
    Case("cosineSimilarity", wide) { x, y, _ in x.cosineSimilarity(y) },
    Case("layerNorm", wide) { x, y, _ in x.layerNorm(shape: [4], weight: y[0], bias: y[1]) },
    Case("groupNorm", wide) { x, y, i in i.groupNorm(groups: 2, weight: y[0], bias: y[1]) },
    Case("crossEntropy", wide) { x, _, _ in crossEntropy(x, classes) },
    Case("nllLoss", wide) { x, _, _ in nllLoss(x, classes) },
    Case("mseLoss", wide) { x, y, _ in mseLoss(x, y) }, Case("l1Loss", wide) { x, y, _ in l1Loss(x, y) },
    Case("smoothL1Loss", wide) { x, y, _ in smoothL1Loss(x, y) },
    Case("binaryCrossEntropy", wide) { x, y, _ in binaryCrossEntropy(x, y) },
    Case("binaryCrossEntropyWithLogits", wide) { x, y, _ in binaryCrossEntropyWithLogits(x, y) },
    Case("klDiv", wide) { x, y, _ in klDiv(x, y) },
    Case("add", own) { x, y, _ in x + y }, Case("mul", own) { x, y, _ in x * y },
    Case("div", own) { x, y, _ in x / y },
    Case("scale", own) { x, _, _ in x * 0.3 }, Case("maximum", own) { x, y, _ in x.maximum(y) },
    Case("relu", own) { x, _, _ in x.relu() }, Case("gelu", own) { x, _, _ in x.gelu() },
    Case("silu", own) { x, _, _ in x.silu() }, Case("sigmoid", own) { x, _, _ in x.sigmoid() },
    Case("tanh", own) { x, _, _ in x.tanh() }, Case("sqrt", own) { x, _, _ in x.sqrt() },
    Case("mean", own) { x, _, _ in x.mean() }, Case("amax", own) { x, _, _ in x.amax() },
    Case("dropout", own) { x, _, _ in x.dropout(generator: Generator(seed: 1)) },
    Case("maxPool2d", own) { _, _, i in i.maxPool2d(kernelSize: 2) },
    Case("avgPool2d", own) { _, _, i in i.avgPool2d(kernelSize: 2) },
    Case("adaptiveAvgPool2d", own) { _, _, i in i.adaptiveAvgPool2d(outputSize: 1) },
    Case("batchNorm", own) { _, y, i in
      i.batchNorm(weight: y[0].to(i.dtype.ofArithmetic), bias: y[1].to(i.dtype.ofArithmetic), training: true)
        .output
    },
    Case("cat", own) { x, y, _ in cat([x, y]) }, Case("transpose", own) { x, _, _ in x.transpose(0, 1) },
    Case("where", own) { x, y, _ in `where`(x .> y, x, y) },
  ]

  private func operands(_ dtype: DType) -> (Tensor, Tensor, Tensor) {
    func made(_ name: String, _ shape: [Int]) -> Tensor {
      (FormulaNumbers.uniform(name, shape) * 0.4 + 0.5).clamp(min: 0.1, max: 0.9).to(dtype)
    }
    return (made("x", [4, 4]), made("y", [4, 4]), made("i", [1, 4, 4, 4]))
  }

  @Test(arguments: cases)
  func operationsGiveTheTypesOfPyTorch(_ test: Case) {
    for (dtype, expected) in [(DType.float32, test.types.0), (.bfloat16, test.types.1), (.float64, .float64)]
    {
      let (x, y, images) = operands(dtype)
      let leaf = x.requiringGrad()
      let result = withAutocast { test.run(leaf, y, images) }
      #expect(result.dtype == expected, "of \(dtype)")
      // Nothing changes outside.
      let plain = test.run(x, y, images)
      if dtype != .bfloat16 { #expect(plain.dtype == dtype, "of \(dtype), outside") }
      let size = plain.to(.float32).abs().amax().item()
      #expect(
        tensorDifferences(
          result.detach().to(.float64), plain.to(.float64), relativeTolerance: 0.02,
          absoluteTolerance: 0.02 * size)
          == [], "of \(dtype)")
      guard result.requiresGrad else { continue }
      result.sum().backward()
      #expect(leaf.grad?.dtype == dtype, "the gradient of \(dtype)")
    }
  }

  @Test func theModeBelongsToAScope() {
    let x = Tensor.ones([2, 2])
    #expect(autocastType == nil && x.matmul(x).dtype == .float32)
    withAutocast(.bfloat16) {
      #expect(autocastType == .bfloat16)
      withAutocast(nil) { #expect(x.matmul(x).dtype == .float32) }
      #expect(x.matmul(x).dtype == .bfloat16)
    }
    #expect(autocastType == nil)
    #expect { try catchingMistakes { withAutocast(.int64) {} } } throws: {
      "\($0)".contains("needs bfloat16 or nil")
    }
  }

  @Test func widestTypesMeet() {
    let (a, b) = (Tensor.ones([2]), Tensor.ones([2], dtype: .bfloat16))
    withAutocast { #expect((a + b).dtype == .float32 && cat([a, b]).dtype == .float32) }
  }

  /// A backward pass takes each operation in the type that it was computed in, wherever it runs.
  @Test func gradientsDoNotDependOnWhereTheyAreComputed() {
    func gradients(inside: Bool) -> [Tensor] {
      let (x, y, _) = operands(.float32)
      let leaves = [x.requiringGrad(), y.requiringGrad()]
      let loss = withAutocast { () -> Tensor in
        let loss = leaves[0].matmul(leaves[1]).relu().matmul(leaves[1]).softmax(1).log().mean()
        if inside { loss.backward() }
        return loss
      }
      if !inside { loss.backward() }
      return leaves.compactMap(\.grad)
    }
    let (inside, outside) = (gradients(inside: true), gradients(inside: false))
    #expect(inside.count == 2 && inside.allSatisfy { $0.dtype == .float32 })
    #expect(zip(inside, outside).allSatisfy { $0.hasSameBits(as: $1) })
  }
}
