/// Which class each row of a matrix of logarithms should have, and what a mistake counts; see `nn_class_targets`.
package struct ClassTargets: Sendable {
  /// int64 without gaps, in row-major order.
  package let classes: Tensor
  /// One factor per class.
  package var weight: Tensor?
  package let ignored: Int
  package let smoothing: Double

  init(classes: Tensor, weight: Tensor?, ignored: Int, smoothing: Double) {
    self.classes = classes
    self.weight = weight
    self.ignored = ignored
    self.smoothing = smoothing
  }
}
