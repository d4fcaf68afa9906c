import NNCore
import NNLayers

/// The gradients of several batches as one: the mean over all their samples, whatever their sizes.
struct GradientAccumulation {
  /// Batches so far.
  private(set) var batches = 0
  /// Samples so far.
  private(set) var samples = 0
  private var firstSamples = 1.0
  private var weight = 0.0

  var isEmpty: Bool { batches == 0 }

  /// Adds the gradients of a batch's mean loss. Batches are weighed by the first one's size, so that batches of one
  /// size, and a batch that stays alone, go through unchanged.
  ///
  /// - Parameter differentiate: adds the gradients of a number to those of the parameters.
  mutating func add(_ loss: Tensor, samples: Int, _ differentiate: (Tensor) -> Void) {
    if isEmpty { firstSamples = Double(max(1, samples)) }
    let share = Double(samples) / firstSamples
    differentiate(share == 1 ? loss : loss * share)
    batches += 1
    self.samples += samples
    weight += share
  }

  /// Makes a mean of the sum.
  mutating func finish(_ parameters: [Parameter]) {
    if weight != 1, weight > 0 { scaleGradients(parameters, by: 1 / weight) }
    self = GradientAccumulation()
  }
}
