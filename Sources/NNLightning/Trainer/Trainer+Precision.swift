import NNCore

extension Trainer {
  /// In what numbers the steps of a model are computed; the raw values are Lightning's.
  public enum Precision: String, Sendable, CaseIterable, Codable, CustomStringConvertible {
    /// In the types of model and data, most often float32.
    case float32 = "32-true"
    /// Products and convolutions in bfloat16, what is sensitive to rounding in float32: see `withAutocast`. Weights, gradients,
    /// optimizer and checkpoints stay float32, so a run can be resumed in either.
    case bf16Mixed = "bf16-mixed"

    /// As Lightning reads it: `32-true` or `32`, `bf16-mixed` or `bf16`.
    public init?(name: String) {
      switch name {
      case "32": self = .float32
      case "bf16": self = .bf16Mixed
      default: self.init(rawValue: name)
      }
    }

    public var description: String { rawValue }
  }

  /// Runs a step in the precision of this Trainer.
  func inPrecision<T>(_ step: () throws -> T) rethrows -> T {
    precision == .bf16Mixed ? try withAutocast(.bfloat16, step) : try step()
  }

  /// Says once what the precision means here.
  func tellPrecision() {
    guard precision == .bf16Mixed, device == .cpu, !isPrecisionTold else { return }
    isPrecisionTold = true
    note(
      "bf16-mixed on the CPU: results are rounded as on a GPU, but computed by float32 kernels, slower than 32-true."
    )
  }
}
