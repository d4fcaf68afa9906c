import Foundation
import NNCore

/// Scales all gradients by one factor so that their common norm is at most `maxNorm`, as
/// `torch.nn.utils.clip_grad_norm_`: the factor is min(1, maxNorm / (norm + 1e-6)).
///
/// The norm is summed in float64 in an order that does not depend on the number of threads.
///
/// - Parameter normType: 2 is the Euclidean norm, `.infinity` the greatest absolute value.
/// - Returns: the norm before scaling. It is NaN or infinite if a gradient is; the gradients are then worthless.
@discardableResult
public func clipGradNorm(_ parameters: [Parameter], maxNorm: Double, normType: Double = 2) -> Double {
  require(maxNorm >= 0, "clipGradNorm", "maxNorm must not be negative, got \(maxNorm)")
  let norm = gradNorm(parameters, normType: normType)
  clipGradNorm(parameters, maxNorm: maxNorm, knownNorm: norm)
  return norm
}

/// `clipGradNorm` of gradients whose norm is known.
package func clipGradNorm(_ parameters: [Parameter], maxNorm: Double, knownNorm norm: Double) {
  let factor = maxNorm / (norm + 1e-6)
  // Not min(1, factor): NaN must spread.
  changeGradients(parameters) { $0 *= factor > 1 ? 1 : factor }
}

/// The norm of all gradients taken as one vector; parameters without gradient do not count.
public func gradNorm(_ parameters: [Parameter], normType: Double = 2) -> Double {
  require(normType > 0, "gradNorm", "normType must be positive, got \(normType)")
  let gradients = parameters.compactMap { $0.grad?.detach() }
  for gradient in gradients {
    require(
      gradient.dtype.isFloatingPoint, "gradNorm", "needs floating-point gradients, got \(gradient.dtype)")
  }
  guard let backend = gradients.first?.backend else { return 0 }
  let total = backend.powerSum(gradients, normType)
  return normType.isInfinite ? total : normType == 2 ? total.squareRoot() : pow(total, 1 / normType)
}

/// `clipGradNorm` of gradients on a device beside the CPU, which nothing waits for: the norm as a float64 number there; nil
/// without gradients.
package func clipUnreadGradNorm(_ parameters: [Parameter], maxNorm: Double) -> Tensor? {
  guard let norm = unreadGradNorm(parameters, normType: 2) else { return nil }
  let factor = noGrad { (maxNorm / (norm + 1e-6)).clamp(max: 1) }
  changeGradients(parameters) { $0 = $0 * factor.to($0.dtype) }
  return norm
}

/// `gradNorm` as a float64 number on the gradients' device, which nothing waits for; nil without gradients.
///
/// - Parameter normType: 2, or `.infinity`.
package func unreadGradNorm(_ parameters: [Parameter], normType: Double) -> Tensor? {
  let gradients = parameters.compactMap { $0.grad?.detach() }
  guard let backend = gradients.first?.backend else { return nil }
  return noGrad {
    let total = backend.unreadPowerSum(gradients, normType)
    return normType.isInfinite ? total : total.sqrt()
  }
}

extension Tensor {
  /// Whether no element is NaN or infinite; true for integers.
  package var isAllFinite: Bool { backend.isAllFinite(detach()) }
}

/// Cuts every element of the gradients to [-clipValue, clipValue], as `torch.nn.utils.clip_grad_value_`.
public func clipGradValue(_ parameters: [Parameter], clipValue: Double) {
  require(clipValue >= 0, "clipGradValue", "clipValue must not be negative, got \(clipValue)")
  changeGradients(parameters) { $0 = $0.clamp(min: -clipValue, max: clipValue) }
}

/// Multiplies every gradient by `factor`: turns the sum over accumulated batches into their mean.
public func scaleGradients(_ parameters: [Parameter], by factor: Double) {
  changeGradients(parameters) { $0 *= factor }
}

private func changeGradients(_ parameters: [Parameter], _ body: (inout Tensor) -> Void) {
  for parameter in parameters {
    guard var gradient = parameter.grad?.detach() else { continue }
    parameter.grad = nil  // so that nobody else holds it and it changes in place
    noGrad { body(&gradient) }
    parameter.grad = gradient
  }
}
