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
  /// Every class comes equally often, its images repeatedly if it has few. Heads that are solved rather than trained
  /// look at all images at once, and weigh errors instead.
  case sampling
}

/// Tries heads on features that a frozen network gave once, and judges each by its validation accuracy: layers that are
/// trained for a few epochs, and heads that are solved, in closed form or to convergence.
///
///     let train = try LabelledFeatures(trainLoader, classes: 5) { backbone($0) }
///     let validation = try LabelledFeatures(validationLoader, classes: 5) { backbone($0) }
///     let search = try HeadSearch(train: train, validation: validation, classes: 5)
///     let trials = try search.run()
///     print(HeadSearch.table(trials))  // the best first
///     print(HeadSearch.verdict(trials))
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

  /// A head with its settings. All but the trained ones work on standardised features: of mean 0 and variance 1 over the
  /// training images.
  public enum Head: Sendable, Hashable {
    case trained(Candidate)
    /// λ of a ``LogisticHead``.
    case logistic(regularization: Double)
    /// λ of a ``RidgeHead``.
    case ridge(regularization: Double)
    /// The nearest training images vote, see `NearestNeighbors`; so many of them.
    case neighbors(count: Int)
    /// The class to whose mean the features have the smallest angle (Snell et al., 2017); for very few images.
    case prototypes

    /// What sort of head it is, whatever its settings.
    public enum Kind: String, Sendable, CaseIterable { case trained, logistic, ridge, neighbors, prototypes }

    public var kind: Kind {
      switch self {
      case .trained: .trained
      case .logistic: .logistic
      case .ridge: .ridge
      case .neighbors: .neighbors
      case .prototypes: .prototypes
      }
    }
  }

  /// What came of a head.
  public struct Trial: Sendable {
    public let head: Head
    /// Share of the training samples in 0...1; nil for neighbours, of which it says nothing.
    public let trainingAccuracy: Double?
    /// Share of the validation samples in 0...1.
    public let validationAccuracy: Double
    /// Cross-entropy. Scores of heads that give none of their own accord are scaled so that it is least.
    public let validationLoss: Double
    /// Validation accuracy behind each epoch; empty for a head that is not trained.
    public let curve: [Double]
    /// Which validation samples it is right about.
    public let hits: [Bool]
  }

  public let train: LabelledFeatures
  public let validation: LabelledFeatures
  public let classes: Int
  public let heads: [Head]
  public let views: Int
  public let epochs: Int
  public let batchSize: Int
  public let momentum: Double
  public let balance: ClassBalance
  public let seed: Int

  /// Both heads that are trained, with SGD and AdamW at rates and decays that are usual for heads.
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

  /// Heads that are solved, with the settings that are tried.
  public static let solved: [Head] =
    [1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1].map { .logistic(regularization: $0) }
    + [1e-3, 1e-2, 1e-1, 1].map { .ridge(regularization: $0) }
    + [5, 10, 20, 50].map { .neighbors(count: $0) } + [.prototypes]

  /// - Parameters:
  ///   - train: of `views` versions of each image: all images, and behind them all images in the next version.
  ///   - heads: what is tried, at least one.
  ///   - views: versions of each training image; an epoch takes one after the other, solved heads all at once.
  ///   - epochs: of each head that is trained.
  ///   - batchSize: at least 2.
  ///   - momentum: of SGD.
  ///   - balance: how classes of few images are made up for.
  /// - Throws: `HeadSearchError` if validation features are of another size than training features.
  public init(
    train: LabelledFeatures, validation: LabelledFeatures, classes: Int,
    heads: [Head] = HeadSearch.grid.map { .trained($0) } + HeadSearch.solved, views: Int = 1,
    epochs: Int = 20, batchSize: Int = 64, momentum: Double = 0.9, balance: ClassBalance = .none,
    seed: Int = 0
  ) throws {
    require(!heads.isEmpty, "HeadSearch", "needs at least one head")
    require(epochs >= 1, "HeadSearch", "needs at least one epoch, got \(epochs)")
    require(batchSize >= 2, "HeadSearch", "batches need at least 2 samples, got \(batchSize)")
    require(
      views >= 1 && train.count % views == 0, "HeadSearch",
      "\(train.count) samples are not those of \(views) views")
    let sizes = [train, validation].map { $0.features.shape[1] }
    guard sizes[0] == sizes[1] else {
      throw HeadSearchError.invalid(
        expected: "validation features of size \(sizes[0]), as those of the training", found: "\(sizes[1])")
    }
    guard train.count / views >= 2 else {
      throw HeadSearchError.invalid(
        expected: "at least 2 training samples", found: "\(train.count / views)")
    }
    self.train = train
    self.validation = validation
    self.classes = classes
    self.heads = heads
    self.views = views
    self.epochs = epochs
    self.batchSize = batchSize
    self.momentum = momentum
    self.balance = balance
    self.seed = seed
  }

  /// Tries all heads.
  ///
  /// - Parameter progress: called behind each with the number of those that are done and of all.
  /// - Returns: the best first: by validation accuracy, then by loss, then in the order of `heads`.
  /// - Throws: `LinearAlgebraError` if a regularisation is too small for the features.
  public func run(progress: (_ done: Int, _ count: Int) -> Void = { _, _ in }) throws -> [Trial] {
    let standard = Standardized(train.features)
    var trials: [Trial] = []
    for head in heads {
      if case .trained(let candidate) = head {
        let (layers, curve) = trained(candidate)
        trials.append(trial(head, layers, curve))
      } else {
        trials.append(trial(head, try solved(head, standard)))
      }
      progress(trials.count, heads.count)
    }
    func key(_ place: Int) -> (Double, Double, Int) {
      let loss = trials[place].validationLoss
      return (-trials[place].validationAccuracy, loss.isNaN ? .infinity : loss, place)
    }
    return trials.indices.sorted { key($0) < key($1) }.map { trials[$0] }
  }

  /// The layers of a head, fitted to the training features: `norm` and `unit` where it has them, and `linear` or
  /// `neighbors`. The same bits as in ``run(progress:)``.
  ///
  /// - Throws: `LinearAlgebraError` if a regularisation is too small for the features.
  public func fit(_ head: Head) throws -> Sequential {
    if case .trained(let candidate) = head { return trained(candidate).layers }
    return try solved(head, Standardized(train.features))
  }

  private func trial(_ head: Head, _ layers: Sequential, _ curve: [Double] = []) -> Trial {
    layers.eval()
    let scores = Self.scores(layers, validation.features)
    // The nearest of the training samples is each of them itself.
    let training =
      head.kind == .neighbors ? nil : accuracy(Self.scores(layers, train.features), train.target).item()
    return Trial(
      head: head, trainingAccuracy: training, validationAccuracy: accuracy(scores, validation.target).item(),
      validationLoss: crossEntropy(scores, validation.target, weight: classWeights).item(), curve: curve,
      hits: (scores.argmax(1) .== validation.target).array(of: Bool.self))
  }

  /// What a fitted head says of features [N, F], a thousand rows at a time: neighbours take a number for each pair of rows
  /// and stored examples.
  ///
  /// - Returns: [N, classes], without gradients.
  public static func scores(_ layers: Sequential, _ features: Tensor) -> Tensor {
    noGrad { cat(features.split(1_024).map { layers($0) }) }
  }

  // MARK: Heads that are trained

  private func trained(_ candidate: Candidate) -> (layers: Sequential, curve: [Double]) {
    let generator = Generator(seed: seed)
    return withDefaultGenerator(generator) {
      let head = Sequential([])
      let size = train.features.shape[1]
      if candidate.normalizes { head.append(BatchNorm1d(size), named: "norm") }
      head.append(Linear(size, classes), named: "linear")
      let optimizer = optimizer(candidate, head.parameters())
      let weight = balance == .weights ? classWeights : nil
      var curve: [Double] = []
      for epoch in 0..<epochs {
        head.train()
        for batch in batches(epoch, generator) {
          let index = Tensor(batch)
          let scores = head(train.features.indexSelect(0, index: index))
          optimizer.zeroGrad()
          crossEntropy(scores, train.target.indexSelect(0, index: index), weight: weight).backward()
          optimizer.step()
        }
        head.eval()
        curve.append(noGrad { accuracy(head(validation.features), validation.target).item() })
      }
      return (head, curve)
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

  /// How much errors of each class count, [C]; nil if all do the same.
  var classWeights: Tensor? {
    if balance == .none { return nil }
    let weights = balancedClassWeights(train.target.array(of: Int.self), classes: classes)
    return Tensor(weights.map { Float($0) })
  }

  /// Shuffled rows of the epoch's view in batches; a single one at the end, of which there are no statistics, is left
  /// out.
  private func batches(_ epoch: Int, _ generator: Generator) -> [[Int]] {
    let count = train.count / views
    let first = epoch % views * count
    let targets = train.target.array(of: Int.self)[first..<first + count]
    let order =
      balance == .sampling
      ? WeightedRandomSampler.balancing(Array(targets), generator: generator).order()
      : generator.randperm(count)
    return stride(from: 0, to: order.count, by: batchSize).map {
      order[$0..<min($0 + batchSize, order.count)].map { first + $0 }
    }
    .filter { $0.count > 1 }
  }
}
