/// How an optimizer changes a parameter p along its gradient g, with the settings that are in force at this step.
package struct UpdateRule: Sendable {
  /// The formula. A state's tensors come in the order in which they are named here; "mean" is a running mean.
  package enum Method: Sendable {
    /// p -= rate · g without state. With a buffer b = momentum · b + share · g, at first g, the step is along b, or along
    /// g + momentum · b if `nesterov`. State: none, or b.
    case sgd(rate: Double, momentum: Double, share: Double, nesterov: Bool, isFirst: Bool)
    /// p -= rate · m / (√w · scale + epsilon). State: m, mean of g; v, mean of g²; if kept, the greatest v so far,
    /// which is w then instead of v.
    case adam(rate: Double, betas: (Double, Double), scale: Double, epsilon: Double)
    /// p -= (gradientRate · g + rate · m) / (√v · scale + epsilon). State: m and v as Adam's.
    case nadam(
      rate: Double, gradientRate: Double, betas: (Double, Double), scale: Double, epsilon: Double)
    /// p -= rate · m · (adaptive / (√v + epsilon)), without the factor if `adaptive` is 0. State: m and v as Adam's.
    case radam(rate: Double, betas: (Double, Double), adaptive: Double, epsilon: Double)
    /// p -= rate · m / u. State: m, mean of g; u = max(beta · u, |g| + epsilon).
    case adamax(rate: Double, betas: (Double, Double), epsilon: Double)
    /// q = g / (√(s - a²) + epsilon); p -= rate · q, or with a buffer b = momentum · b + q, rate · b. State: s, mean of
    /// g²; if `centered` a, mean of g, otherwise 0; if momentum is not 0, b.
    case rmsprop(rate: Double, alpha: Double, epsilon: Double, momentum: Double, centered: Bool)
    /// p -= rate · g / (√s + epsilon). State: s, sum of g².
    case adagrad(rate: Double, epsilon: Double)
    /// q = √(d + epsilon) / √(s + epsilon) · g; p -= rate · q. State: s, mean of g²; d, mean of q².
    case adadelta(rate: Double, rho: Double, epsilon: Double)
  }

  package let method: Method
  /// Takes -g for g.
  package let maximize: Bool
  /// Multiple of p that is added to g.
  package let weightDecay: Double
  /// What p is multiplied by before the step.
  package let shrinkage: Double

  package init(_ method: Method, maximize: Bool, weightDecay: Double, shrinkage: Double = 1) {
    self.method = method
    self.maximize = maximize
    self.weightDecay = weightDecay
    self.shrinkage = shrinkage
  }
}

/// One parameter's part of an optimizer's step.
///
/// `parameter` and `state` are row-major, of one shape and type, and are written in place: the caller made sure that
/// nobody else counts on what their memory holds (`Tensor.makeUnique`). Nothing is recorded for any of the tensors.
package struct ParameterStep: Sendable {
  package let rule: UpdateRule
  package let parameter: Tensor
  /// Of the parameter's shape and type, in any memory order.
  package let gradient: Tensor
  /// In the rule's order.
  package let state: [Tensor]

  package init(_ rule: UpdateRule, parameter: Tensor, gradient: Tensor, state: [Tensor]) {
    self.rule = rule
    self.parameter = parameter
    self.gradient = gradient
    self.state = state
  }
}
