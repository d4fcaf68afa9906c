import CNNKernels
import Synchronization

// Steps, norms and checks of gradients. Pieces have fixed sizes, and partial sums are added up in their order.

extension CPUBackend {
  func step(_ steps: [ParameterStep]) {
    forEachRun(steps, \.parameter.count) { run in
      let kernels = run.map(StepKernel.init)
      let pieces = cut(kernels, \.step.parameter.count, grain: 32_768)
      inParallel(pieces) { _, piece in kernels[piece.item].run(piece.range) }
    }
  }

  func powerSum(_ tensors: [Tensor], _ power: Double) -> Double {
    func add(_ part: Double, to total: inout Double) {
      if !power.isInfinite {
        total += part
      } else if !(part <= total), total == total {
        total = part
      }
    }
    var total = 0.0
    forEachRun(tensors, \.count) { run in
      let dense = run.map { $0.detach().rowMajor }
      for x in dense { x.evaluate() }
      let pieces = cut(dense, \.count, grain: 65_536)
      var parts = Array(repeating: 0.0, count: pieces.count)
      parts.withUnsafeMutableBufferPointer { parts in
        inParallel(pieces) { place, piece in
          let x = dense[piece.item]
          parts[place] = nn_power_sum(
            x.dtype.rawValue, Int64(piece.range.count), power,
            x.hostPointer + piece.range.lowerBound * x.dtype.byteCount)
        }
      }
      var own = 0.0
      for (piece, part) in zip(pieces, parts) {
        add(part, to: &own)
        if piece.range.upperBound == dense[piece.item].count {
          add(own, to: &total)
          own = 0
        }
      }
    }
    return total
  }

  func isAllFinite(_ x: Tensor) -> Bool {
    if !x.dtype.isFloatingPoint { return true }
    // In whatever order they lie.
    let x = x.isNonOverlappingAndDense ? x.detach() : x.detach().rowMajor
    x.evaluate()
    let isFinite = Atomic<Bool>(true)
    inParallel(cut([x], \.count, grain: 65_536)) { _, piece in
      let start = x.hostPointer + piece.range.lowerBound * x.dtype.byteCount
      if nn_all_finite(x.dtype.rawValue, Int64(piece.range.count), start) == 0 {
        isFinite.store(false, ordering: .relaxed)
      }
    }
    return isFinite.load(ordering: .relaxed)
  }
}

// MARK: - Many tensors in one loop

/// Part of the elements of one of several tensors.
private struct Piece {
  let item: Int
  let range: Range<Int>
}

/// Calls `body` with neighbours of together about a million elements: enough to keep all threads busy, and few enough
/// that gradients which have to be copied do not all wait in memory.
private func forEachRun<Item>(_ items: [Item], _ count: (Item) -> Int, _ body: (ArraySlice<Item>) -> Void) {
  var (start, elements) = (0, 0)
  for place in items.indices {
    elements += count(items[place])
    if elements >= 1 << 20 || place == items.count - 1 {
      body(items[start...place])
      (start, elements) = (place + 1, 0)
    }
  }
}

/// Pieces of at most `grain` elements, item by item.
private func cut<Item>(_ items: [Item], _ count: (Item) -> Int, grain: Int) -> [Piece] {
  var pieces: [Piece] = []
  for place in items.indices {
    let count = count(items[place])
    for start in stride(from: 0, to: count, by: grain) {
      pieces.append(Piece(item: place, range: start..<min(count, start + grain)))
    }
  }
  return pieces
}

/// Runs the pieces side by side if they are worth waking a thread.
private func inParallel(_ pieces: [Piece], _ body: (_ place: Int, _ piece: Piece) -> Void) {
  let elements = pieces.reduce(0) { $0 + $1.range.count }
  if elements <= 32_768 {
    for (place, piece) in pieces.enumerated() { body(place, piece) }
  } else {
    ThreadPool.shared.parallelFor(pieces: pieces.count) { body($0, pieces[$0]) }
  }
}

// MARK: - The kernels of the rules

private struct StepKernel {
  let step: ParameterStep
  /// In the memory order of the parameter.
  let gradient: Tensor
  let common: nn_step_common

  init(_ step: ParameterStep) {
    self.step = step
    gradient = step.gradient.rowMajor
    gradient.evaluate()
    let rule = step.rule
    common = nn_step_common(
      maximize: rule.maximize ? 1 : 0, l2: rule.weightDecay, decay: rule.shrinkage)
  }

  func run(_ range: Range<Int>) {
    let dtype = gradient.dtype.rawValue
    let count = Int64(range.count)
    func address(_ x: Tensor) -> UnsafeMutableRawPointer {
      x.hostPointer + range.lowerBound * x.dtype.byteCount
    }
    func state(_ place: Int) -> UnsafeMutableRawPointer? {
      step.state.indices.contains(place) ? address(step.state[place]) : nil
    }
    let (p, g) = (address(step.parameter), address(gradient))
    switch step.rule.method {
    case .sgd(let rate, let momentum, let share, let nesterov, let isFirst):
      nn_step_sgd(
        dtype, count, common, rate, momentum, share, nesterov ? 1 : 0, isFirst ? 1 : 0, p, g, state(0))
    case .adam(let rate, let betas, let scale, let epsilon):
      nn_step_adam(
        dtype, count, common, rate, betas.0, betas.1, scale, epsilon, p, g, state(0), state(1), state(2))
    case .nadam(let rate, let gradientRate, let betas, let scale, let epsilon):
      nn_step_nadam(
        dtype, count, common, rate, gradientRate, betas.0, betas.1, scale, epsilon, p, g, state(0), state(1))
    case .radam(let rate, let betas, let adaptive, let epsilon):
      nn_step_radam(
        dtype, count, common, rate, betas.0, betas.1, adaptive, epsilon, p, g, state(0), state(1))
    case .adamax(let rate, let betas, let epsilon):
      nn_step_adamax(dtype, count, common, rate, betas.0, betas.1, epsilon, p, g, state(0), state(1))
    case .rmsprop(let rate, let alpha, let epsilon, let momentum, let centered):
      nn_step_rmsprop(
        dtype, count, common, rate, alpha, epsilon, momentum, p, g, state(0), centered ? state(1) : nil,
        momentum == 0 ? nil : state(centered ? 2 : 1))
    case .adagrad(let rate, let epsilon):
      nn_step_adagrad(dtype, count, common, rate, epsilon, p, g, state(0))
    case .adadelta(let rate, let rho, let epsilon):
      nn_step_adadelta(dtype, count, common, rate, rho, epsilon, p, g, state(0), state(1))
    }
  }
}
