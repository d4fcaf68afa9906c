import CCUDAKernels
import NNCore

private let stepKernel = CUDAKernel.Family("nn_step", in: "optimizers.cu", [.float32, .float64])

extension CUDABackend {
  package func step(_ steps: [ParameterStep]) {
    if steps.contains(where: { $0.parameter.dtype == .bfloat16 }) { return widening.step(steps) }
    // Neighbours of one rule and one type go together; their numbers do not depend on it.
    var rest = steps[...]
    while let first = rest.first {
      let rule = nn_cuda_rule(first)
      let most = Int(NN_CUDA_STEPS)
      let group = rest.prefix(most).prefix {
        nn_cuda_rule($0).isSame(as: rule) && $0.parameter.dtype == first.parameter.dtype
      }
      launch(group, rule, first.parameter.dtype)
      rest = rest.dropFirst(group.count)
    }
  }

  private func launch(_ group: ArraySlice<ParameterStep>, _ rule: nn_cuda_rule, _ dtype: DType) {
    var copies: [Tensor] = []
    var table = nn_cuda_steps()
    table.rule = rule
    var blocks = 0
    withUnsafeMutableBytes(of: &table.steps) { bytes in
      let places = bytes.bindMemory(to: nn_cuda_step.self)
      for step in group where step.parameter.count > 0 {
        var part = nn_cuda_step()
        part.parameter = step.parameter.cardAddress
        part.count = Int64(step.parameter.count)
        part.start = Int32(blocks)
        if step.gradient.isContiguous {
          part.gradient = UnsafeRawPointer(step.gradient.cardAddress)
        } else if let (channels, positions) = step.gradient.channelsAfterPositions {
          part.gradient = UnsafeRawPointer(step.gradient.cardAddress)
          (part.channels, part.positions) = (Int32(channels), Int32(positions))
        } else {
          copies.append(copy(step.gradient, strides: nil))
          part.gradient = copies.last.map { UnsafeRawPointer($0.cardAddress) }
        }
        let states = step.state.map(\.cardAddress)
        if states.count > 0 { part.states.0 = states[0] }
        if states.count > 1 { part.states.1 = states[1] }
        if states.count > 2 { part.states.2 = states[2] }
        places[Int(table.count)] = part
        table.count += 1
        blocks += step.parameter.count.quotient(roundedUp: Int(NN_CUDA_STEP_PIECE))
      }
    }
    if blocks == 0 { return }
    var arguments = KernelArguments()
    arguments.append(table)
    withExtendedLifetime((group, copies)) { launch(stepKernel[dtype], blocks: blocks, arguments) }
  }
}

extension Tensor {
  /// The sizes of a tensor [O, channels, positions…] that lies in memory as [O, positions…, channels], O being 1 for a
  /// matrix that lies by columns.
  fileprivate var channelsAfterPositions: (channels: Int, positions: Int)? {
    if count > Int32.max { return nil }
    if isChannelsLast { return (shape[1], shape[2] * shape[3]) }
    return rank == 2 && strides == [1, shape[0]] ? (shape[0], shape[1]) : nil
  }
}

extension nn_cuda_rule {
  fileprivate init(_ step: ParameterStep) {
    self.init()
    let rule = step.rule
    maximize = rule.maximize ? 1 : 0
    weight_decay = rule.weightDecay
    shrinkage = rule.shrinkage
    states = Int32(step.state.count)
    func set(_ method: nn_cuda_method, _ rate: Double, _ epsilon: Double, _ beta1: Double, _ beta2: Double) {
      self.method = Int32(method.rawValue)
      self.rate = rate
      self.epsilon = epsilon
      self.beta1 = beta1
      self.beta2 = beta2
    }
    switch rule.method {
    case .sgd(let rate, let momentum, let share, let nesterov, let isFirst):
      set(NN_CUDA_SGD, rate, 0, momentum, 0)
      scale = share
      self.nesterov = nesterov ? 1 : 0
      is_first = isFirst ? 1 : 0
    case .adam(let rate, let betas, let scale, let epsilon):
      set(NN_CUDA_ADAM, rate, epsilon, betas.0, betas.1)
      self.scale = scale
    case .nadam(let rate, let gradientRate, let betas, let scale, let epsilon):
      set(NN_CUDA_NADAM, rate, epsilon, betas.0, betas.1)
      self.scale = scale
      gradient_rate = gradientRate
    case .radam(let rate, let betas, let adaptive, let epsilon):
      set(NN_CUDA_RADAM, rate, epsilon, betas.0, betas.1)
      scale = adaptive
    case .adamax(let rate, let betas, let epsilon): set(NN_CUDA_ADAMAX, rate, epsilon, betas.0, betas.1)
    case .rmsprop(let rate, let alpha, let epsilon, let momentum, let centered):
      set(NN_CUDA_RMSPROP, rate, epsilon, momentum, alpha)
      self.centered = centered ? 1 : 0
    case .adagrad(let rate, let epsilon): set(NN_CUDA_ADAGRAD, rate, epsilon, 0, 0)
    case .adadelta(let rate, let rho, let epsilon): set(NN_CUDA_ADADELTA, rate, epsilon, 0, rho)
    }
  }

  fileprivate func isSame(as other: nn_cuda_rule) -> Bool {
    withUnsafeBytes(of: self) { own in withUnsafeBytes(of: other) { own.elementsEqual($0) } }
  }
}
