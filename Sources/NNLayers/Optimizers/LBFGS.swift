import NNCore

/// Limited-memory BFGS (Liu and Nocedal, 1989): Newton-like steps that learn the curvature of the loss from the gradients
/// of former ones. For losses of all data at once without noise, such as a logistic regression; as `torch.optim.LBFGS`.
///
///     let optimizer = LBFGS(head.parameters(), maxIterations: 200, usesStrongWolfe: true)
///     optimizer.step { crossEntropy(head(features), labels) }
///
/// A step evaluates the loss many times, so it takes the loss as a closure, and a `Trainer`, which computes the loss once
/// for each step, cannot use it. What is learnt about the curvature is kept from step to step.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.LBFGS.html
public final class LBFGS {
  public let parameters: [Parameter]
  /// Length of a step as a multiple of the Newton-like one, or where the line search begins.
  public var learningRate: Double
  /// Most iterations of a step.
  public let maxIterations: Int
  /// Evaluations of the loss behind which a step makes no further iteration.
  public let maxEvaluations: Int
  /// Ends a step where no element of the gradient is greater.
  public let gradientTolerance: Double
  /// Ends a step where neither the loss nor any parameter changes by more.
  public let changeTolerance: Double
  /// Pairs of former changes that are kept.
  public let historySize: Int
  /// Whether the length of each step is searched for, so that it meets the strong Wolfe conditions.
  public let usesStrongWolfe: Bool
  /// Evaluations of the loss in all steps.
  public private(set) var evaluations = 0
  /// Iterations in all steps.
  public private(set) var iterations = 0

  /// What is known of the curvature.
  private struct Memory {
    /// Changes of the parameters and of the gradient, with 1 / (their product), the oldest first.
    var pairs: [(change: Tensor, gradientChange: Tensor, inverse: Double)] = []
    /// Scale of the inverse curvature in other directions.
    var scale = 1.0
    var direction: Tensor
    var length: Double
    var gradient: Tensor
  }
  private var memory: Memory?

  /// - Parameters:
  ///   - maxEvaluations: 5/4 of the iterations if nil.
  ///   - usesStrongWolfe: searches for the length of each step; recommended.
  public init(
    _ parameters: [Parameter], learningRate: Double = 1, maxIterations: Int = 20, maxEvaluations: Int? = nil,
    gradientTolerance: Double = 1e-7, changeTolerance: Double = 1e-9, historySize: Int = 100,
    usesStrongWolfe: Bool = false
  ) {
    require(!parameters.isEmpty, "LBFGS", "got no parameters")
    require(
      Set(parameters.map(ObjectIdentifier.init)).count == parameters.count, "LBFGS", "got a parameter twice")
    require(learningRate > 0, "LBFGS", "learningRate must be positive, got \(learningRate)")
    require(maxIterations >= 1, "LBFGS", "maxIterations must be at least 1, got \(maxIterations)")
    require(historySize >= 1, "LBFGS", "historySize must be at least 1, got \(historySize)")
    self.parameters = parameters
    self.learningRate = learningRate
    self.maxIterations = maxIterations
    self.maxEvaluations = maxEvaluations ?? maxIterations * 5 / 4
    self.gradientTolerance = gradientTolerance
    self.changeTolerance = changeTolerance
    self.historySize = historySize
    self.usesStrongWolfe = usesStrongWolfe
  }

  /// Changes the parameters.
  ///
  /// - Parameter loss: the loss of the parameters as they are, one number; its gradients are taken here.
  /// - Returns: the loss before the step.
  @discardableResult
  public func step(_ loss: () -> Tensor) -> Double {
    let start = values
    var place = evaluate(loss)
    let first = place.loss
    var evaluated = 1
    if isFlat(place.gradient) { return first }
    // Where the parameters are, in one row.
    var point = start
    for iteration in 1...maxIterations {
      iterations += 1
      var now = extended(memory, place.gradient)
      let slope = place.gradient.inner(now.direction)
      now.length =
        memory == nil ? min(1, 1 / place.gradient.abs().sum().item()) * learningRate : learningRate
      now.gradient = place.gradient
      let former = place.loss
      if slope > -changeTolerance {
        memory = now
        break
      }
      if usesStrongWolfe {
        var search = WolfeSearch(now.direction, from: place, slope: slope, changeTolerance: changeTolerance)
        (now.length, place) = search.run(now.length) { length in
          set(point + length * now.direction)
          return evaluate(loss)
        }
        evaluated += search.evaluations
        point = point + now.length * now.direction
        set(point)
      } else {
        point = point + now.length * now.direction
        set(point)
        // The last point is looked at by the next step.
        if iteration < maxIterations {
          place = evaluate(loss)
          evaluated += 1
        }
      }
      memory = now
      if evaluated >= maxEvaluations || isFlat(place.gradient) { break }
      if (now.length * now.direction).abs().amax().item() <= changeTolerance { break }
      if abs(place.loss - former) < changeTolerance { break }
    }
    return first
  }

  /// Forgets what former steps learnt of the curvature.
  public func resetState() {
    memory = nil
    (evaluations, iterations) = (0, 0)
  }

  /// What is known with the last change, and the direction that follows from it.
  private func extended(_ memory: Memory?, _ gradient: Tensor) -> Memory {
    guard var memory else { return Memory(direction: -gradient, length: 0, gradient: gradient) }
    let change = memory.length * memory.direction
    let gradientChange = gradient - memory.gradient
    let product = gradientChange.inner(change)
    // Only a positive curvature keeps the directions going downhill.
    if product > 1e-10 {
      if memory.pairs.count == historySize { memory.pairs.removeFirst() }
      memory.pairs.append((change, gradientChange, 1 / product))
      memory.scale = product / gradientChange.inner(gradientChange)
    }
    // The product of the inverse curvature with the gradient, from the pairs (Nocedal's two loops).
    var direction = -gradient
    var shares: [Double] = []
    for pair in memory.pairs.reversed() {
      let share = pair.inverse * pair.change.inner(direction)
      direction = direction - share * pair.gradientChange
      shares.append(share)
    }
    direction = direction * memory.scale
    for (pair, share) in zip(memory.pairs, shares.reversed()) {
      direction = direction + (share - pair.inverse * pair.gradientChange.inner(direction)) * pair.change
    }
    memory.direction = direction
    return memory
  }

  private func isFlat(_ gradient: Tensor) -> Bool { gradient.abs().amax().item() <= gradientTolerance }

  // MARK: All parameters in one row

  private var values: Tensor { cat(parameters.map { $0.value.detach().reshape(-1) }) }

  private func set(_ row: Tensor) {
    var start = 0
    for parameter in parameters {
      parameter.value = row.narrow(0, start: start, length: parameter.count).reshape(parameter.shape)
        .contiguous()
      start += parameter.count
    }
  }

  private func evaluate(_ loss: () -> Tensor) -> Evaluation {
    for parameter in parameters { parameter.grad = nil }
    let value = loss()
    require(value.count == 1, "LBFGS", "the loss must be one number, its shape is \(value.shape)")
    value.backward()
    evaluations += 1
    let gradients = parameters.map { parameter in
      (parameter.grad ?? parameter.value.detach() * 0).detach().reshape(-1)
    }
    return Evaluation(loss: value.item(), gradient: cat(gradients))
  }
}

/// What the loss is at a point.
private struct Evaluation {
  let loss: Double
  let gradient: Tensor
}

/// Searches along a direction for a length at which the loss fell enough and its slope is flat enough: the strong Wolfe
/// conditions (Nocedal and Wright, Numerical Optimization, 2006, algorithms 3.5 and 3.6, with cubic interpolation).
private struct WolfeSearch {
  private struct Point {
    var length: Double
    var value: Evaluation
    var slope: Double
  }

  private static let decrease = 1e-4
  private static let flatness = 0.9
  private static let limit = 25

  private let direction: Tensor
  private let start: Point
  private let changeTolerance: Double
  private(set) var evaluations = 0

  init(_ direction: Tensor, from value: Evaluation, slope: Double, changeTolerance: Double) {
    self.direction = direction
    start = Point(length: 0, value: value, slope: slope)
    self.changeTolerance = changeTolerance
  }

  private func fellTooLittle(_ point: Point) -> Bool {
    point.value.loss > start.value.loss + Self.decrease * point.length * start.slope
  }
  private func isFlat(_ point: Point) -> Bool { abs(point.slope) <= -Self.flatness * start.slope }

  /// - Parameters:
  ///   - length: where the search begins.
  ///   - evaluate: the loss and its gradient at a length.
  /// - Returns: the length and what the loss is there.
  mutating func run(
    _ length: Double, _ evaluate: (_ length: Double) -> Evaluation
  ) -> (length: Double, value: Evaluation) {
    func point(at length: Double) -> Point {
      let value = evaluate(length)
      evaluations += 1
      return Point(length: length, value: value, slope: value.gradient.inner(direction))
    }
    var (former, now) = (start, point(at: length))
    var bracket: (low: Point, high: Point)?
    var rounds = 0
    // Longer and longer, until a good length lies between the last two.
    while rounds < Self.limit {
      if fellTooLittle(now) || rounds > 1 && now.value.loss >= former.value.loss {
        bracket = (former, now)
        break
      }
      if isFlat(now) { return (now.length, now.value) }
      if now.slope >= 0 {
        bracket = (former, now)
        break
      }
      let next = Self.lowest(
        former, now, within: now.length + 0.01 * (now.length - former.length), now.length * 10)
      former = now
      now = point(at: next)
      rounds += 1
    }
    guard var (a, b) = bracket else {
      return start.value.loss <= now.value.loss ? (0, start.value) : (now.length, now.value)
    }
    var hasStalled = false
    while rounds < Self.limit {
      let (low, high) = (min(a.length, b.length), max(a.length, b.length))
      if (high - low) * direction.abs().amax().item() < changeTolerance { break }
      var next = Self.lowest(a, b, within: low, high)
      // Close to an end twice in a row makes no progress: then a tenth of the way inside.
      let margin = 0.1 * (high - low)
      if min(high - next, next - low) < margin {
        if hasStalled || next >= high || next <= low {
          next = abs(next - high) < abs(next - low) ? high - margin : low + margin
          hasStalled = false
        } else {
          hasStalled = true
        }
      } else {
        hasStalled = false
      }
      now = point(at: next)
      rounds += 1
      let aIsBetter = a.value.loss <= b.value.loss
      let (better, worse) = aIsBetter ? (a, b) : (b, a)
      if fellTooLittle(now) || now.value.loss >= better.value.loss {
        if aIsBetter { b = now } else { a = now }
        continue
      }
      if isFlat(now) { return (now.length, now.value) }
      // The good lengths lie between the new point and that end to which the loss falls.
      let other = now.slope * (worse.length - better.length) >= 0 ? better : worse
      (a, b) = aIsBetter ? (now, other) : (other, now)
    }
    let best = a.value.loss <= b.value.loss ? a : b
    return (best.length, best.value)
  }

  /// Where the cubic through two points and their slopes is lowest.
  private static func lowest(_ p: Point, _ q: Point, within low: Double, _ high: Double) -> Double {
    let (a, b) = p.length <= q.length ? (p, q) : (q, p)
    let first = a.slope + b.slope - 3 * (a.value.loss - b.value.loss) / (a.length - b.length)
    let square = first * first - a.slope * b.slope
    guard square >= 0 else { return (low + high) / 2 }
    let root = square.squareRoot()
    let place =
      b.length - (b.length - a.length) * ((b.slope + root - first) / (b.slope - a.slope + 2 * root))
    return min(max(place, low), high)
  }
}

extension Tensor {
  /// The sum of the products of two rows.
  fileprivate func inner(_ other: Tensor) -> Double { (self * other).sum().item() }
}
