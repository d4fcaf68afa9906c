import NNCore
import NNFiles

/// Changes parameters along their gradients, one step at a time; as `torch.optim.Optimizer`.
///
///     optimizer.zeroGrad()
///     loss.backward()
///     optimizer.step()
///
/// The library's optimizers are ``GroupedOptimizer``s. Options other than the learning rate are set in a closure;
/// parameters may come in groups (``ParameterGroup``) with options of their own.
///
///     SGD(net.parameters(), learningRate: 0.1) { $0.momentum = 0.9 }
public protocol Optimizer: AnyObject {
  /// The parameters of each group.
  var groupedParameters: [[Parameter]] { get }
  /// Learning rate of each group in force.
  var learningRates: [Double] { get set }
  /// Learning rate of each group before a scheduler changed it; nil before there was one.
  var initialLearningRates: [Double?] { get set }
  /// Momentum of each group (of Adam and its relatives the first beta), which some schedulers change; nil for an
  /// optimizer that has none.
  var momenta: [Double]? { get set }

  /// Changes every parameter that has a gradient. Parameters without one, and their state, stay untouched.
  func step()
  /// Drops the gradients of all parameters.
  func zeroGrad()
  /// Forgets what former steps left (momenta, averages, their number), as if none had been made; options stay.
  func resetState()

  /// Everything a resumed training needs to continue with the same bits: options and state as tensors, numbers as
  /// 0-dimensional ones. Keys: `state.<parameter>.<name>`, `param_groups.<group>.<option>`, with PyTorch's names.
  func stateDict() -> StateDict
  /// Takes over what `stateDict()` gave. Everything is checked before anything is changed.
  /// - Throws: `StateError.invalid` if it comes from other groups, parameters or another kind of optimizer.
  func loadStateDict(_ state: StateDict) throws
}

extension Optimizer {
  /// All parameters, group by group.
  public var parameters: [Parameter] { groupedParameters.flatMap { $0 } }

  public func zeroGrad() {
    for parameter in parameters { parameter.grad = nil }
  }
}
