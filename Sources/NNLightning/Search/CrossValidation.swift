import Foundation
import NNCore
import NNData
import NNFiles

/// Fits one head several times on features that a frozen network gave once, each time without another part of the
/// images, and judges it by that part: the mean tells how good it is, the spread how far one split is to be trusted.
///
///     let features = try LabelledFeatures(loader, classes: 5) { backbone($0) }
///     let result = try CrossValidation(features, classes: 5, folds: 5, head: .prototypes).run()
///     print(result.accuracy.mean, result.accuracy.spread)
public struct CrossValidation {
  /// Mean and standard deviation (of a sample) of numbers.
  public struct Summary: Sendable, Equatable {
    public let mean: Double
    public let spread: Double

    init(_ values: [Double]) {
      let mean = values.reduce(0, +) / Double(values.count)
      let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      self.mean = mean
      spread = (squares / Double(max(1, values.count - 1))).squareRoot()
    }
  }

  public struct Result: Sendable {
    /// What came of each part.
    public let trials: [HeadSearch.Trial]
    /// Images of each part.
    public let counts: [Int]
    public var accuracy: Summary { Summary(trials.map(\.validationAccuracy)) }
    public var loss: Summary { Summary(trials.map(\.validationLoss)) }
  }

  private let features: LabelledFeatures
  private let classes: Int
  private let folds: [[Int]]
  private let head: HeadSearch.Head
  private let epochs: Int
  private let batchSize: Int
  private let momentum: Double
  private let balance: ClassBalance
  private let seed: Int

  /// - Parameters:
  ///   - folds: parts, at least 2.
  ///   - epochs: of each training, if the head is trained.
  ///   - batchSize: at least 2.
  ///   - balance: how classes of few images are made up for.
  ///   - seed: of the parts, the starting weights and the shuffles.
  /// - Throws: `HeadSearchError` if there are fewer images than parts.
  public init(
    _ features: LabelledFeatures, classes: Int, folds: Int, head: HeadSearch.Head,
    epochs: Int = 20, batchSize: Int = 64, momentum: Double = 0.9, balance: ClassBalance = .none,
    seed: Int = 0
  ) throws {
    guard features.count >= max(folds, 3) else {
      throw HeadSearchError.invalid(expected: "at least \(max(folds, 3)) images", found: "\(features.count)")
    }
    self.features = features
    self.classes = classes
    self.folds = stratifiedFolds(
      features.target.array(of: Int.self), count: folds, generator: Generator(seed: seed))
    self.head = head
    self.epochs = epochs
    self.batchSize = batchSize
    self.momentum = momentum
    self.balance = balance
    self.seed = seed
  }

  /// - Parameter progress: called behind each part with the number of those that are done and of all.
  public func run(progress: (_ done: Int, _ count: Int) -> Void = { _, _ in }) throws -> Result {
    let trials = try folds.indices.map { place in
      let rest = folds.indices.filter { $0 != place }.flatMap { folds[$0] }
      let search = try HeadSearch(
        train: features.rows(rest), validation: features.rows(folds[place]), classes: classes,
        heads: [head], epochs: epochs, batchSize: batchSize, momentum: momentum, balance: balance, seed: seed)
      defer { progress(place + 1, folds.count) }
      return try search.run()[0]
    }
    return Result(trials: trials, counts: folds.map(\.count))
  }
}

extension CrossValidation.Result {
  private static let columns = ["fold", "images", "val_acc", "val_loss"]

  private func rows(_ number: (Double) -> String) -> [[String]] {
    trials.indices.map { place in
      [
        "\(place + 1)", "\(counts[place])", number(trials[place].validationAccuracy),
        number(trials[place].validationLoss),
      ]
    }
  }

  /// A row for each part, and below it mean and spread.
  public var table: String {
    func number(_ value: Double) -> String { String(format: "%.4f", value) }
    let summaries = [("mean", \CrossValidation.Summary.mean), ("spread", \.spread)].map { name, value in
      [name, "", number(accuracy[keyPath: value]), number(loss[keyPath: value])]
    }
    return textTable(Self.columns, rows(number) + summaries, rightAligned: [1, 2, 3])
  }

  /// Writes a row for each part with commas between the cells.
  ///
  /// - Throws: `FileError`.
  public func write(csv path: String) throws {
    let lines = ([Self.columns] + rows { "\($0)" }).map { $0.joined(separator: ",") + "\n" }
    try AtomicFile.write(path) { try $0.write(Array(lines.joined().utf8)) }
  }
}
