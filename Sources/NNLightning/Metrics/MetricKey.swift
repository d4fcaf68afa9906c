/// The name of a metric as a value, so that a misspelt one does not compile:
///
///     extension MetricKey { static let f1: MetricKey = "val_f1" }
///     context.log(.f1, F1Score(classes: 10, scores, target))
///     ModelCheckpoint(directory: "runs", monitor: .f1, mode: .max)
///
/// A string literal is a key too. A callback that watches a key that the run does not have is refused before the
/// first step.
public struct MetricKey: Hashable, Sendable, Codable, ExpressibleByStringLiteral, CustomStringConvertible {
  public let name: String

  public init(_ name: String) { self.name = name }
  public init(stringLiteral name: String) { self.name = name }
  public var description: String { name }

  /// The loss that is differentiated.
  public static let loss: MetricKey = "loss"
  public static let validationLoss: MetricKey = "val_loss"
  public static let validationAccuracy: MetricKey = "val_acc"
  public static let testLoss: MetricKey = "test_loss"
  public static let testAccuracy: MetricKey = "test_acc"
}
