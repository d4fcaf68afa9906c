import Foundation
import NNCore
import NNData
import NNLayers

/// How classes of few images are made up for.
public enum ClassBalance: String, Sendable, CaseIterable {
  /// Every image counts the same.
  case none
  /// Errors count by the weights of `balancedClassWeights`.
  case weights
  /// Every class comes equally often, its images repeatedly if it has few.
  case sampling
}

/// Tries heads on features that a frozen network gave once: each setting is trained for a few epochs and judged by its
/// validation accuracy, beside ridge regressions in closed form.
///
///     let train = try LabelledFeatures(trainLoader, classes: 5) { backbone($0) }
///     let validation = try LabelledFeatures(validationLoader, classes: 5) { backbone($0) }
///     let trials = try HeadSearch(train: train, validation: validation, classes: 5).run()
///     print(HeadSearch.table(trials))  // the best first
///
/// The same seed gives the same trials; each draws starting weights and shuffles from a generator of its own.
public struct HeadSearch {
  /// A head that is trained.
  public struct Candidate: Sendable, Hashable {
    public enum Optimizer: String, Sendable { case sgd, adamw }

    /// Whether a `BatchNorm1d` comes before the linear layer.
    public var normalizes: Bool
    public var optimizer: Optimizer
    public var learningRate: Double
    public var weightDecay: Double

    public init(normalizes: Bool, optimizer: Optimizer, learningRate: Double, weightDecay: Double) {
      self.normalizes = normalizes
      self.optimizer = optimizer
      self.learningRate = learningRate
      self.weightDecay = weightDecay
    }
  }

  public enum Head: Sendable, Hashable {
    case trained(Candidate)
    /// λ of a ``RidgeHead``.
    case ridge(regularization: Double)
  }

  /// What came of a head.
  public struct Trial: Sendable {
    public let head: Head
    /// Shares of the samples in 0...1.
    public let trainingAccuracy: Double
    public let validationAccuracy: Double
    /// Cross-entropy; nil for a ridge regression, whose scores are no logits.
    public let validationLoss: Double?
    /// Validation accuracy behind each epoch; empty for a ridge regression.
    public let curve: [Double]
  }

  public let train: LabelledFeatures
  public let validation: LabelledFeatures
  public let classes: Int
  public let candidates: [Candidate]
  public let regularizations: [Double]
  public let epochs: Int
  public let batchSize: Int
  public let momentum: Double
  public let balance: ClassBalance
  public let seed: Int

  /// Both heads with SGD and AdamW at rates and decays that are usual for heads.
  public static let grid: [Candidate] = [true, false].flatMap { normalizes in
    [(Candidate.Optimizer.sgd, [0.003, 0.01, 0.03], [0, 1e-3]), (.adamw, [1e-3, 3e-3], [0, 1e-1])].flatMap {
      optimizer, rates, decays in
      rates.flatMap { rate in
        decays.map {
          Candidate(normalizes: normalizes, optimizer: optimizer, learningRate: rate, weightDecay: $0)
        }
      }
    }
  }

  /// - Parameters:
  ///   - candidates: heads to be trained, at least one.
  ///   - regularizations: of the ridge regressions, each above 0, as multiples of the features' mean variance.
  ///   - epochs: of each candidate.
  ///   - batchSize: at least 2.
  ///   - momentum: of SGD.
  ///   - balance: how classes of few images are made up for by the heads that are trained.
  /// - Throws: `HeadSearchError` if validation features are of another size than training features.
  public init(
    train: LabelledFeatures, validation: LabelledFeatures, classes: Int,
    candidates: [Candidate] = HeadSearch.grid, regularizations: [Double] = [1e-3, 1e-2, 1e-1, 1],
    epochs: Int = 20, batchSize: Int = 64, momentum: Double = 0.9, balance: ClassBalance = .none,
    seed: Int = 0
  ) throws {
    require(!candidates.isEmpty, "HeadSearch", "needs at least one candidate")
    require(epochs >= 1, "HeadSearch", "needs at least one epoch, got \(epochs)")
    require(batchSize >= 2, "HeadSearch", "batches need at least 2 samples, got \(batchSize)")
    let sizes = [train, validation].map { $0.features.shape[1] }
    guard sizes[0] == sizes[1] else {
      throw HeadSearchError.invalid(
        expected: "validation features of size \(sizes[0]), as those of the training", found: "\(sizes[1])")
    }
    guard train.count >= 2 else {
      throw HeadSearchError.invalid(expected: "at least 2 training samples", found: "\(train.count)")
    }
    self.train = train
    self.validation = validation
    self.classes = classes
    self.candidates = candidates
    self.regularizations = regularizations
    self.epochs = epochs
    self.batchSize = batchSize
    self.momentum = momentum
    self.balance = balance
    self.seed = seed
  }

  /// Tries all heads.
  ///
  /// - Parameter progress: called behind each with the number of those that are done and of all.
  /// - Returns: the best first: by validation accuracy, then by loss (a ridge regression behind trained heads), then in
  ///   the order of the candidates.
  /// - Throws: `LinearAlgebraError` if a regularisation is too small for the features.
  public func run(progress: (_ done: Int, _ count: Int) -> Void = { _, _ in }) throws -> [Trial] {
    let count = candidates.count + regularizations.count
    var trials = candidates.enumerated().map { place, candidate in
      defer { progress(place + 1, count) }
      return trial(of: candidate)
    }
    let variance = train.features.to(.float64).variance([0], correction: 0).mean().item()
    let strengths = regularizations.map { $0 * max(variance, .leastNormalMagnitude) }
    let ridges = try RidgeHead.solve(
      train.features, train.target, classes: classes, regularizations: strengths)
    for (strength, ridge) in zip(strengths, ridges) {
      trials.append(
        Trial(
          head: .ridge(regularization: strength),
          trainingAccuracy: accuracy(ridge(train.features), train.target).item(),
          validationAccuracy: accuracy(ridge(validation.features), validation.target).item(),
          validationLoss: nil, curve: []))
      progress(trials.count, count)
    }
    func key(_ place: Int) -> (Double, Double, Int) {
      let loss = trials[place].validationLoss ?? .infinity
      return (-trials[place].validationAccuracy, loss.isNaN ? .infinity : loss, place)
    }
    return trials.indices.sorted { key($0) < key($1) }.map { trials[$0] }
  }

  private func trial(of candidate: Candidate) -> Trial {
    let generator = Generator(seed: seed)
    return withDefaultGenerator(generator) {
      let head = Sequential([])
      let size = train.features.shape[1]
      if candidate.normalizes { head.append(BatchNorm1d(size), named: "norm") }
      head.append(Linear(size, classes), named: "linear")
      let optimizer = optimizer(candidate, head.parameters())
      let weight = balance == .weights ? classWeights : nil
      var curve: [Double] = []
      for _ in 0..<epochs {
        head.train()
        for batch in batches(generator) {
          let index = Tensor(Array(batch))
          let scores = head(train.features.indexSelect(0, index: index))
          optimizer.zeroGrad()
          crossEntropy(scores, train.target.indexSelect(0, index: index), weight: weight).backward()
          optimizer.step()
        }
        head.eval()
        curve.append(noGrad { accuracy(head(validation.features), validation.target).item() })
      }
      return noGrad {
        Trial(
          head: .trained(candidate),
          trainingAccuracy: accuracy(head(train.features), train.target).item(),
          validationAccuracy: curve[epochs - 1],
          validationLoss: crossEntropy(head(validation.features), validation.target, weight: weight).item(),
          curve: curve)
      }
    }
  }

  private func optimizer(_ candidate: Candidate, _ parameters: [Parameter]) -> any Optimizer {
    switch candidate.optimizer {
    case .sgd:
      SGD(parameters, learningRate: candidate.learningRate) {
        $0.momentum = momentum
        $0.weightDecay = candidate.weightDecay
      }
    case .adamw:
      AdamW(parameters, learningRate: candidate.learningRate) { $0.weightDecay = candidate.weightDecay }
    }
  }

  private var classWeights: Tensor {
    Tensor(balancedClassWeights(train.target.array(of: Int.self), classes: classes).map { Float($0) })
  }

  /// Shuffled rows in batches; a single one at the end, of which there are no statistics, is left out.
  private func batches(_ generator: Generator) -> [ArraySlice<Int>] {
    let order =
      balance == .sampling
      ? WeightedRandomSampler.balancing(train.target.array(of: Int.self), generator: generator).order()
      : generator.randperm(train.count)
    return stride(from: 0, to: order.count, by: batchSize).map {
      order[$0..<min($0 + batchSize, order.count)]
    }
    .filter { $0.count > 1 }
  }
}
