import CNNKernels
import Synchronization

// Steps, norms and checks of gradients. Pieces have fixed sizes, and partial sums are added up in their order.

extension CPUBackend {
  func step(_ steps: [ParameterStep]) {
    if steps.contains(where: { $0.parameter.dtype == .bfloat16 }) { return bfloat16Backend.step(steps) }
    forEachRun(steps, { $0.parameter.count }) { run in
      var copies: [Tensor] = []
      var kernels: [StepKernel] = []
      for place in run.indices {
        var gradient = run[place].gradient.hostPointer
        if !run[place].gradient.isContiguous {
          let copy = run[place].gradient.rowMajor
          gradient = copy.hostPointer
          copies.append(copy)
        }
        kernels.append(StepKernel(run[place], gradient))
      }
      let pieces = cut(kernels, \.count, grain: 32_768)
      withExtendedLifetime((steps, copies)) {
        inParallel(pieces) { _, piece in kernels[piece.item].run(piece.range) }
      }
    }
  }

  func powerSum(_ tensors: [Tensor], _ power: Double) -> Double {
    if tensors.contains(where: { $0.dtype == .bfloat16 }) { return bfloat16Backend.powerSum(tensors, power) }
    func add(_ part: Double, to total: inout Double) {
      if !power.isInfinite {
        total += part
      } else if !(part <= total), total == total {
        total = part
      }
    }
    var total = 0.0
    forEachRun(tensors, { $0.count }) { run in
      let dense = run.map { $0.rowMajor }
      let arrays = dense.map { (count: $0.count, dtype: $0.dtype, start: $0.hostPointer) }
      let pieces = cut(arrays, \.count, grain: 65_536)
      var parts = Array(repeating: 0.0, count: pieces.count)
      parts.withUnsafeMutableBufferPointer { parts in
        withExtendedLifetime(dense) {
          inParallel(pieces) { place, piece in
            let x = arrays[piece.item]
            parts[place] = nn_power_sum(
              x.dtype.rawValue, Int64(piece.range.count), power,
              x.start + piece.range.lowerBound * x.dtype.byteCount)
          }
        }
      }
      var own = 0.0
      for (piece, part) in zip(pieces, parts) {
        add(part, to: &own)
        if piece.range.upperBound == arrays[piece.item].count {
          add(own, to: &total)
          own = 0
        }
      }
    }
    return total
  }

  func isAllFinite(_ x: Tensor) -> Bool {
    if !x.dtype.isFloatingPoint { return true }
    if x.dtype == .bfloat16 { return bfloat16Backend.isAllFinite(x) }
    // In whatever order they lie.
    let x = x.isNonOverlappingAndDense ? x : x.rowMajor
    let (dtype, start) = (x.dtype, x.hostPointer)
    let isFinite = Atomic<Bool>(true)
    withExtendedLifetime(x) {
      inParallel(cut([x.count], { $0 }, grain: 65_536)) { _, piece in
        let address = start + piece.range.lowerBound * dtype.byteCount
        if nn_all_finite(dtype.rawValue, Int64(piece.range.count), address) == 0 {
          isFinite.store(false, ordering: .relaxed)
        }
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

/// Runs the pieces side by side, small ones several at a time.
private func inParallel(_ pieces: [Piece], _ body: (_ place: Int, _ piece: Piece) -> Void) {
  var jobs: [Range<Int>] = []
  var (start, elements) = (0, 0)
  for place in pieces.indices {
    elements += pieces[place].range.count
    if elements >= 32_768 || place == pieces.count - 1 {
      jobs.append(start..<place + 1)
      (start, elements) = (place + 1, 0)
    }
  }
  ThreadPool.shared.parallelFor(pieces: jobs.count) { job in
    for place in jobs[job] { body(place, pieces[place]) }
  }
}

// MARK: - The kernels of the rules

/// A step with the addresses of its numbers; whoever runs it keeps the tensors alive.
private struct StepKernel {
  let rule: UpdateRule
  let dtype: DType
  let count: Int
  let parameter, gradient: UnsafeMutableRawPointer
  let states: (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?)

  /// - Parameter gradient: the step's, in the memory order of the parameter.
  init(_ step: ParameterStep, _ gradient: UnsafeMutableRawPointer) {
    rule = step.rule
    dtype = step.parameter.dtype
    count = step.parameter.count
    parameter = step.parameter.hostPointer
    self.gradient = gradient
    func address(_ place: Int) -> UnsafeMutableRawPointer? {
      place < step.state.count ? step.state[place].hostPointer : nil
    }
    states = (address(0), address(1), address(2))
  }

  func run(_ range: Range<Int>) {
    let shift = range.lowerBound * dtype.byteCount
    let (p, g) = (parameter + shift, gradient + shift)
    let state = (states.0.map { $0 + shift }, states.1.map { $0 + shift }, states.2.map { $0 + shift })
    let (dtype, count) = (dtype.rawValue, Int64(range.count))
    let common = nn_step_common(
      maximize: rule.maximize ? 1 : 0, l2: rule.weightDecay, decay: rule.shrinkage)
    switch rule.method {
    case .sgd(let rate, let momentum, let share, let nesterov, let isFirst):
      nn_step_sgd(
        dtype, count, common, rate, momentum, share, nesterov ? 1 : 0, isFirst ? 1 : 0, p, g, state.0)
    case .adam(let rate, let betas, let scale, let epsilon):
      nn_step_adam(
        dtype, count, common, rate, betas.0, betas.1, scale, epsilon, p, g, state.0, state.1, state.2)
    case .nadam(let rate, let gradientRate, let betas, let scale, let epsilon):
      nn_step_nadam(
        dtype, count, common, rate, gradientRate, betas.0, betas.1, scale, epsilon, p, g, state.0, state.1)
    case .radam(let rate, let betas, let adaptive, let epsilon):
      nn_step_radam(
        dtype, count, common, rate, betas.0, betas.1, adaptive, epsilon, p, g, state.0, state.1)
    case .adamax(let rate, let betas, let epsilon):
      nn_step_adamax(dtype, count, common, rate, betas.0, betas.1, epsilon, p, g, state.0, state.1)
    case .rmsprop(let rate, let alpha, let epsilon, let momentum, let centered):
      nn_step_rmsprop(
        dtype, count, common, rate, alpha, epsilon, momentum, p, g, state.0, centered ? state.1 : nil,
        momentum == 0 ? nil : centered ? state.2 : state.1)
    case .adagrad(let rate, let epsilon):
      nn_step_adagrad(dtype, count, common, rate, epsilon, p, g, state.0)
    case .adadelta(let rate, let rho, let epsilon):
      nn_step_adadelta(dtype, count, common, rate, rho, epsilon, p, g, state.0, state.1)
    }
  }
}
