import NNCore
import NNLayers
import Testing

/// Losses as modules hand their settings on to the functions, which have golden values.
@Suite struct LossModuleTests {
  private let x = Tensor.randn([4, 3], generator: Generator(seed: 1))
  private let y = Tensor.randn([4, 3], generator: Generator(seed: 2))
  private let z = Tensor.randn([4, 3], generator: Generator(seed: 3))
  private let signs = Tensor([1.0, -1, -1, 1]).to(.float32)
  private let bits = Tensor([[1.0, 0, 0], [0, 1, 1], [0, 0, 0], [1, 1, 0]]).to(.float32)
  private let classes = Tensor([2, 0, 1, 1])
  private let weight = Tensor([0.5, 1, 2]).to(.float32)

  @Test func modulesAreTheFunctions() {
    let row = x.select(1, index: 0)
    let pairs: [(Tensor, Tensor)] = [
      (
        TripletMarginLoss(margin: 2, p: 1, epsilon: 0.1, swap: true, reduction: .none)(x, y, z),
        tripletMarginLoss(x, y, z, margin: 2, p: 1, epsilon: 0.1, swap: true, reduction: .none)
      ),
      (
        TripletMarginWithDistanceLoss(margin: 0.3, swap: true, reduction: .sum) {
          ($0 - $1).abs().amax([1])
        }(x, y, z),
        tripletMarginLoss(x, y, z, margin: 0.3, swap: true, reduction: .sum) {
          ($0 - $1).norm(.infinity, [1])
        }
      ),
      (TripletMarginWithDistanceLoss()(x, y, z), tripletMarginLoss(x, y, z)),
      (
        CosineEmbeddingLoss(margin: 0.2, reduction: .none)(x, y, signs),
        cosineEmbeddingLoss(x, y, signs, margin: 0.2, reduction: .none)
      ),
      (
        MarginRankingLoss(margin: 0.2, reduction: .none)(row, y.select(1, index: 0), signs),
        marginRankingLoss(row, y.select(1, index: 0), signs, margin: 0.2, reduction: .none)
      ),
      (
        HingeEmbeddingLoss(margin: 0.2, reduction: .none)(row, signs),
        hingeEmbeddingLoss(row, signs, margin: 0.2, reduction: .none)
      ),
      (SoftMarginLoss(reduction: .none)(row, signs), softMarginLoss(row, signs, reduction: .none)),
      (
        MultiMarginLoss(weight: weight, p: 2, margin: 0.4, reduction: .none)(x, classes),
        multiMarginLoss(x, classes, p: 2, margin: 0.4, weight: weight, reduction: .none)
      ),
      (
        MultiLabelMarginLoss(reduction: .none)(x, (bits - 1).to(.int64)),
        multilabelMarginLoss(x, (bits - 1).to(.int64), reduction: .none)
      ),
      (
        MultiLabelSoftMarginLoss(weight: weight, reduction: .none)(x, bits),
        multilabelSoftMarginLoss(x, bits, weight: weight, reduction: .none)
      ),
      (
        PoissonNLLLoss(logInput: false, full: true, epsilon: 0.1, reduction: .none)(x.abs(), bits * 3),
        poissonNLLLoss(x.abs(), bits * 3, logInput: false, full: true, epsilon: 0.1, reduction: .none)
      ),
      (
        GaussianNLLLoss(full: true, epsilon: 0.5, reduction: .none)(x, y, z.square()),
        gaussianNLLLoss(x, y, variance: z.square(), full: true, epsilon: 0.5, reduction: .none)
      ),
      (
        FocalLoss(alpha: nil, gamma: 1.5, reduction: .none)(x, bits),
        sigmoidFocalLoss(x, bits, alpha: nil, gamma: 1.5)
      ),
      (
        AsymmetricLoss(absentGamma: 2, presentGamma: 0.5, clip: 0.1, reduction: .none)(x, bits),
        asymmetricLoss(x, bits, absentGamma: 2, presentGamma: 0.5, clip: 0.1, reduction: .none)
      ),
    ]
    for (place, pair) in pairs.enumerated() {
      #expect(pair.0.isEqual(to: pair.1) && pair.0.isFinite().all().item() == 1, "pair \(place)")
    }
    // Their usual reductions.
    #expect(FocalLoss()(x, bits).rank == 0 && AsymmetricLoss()(x, bits).rank == 0)
  }

  @Test func shapesThatDoNotFitAreData() {
    let problem = #expect(throws: DataProblem.self) {
      try checkingData { _ in softMarginLoss(x, signs) }
    }
    #expect(problem.map { "\($0)" }?.contains("softMarginLoss") == true)
  }
}
