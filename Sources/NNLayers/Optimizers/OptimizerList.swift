import NNCore
import NNFiles

/// Several optimizers as one: each steps its own parameters, all at the same time.
///
///     OptimizerList(SGD(net.body.parameters(), learningRate: 1e-3), AdamW(net.head.parameters()))
///
/// Learning rates, and the groups they belong to, are those of the parts one after the other. Schedulers may be made
/// for the list or for one of its parts.
public final class OptimizerList: Optimizer {
  /// In the order in which they step.
  public let optimizers: [any Optimizer]

  /// - Parameter optimizers: at least one; no parameter may belong to two of them.
  public init(_ optimizers: [any Optimizer]) {
    require(!optimizers.isEmpty, "OptimizerList", "needs at least one optimizer")
    self.optimizers = optimizers
    let all = parameters
    require(
      Set(all.map(ObjectIdentifier.init)).count == all.count, "OptimizerList",
      "a parameter belongs to two optimizers")
  }

  public convenience init(_ optimizers: any Optimizer...) { self.init(optimizers) }

  public var groupedParameters: [[Parameter]] { optimizers.flatMap(\.groupedParameters) }

  public var learningRates: [Double] {
    get { optimizers.flatMap(\.learningRates) }
    set { distribute(newValue) { $0.learningRates = $1 } }
  }

  public var initialLearningRates: [Double?] {
    get { optimizers.flatMap(\.initialLearningRates) }
    set { distribute(newValue) { $0.initialLearningRates = $1 } }
  }

  /// Those of all groups; nil if one of the optimizers has none.
  public var momenta: [Double]? {
    get {
      let all = optimizers.compactMap(\.momenta)
      return all.count == optimizers.count ? all.flatMap { $0 } : nil
    }
    set { if let newValue { distribute(newValue) { $0.momenta = $1 } } }
  }

  private func distribute<T>(_ values: [T], _ set: (any Optimizer, [T]) -> Void) {
    var rest = values[...]
    for optimizer in optimizers {
      let count = optimizer.learningRates.count
      set(optimizer, Array(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
  }

  public func step() { for optimizer in optimizers { optimizer.step() } }
  public func zeroGrad() { for optimizer in optimizers { optimizer.zeroGrad() } }
  public func resetState() { for optimizer in optimizers { optimizer.resetState() } }

  /// The entries of each part behind its number: `0.state.3.momentum_buffer`.
  public func stateDict() -> StateDict {
    var state = StateDict()
    for (place, optimizer) in optimizers.enumerated() {
      for (key, value) in optimizer.stateDict() { state["\(place).\(key)"] = value }
    }
    return state
  }

  public func loadStateDict(_ state: StateDict) throws {
    let former = optimizers.map { $0.stateDict() }
    do {
      for (place, optimizer) in optimizers.enumerated() {
        try optimizer.loadStateDict(state.part("\(place)."))
      }
    } catch {
      // The parts before the one that refused had taken theirs over.
      for (optimizer, state) in zip(optimizers, former) { try optimizer.loadStateDict(state) }
      throw error
    }
  }
}
