// What optimizers ask of a device, for one that has no kernels of its own for it.

extension Backend {
  package func step(_ steps: [ParameterStep]) {
    for step in steps { step.applyComposed() }
  }

  package func powerSum(_ tensors: [Tensor], _ power: Double) -> Double { composedPowerSum(tensors, power) }

  package func unreadPowerSum(_ tensors: [Tensor], _ power: Double) -> Tensor {
    let parts = tensors.filter { $0.count > 0 }.map { x in
      let size = x.detach().to(.float64).abs()
      return power.isInfinite ? size.amax() : size.pow(power).sum()
    }
    if parts.isEmpty { return fill([], 0, dtype: .float64) }
    let all = stack(parts)
    return power.isInfinite ? all.amax() : all.sum()
  }

  package func isAllFinite(_ x: Tensor) -> Bool { composedIsAllFinite(x) }

  /// `powerSum` as an expression of tensors.
  package func composedPowerSum(_ tensors: [Tensor], _ power: Double) -> Double {
    unreadPowerSum(tensors, power).item()
  }

  /// `isAllFinite` as an expression of tensors: 0 times a finite number is 0, 0 times another is NaN.
  package func composedIsAllFinite(_ x: Tensor) -> Bool { (x.detach() * 0).sum().item() == 0 }
}

extension ParameterStep {
  /// The step as an expression of tensors: what each rule means, on any device.
  package func applyComposed() {
    let device = parameter.backend
    var g = rule.maximize ? -gradient : gradient
    if rule.weightDecay != 0 { g = g + rule.weightDecay * parameter }

    func keep(_ value: Tensor, _ place: Int) -> Tensor {
      device.assign(value, to: state[place])
      return state[place]
    }
    /// Moves a running mean towards `value`.
    func mean(_ place: Int, of value: Tensor, keeping share: Double) -> Tensor {
      keep(state[place] + (1 - share) * (value - state[place]), place)
    }

    let change: Tensor
    switch rule.method {
    case .sgd(let rate, let momentum, let share, let nesterov, let isFirst):
      if state.isEmpty {
        change = rate * g
      } else {
        let b = keep(isFirst ? g : momentum * state[0] + share * g, 0)
        change = rate * (nesterov ? g + momentum * b : b)
      }
    case .adam(let rate, let betas, let scale, let epsilon):
      let m = mean(0, of: g, keeping: betas.0)
      let v = mean(1, of: g * g, keeping: betas.1)
      let w = state.count > 2 ? keep(state[2].maximum(v), 2) : v
      change = rate * m / (scale * w.sqrt() + epsilon)
    case .nadam(let rate, let gradientRate, let betas, let scale, let epsilon):
      let m = mean(0, of: g, keeping: betas.0)
      let v = mean(1, of: g * g, keeping: betas.1)
      change = (gradientRate * g + rate * m) / (scale * v.sqrt() + epsilon)
    case .radam(let rate, let betas, let adaptive, let epsilon):
      let m = mean(0, of: g, keeping: betas.0)
      let v = mean(1, of: g * g, keeping: betas.1)
      change = adaptive > 0 ? rate * m * (adaptive / (v.sqrt() + epsilon)) : rate * m
    case .adamax(let rate, let betas, let epsilon):
      let m = mean(0, of: g, keeping: betas.0)
      let u = keep((betas.1 * state[1]).maximum(g.abs() + epsilon), 1)
      change = rate * m / u
    case .rmsprop(let rate, let alpha, let epsilon, let momentum, let centered):
      var spread = mean(0, of: g * g, keeping: alpha)
      if centered {
        let a = mean(1, of: g, keeping: alpha)
        spread = spread - a * a
      }
      let q = g / (spread.sqrt() + epsilon)
      let last = state.count - 1
      change = rate * (momentum == 0 ? q : keep(momentum * state[last] + q, last))
    case .adagrad(let rate, let epsilon):
      change = rate * g / (keep(state[0] + g * g, 0).sqrt() + epsilon)
    case .adadelta(let rate, let rho, let epsilon):
      let s = mean(0, of: g * g, keeping: rho)
      let q = (state[1] + epsilon).sqrt() / (s + epsilon).sqrt() * g
      _ = mean(1, of: q * q, keeping: rho)
      change = rate * q
    }
    device.assign(rule.shrinkage * parameter - change, to: parameter)
  }
}
