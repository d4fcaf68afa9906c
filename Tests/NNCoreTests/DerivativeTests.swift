import NNCore
import TestSupport
import Testing

/// First and second derivatives against finite differences, in float64.
struct DerivativeTests {
  struct Case: Sendable, CustomStringConvertible {
    let name: String
    let shapes: [[Int]]
    let range: ClosedRange<Double>
    let body: @Sendable ([Tensor]) -> Tensor
    var description: String { name }

    /// Numbers in `range`, kept away from the integers and halves where many functions have their kinks.
    var inputs: [Tensor] {
      shapes.enumerated().map { place, shape in
        let x = FormulaNumbers.uniform("\(name) \(place)", shape, range.lowerBound, range.upperBound).to(
          .float64)
        let nearest = (x * 2).round() * 0.5
        return `where`((x - nearest).abs() .< 0.02, nearest + 0.05, x)
      }
    }
  }

  private static func unary(
    _ name: String, _ range: ClosedRange<Double> = -2...2, _ body: @escaping @Sendable (Tensor) -> Tensor
  ) -> Case {
    Case(name: name, shapes: [[7]], range: range) { body($0[0]) }
  }
  private static func on(
    _ name: String, _ shapes: [Int]..., range: ClosedRange<Double> = -2...2,
    _ body: @escaping @Sendable ([Tensor]) -> Tensor
  ) -> Case {
    Case(name: name, shapes: shapes, range: range, body: body)
  }

  static let elementwise: [Case] = [
    unary("neg") { -$0 }, unary("abs") { $0.abs() }, unary("square") { $0.square() },
    unary("exp") { $0.exp() }, unary("expm1") { $0.expm1() }, unary("log", 0.1...3) { $0.log() },
    unary("log1p", 0...3) { $0.log1p() }, unary("log2", 0.1...3) { $0.log2() },
    unary("log10", 0.1...3) { $0.log10() }, unary("sqrt", 0.1...3) { $0.sqrt() },
    unary("rsqrt", 0.1...3) { $0.rsqrt() }, unary("reciprocal", 0.1...3) { $0.reciprocal() },
    unary("sin") { $0.sin() }, unary("cos") { $0.cos() }, unary("tan", -1...1) { $0.tan() },
    unary("asin", -0.9...0.9) { $0.asin() }, unary("acos", -0.9...0.9) { $0.acos() },
    unary("atan") { $0.atan() }, unary("sinh") { $0.sinh() }, unary("cosh") { $0.cosh() },
    unary("tanh") { $0.tanh() }, unary("sigmoid") { $0.sigmoid() }, unary("erf") { $0.erf() },
    unary("erfinv", -0.9...0.9) { $0.erfinv() }, unary("pow 3") { $0.pow(3) },
    unary("pow 2.5", 0.1...3) { $0.pow(2.5) }, unary("clamp") { $0.clamp(min: -1.5, max: 1.5) },
    unary("relu") { $0.relu() }, unary("relu6", -8...8) { $0.relu6() }, unary("elu") { $0.elu(alpha: 0.7) },
    unary("selu") { $0.selu() }, unary("celu") { $0.celu(alpha: 1.7) }, unary("silu") { $0.silu() },
    unary("mish") { $0.mish() }, unary("softplus") { $0.softplus(beta: 2, threshold: 3) },
    unary("softsign") { $0.softsign() }, unary("logSigmoid") { $0.logSigmoid() },
    unary("hardswish", -5...5) { $0.hardswish() }, unary("hardsigmoid", -5...5) { $0.hardsigmoid() },
    unary("hardtanh") { $0.hardtanh() }, unary("tanhshrink") { $0.tanhshrink() },
    unary("softshrink") { $0.softshrink() }, unary("hardshrink") { $0.hardshrink() },
    unary("gelu") { $0.gelu() }, unary("gelu tanh") { $0.gelu(approximate: .tanh) },
    unary("leakyRelu") { $0.leakyRelu(negativeSlope: 0.2) },
    unary("threshold") { $0.threshold(0.5, value: -7) },
    on("prelu", [2, 3, 2], [3]) { $0[0].prelu($0[1]) }, on("glu", [3, 4]) { $0[0].glu() },
    on("add", [2, 3], [3]) { $0[0] + $0[1] * $0[1] }, on("sub", [2, 1], [3]) { $0[0] - $0[1] * $0[1] },
    on("mul", [2, 3], []) { $0[0] * $0[1] }, on("div", [2, 3], [3], range: 0.5...3) { $0[0] / $0[1] },
    on("pow", [2, 3], [3], range: 0.5...3) { $0[0].pow($0[1]) }, on("atan2", [3], [3]) { $0[0].atan2($0[1]) },
    on("maximum", [2, 3], [3]) { ($0[0] * $0[0]).maximum($0[1]) },
    on("minimum", [2, 3], [3]) { ($0[0] * $0[0]).minimum($0[1]) },
    on("fmod", [3], [3], range: 1.1...1.4) { ($0[0] * 3).fmod($0[1]) },
    on("where", [2, 3], [3]) { `where`($0[0] .> 0, $0[0] * $0[0], $0[1].exp()) },
    on("lerp", [3], [3], [3]) { $0[0].lerp($0[1], weight: $0[2]) },
  ]

  static let reductions: [Case] = [
    on("sum", [2, 3, 2]) { ($0[0] * $0[0]).sum([0, 2]) }, on("mean", [2, 3]) { $0[0].square().mean(1) },
    on("variance", [2, 5]) { $0[0].variance([1]) }, on("std", [2, 5]) { $0[0].std([1]) },
    on("prod", [2, 4]) { $0[0].prod([1]) }, on("prod of all", [2, 3]) { $0[0].prod() },
    on("amax", [2, 5]) { ($0[0] * $0[0]).amax([1]) }, on("max", [2, 5]) { ($0[0] * $0[0]).max(1).values },
    on("logsumexp", [2, 5]) { $0[0].logsumexp([0]) }, on("norm", [2, 5]) { $0[0].norm(2, [1]) },
    on("norm 3", [2, 5]) { $0[0].norm(3, [1]) }, on("norm 1", [2, 5]) { ($0[0] * $0[0]).norm(1, [1]) },
    on("cumsum", [2, 4]) { ($0[0] * $0[0]).cumsum(1) }, on("cumprod", [2, 4]) { $0[0].cumprod(1) },
    on("sort", [2, 4]) { ($0[0] * $0[0]).sort(1).values },
    on("topk", [2, 4]) { ($0[0] * $0[0]).topk(2).values },
    on("median", [2, 5]) { ($0[0] * $0[0]).median(1).values },
    on("softmax", [2, 4]) { $0[0].softmax(1) }, on("softmax 0", [3, 4]) { $0[0].softmax(0) },
    on("logSoftmax", [2, 4]) { $0[0].logSoftmax(1) }, on("normalize", [2, 4]) { $0[0].normalize() },
    on("cosineSimilarity", [2, 4], [2, 4]) { $0[0].cosineSimilarity($0[1]) },
  ]

  static let shapes: [Case] = [
    on("views", [2, 3, 4]) { x in
      let y = x[0] * x[0]
      return y.transpose(0, 2).reshape(4, 6).unsqueeze(0).expand(2, 4, 6).flatten(from: 1).narrow(
        1, start: 3, length: 9)
    },
    on("flip, roll, rot90", [3, 4]) { ($0[0] * $0[0]).flip([0]).roll([1], axes: [1]).rot90() },
    on("tril, diagonal", [4, 4]) { x in
      (x[0] * x[0]).tril(1).diagonal(offset: 1) * x[0].triu().diagonal(offset: 1)
    },
    on("cat, stack, split", [2, 3], [1, 3]) { x in
      let all = cat([x[0] * x[0], x[1]], axis: 0)
      return stack(all.split(1), axis: 1) * all.chunk(2)[0].tile([1, 2, 1])[0, 0]
    },
    on("gather", [3, 4]) { ($0[0] * $0[0]).gather(1, index: Tensor([[0, 3, 3], [1, 1, 1], [2, 0, 3]])) },
    on("scatter", [3, 4], [3, 2]) { x in
      (x[0] * x[0]).scatter(1, index: Tensor([[0, 3], [1, 2], [2, 0]]), source: x[1] * x[1])
    },
    on("scatterAdd", [3, 4], [3, 2]) { x in
      (x[0] * x[0]).scatterAdd(1, index: Tensor([[0, 0], [1, 1], [2, 0]]), source: x[1] * x[1])
    },
    on("indexSelect", [3, 4]) { ($0[0] * $0[0]).indexSelect(1, index: Tensor([3, 0, 0])) },
    on("indexAdd", [3, 4], [2, 4]) { x in
      (x[0] * x[0]).indexAdd(0, index: Tensor([2, 2]), source: x[1] * x[1])
    },
    on("maskedSelect", [3, 4]) { ($0[0] * $0[0]).maskedSelect($0[0] .> 0) },
    on("maskedSelect of a row", [4]) { ($0[0] * $0[0]).maskedSelect($0[0].unsqueeze(1) .> $0[0]) },
    on("pad", [2, 3, 4]) { ($0[0] * $0[0]).pad([1, -2, 2, 1], value: 3) },
    on("pad reflect", [2, 4, 4]) { ($0[0] * $0[0]).pad([1, 2, 3, 1], mode: .reflect) },
    on("pad replicate", [2, 4, 4]) { ($0[0] * $0[0]).pad([1, 2, 3, 1], mode: .replicate) },
    on("pad circular", [2, 4, 4]) { ($0[0] * $0[0]).pad([1, 2, 3, 1], mode: .circular) },
    on("channelShuffle", [2, 4, 2]) { ($0[0] * $0[0]).channelShuffle(groups: 2) },
    on("pixelShuffle", [1, 4, 2, 2]) {
      ($0[0] * $0[0]).pixelShuffle(upscaleFactor: 2).pixelUnshuffle(downscaleFactor: 2)
    },
    on("embedding", [4, 3]) { embedding(Tensor([[0, 3], [3, 1]]), $0[0] * $0[0]) * 1 },
    on("attention", [1, 3, 2], [1, 4, 2], [1, 4, 3]) { scaledDotProductAttention($0[0], $0[1], $0[2]) },
    on("causal attention", [3, 2], [3, 2], [3, 2]) {
      scaledDotProductAttention($0[0], $0[1], $0[2], isCausal: true)
    },
    on("bilinear", [1, 2, 3, 4]) { ($0[0] * $0[0]).interpolate(size: [5, 3], mode: .bilinear) },
    on("bicubic", [1, 2, 3, 4]) {
      ($0[0] * $0[0]).interpolate(size: [5, 6], mode: .bicubic, alignCorners: true)
    },
    on("bicubic antialias", [1, 2, 6, 7]) {
      ($0[0] * $0[0]).interpolate(size: [3, 2], mode: .bicubic, antialias: true)
    },
    on("linear", [1, 2, 5]) { ($0[0] * $0[0]).interpolate(scaleFactor: 1.7, mode: .linear) },
    on("area", [1, 2, 5]) { ($0[0] * $0[0]).interpolate(size: [3], mode: .area) },
  ]

  private static let classes = Tensor([2, 0, -100, 1])
  private static let odds = FormulaNumbers.uniform("odds", [4, 3], 0.05, 0.95).to(.float64)

  static let losses: [Case] = [
    on("crossEntropy", [4, 3]) { crossEntropy($0[0], classes, labelSmoothing: 0.1) },
    on("crossEntropy weighted", [4, 3], [3], range: 0.5...2) {
      crossEntropy($0[0], classes, weight: $0[1], labelSmoothing: 0.2)
    },
    on("crossEntropy of probabilities", [4, 3]) { crossEntropy($0[0], odds, reduction: .none) },
    on("nllLoss", [4, 3]) { nllLoss($0[0] * $0[0], classes, reduction: .none) },
    on("mseLoss", [4, 3]) { mseLoss($0[0], odds) },
    on("l1Loss", [4, 3], [4, 3]) { l1Loss($0[0] * $0[0], $0[1] - 5) },
    on("smoothL1Loss", [4, 3]) { smoothL1Loss($0[0], odds, beta: 0.7, reduction: .sum) },
    on("huberLoss", [4, 3]) { huberLoss($0[0], odds, delta: 0.7, reduction: .sum) },
    on("binaryCrossEntropy", [4, 3], [4, 3], range: 0.1...0.9) {
      binaryCrossEntropy($0[0], $0[1], reduction: .none)
    },
    on("binaryCrossEntropyWithLogits", [4, 3], [3], range: 0.1...2) {
      binaryCrossEntropyWithLogits($0[0], odds, posWeight: $0[1], reduction: .none)
    },
    on("klDiv", [4, 3]) { klDiv($0[0].logSoftmax(1), odds, reduction: .batchMean) },
    on("klDiv of both", [4, 3], [4, 3], range: 0.1...1) { klDiv($0[0], $0[1], reduction: .sum) },
  ]

  @Test(arguments: elementwise + reductions + shapes + losses)
  func firstDerivatives(_ item: Case) {
    #expect(checkGradients(item.inputs, item.body) == [])
  }

  @Test(arguments: elementwise + reductions + shapes + losses)
  func secondDerivatives(_ item: Case) {
    #expect(checkSecondDerivatives(item.inputs, absoluteTolerance: 1e-5, item.body) == [])
  }

  /// Every golden operation has a closure somewhere.
  @Test func everyFixtureIsRun() {
    let known = Set(FixtureTables.all.keys)
    let wanted = Set((OpsFixtureTests.cases + NNFixtureTests.cases).map(\.operation))
    #expect(wanted.subtracting(known).sorted() == [])
  }
}
