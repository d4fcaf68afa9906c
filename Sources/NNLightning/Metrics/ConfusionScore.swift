import NNCore

/// A number for each class that is computed from a confusion matrix.
public protocol ConfusionScoreKind: Sendable {
  static func scores(_ matrix: ConfusionMatrix) -> [Double]
}

/// One number from those that a confusion matrix gives for each class: ``Precision``, ``Recall``, ``F1Score``.
public struct ConfusionScore<Kind: ConfusionScoreKind>: Metric, Equatable {
  public private(set) var matrix: ConfusionMatrix
  public let average: ConfusionMatrix.Average

  public init(classes: Int, average: ConfusionMatrix.Average = .macro) {
    matrix = ConfusionMatrix(classes: classes)
    self.average = average
  }

  /// The measure of one batch: scores [N, C], class numbers [N].
  public init(
    classes: Int, average: ConfusionMatrix.Average = .macro, _ scores: Tensor, _ target: Tensor
  ) {
    self.init(classes: classes, average: average)
    update(scores, target)
  }

  /// Adds a batch: scores [N, C], class numbers [N].
  public mutating func update(_ scores: Tensor, _ target: Tensor) { matrix.update(scores, target) }

  public func canMerge(_ other: Self) -> Bool { average == other.average && matrix.canMerge(other.matrix) }

  public mutating func merge(_ other: Self) {
    require(average == other.average, "Metric", "cannot merge \(average) with \(other.average) averages")
    matrix.merge(other.matrix)
  }

  public var value: Double { matrix.averaged(Kind.scores(matrix), average) }
}

/// Of the samples taken for a class, the share that belongs to it; as `torchmetrics.Precision`.
public typealias Precision = ConfusionScore<PrecisionKind>
/// Of the samples of a class, the share that was recognised; as `torchmetrics.Recall`.
public typealias Recall = ConfusionScore<RecallKind>
/// Harmonic mean of precision and recall; as `torchmetrics.F1Score`.
public typealias F1Score = ConfusionScore<F1ScoreKind>

public enum PrecisionKind: ConfusionScoreKind {
  public static func scores(_ matrix: ConfusionMatrix) -> [Double] { matrix.precisions }
}

public enum RecallKind: ConfusionScoreKind {
  public static func scores(_ matrix: ConfusionMatrix) -> [Double] { matrix.recalls }
}

public enum F1ScoreKind: ConfusionScoreKind {
  public static func scores(_ matrix: ConfusionMatrix) -> [Double] { matrix.f1Scores }
}
