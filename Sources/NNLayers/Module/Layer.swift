import NNCore

/// A module that is called with one tensor and gives one: what `Sequential`, `summary(inputShape:)` and the steps
/// of a classifier need.
///
/// A whole network may simply write `callAsFunction`. For the parts of a network prefer ``Layer``.
public protocol CallableModule: Module {
  func callAsFunction(_ x: Tensor) -> Tensor
}

/// A module that is called with one tensor and tells its forward hooks about it: write `forward`, call the layer
/// itself, as in PyTorch.
///
///     final class Residual: Module, Layer {
///       let conv = Conv2d(8, 8, kernelSize: 3, padding: 1)
///       func forward(_ x: Tensor) -> Tensor { x + conv(x) }
///     }
///     let y = Residual()(x)
///
/// All layers of this library are of this kind, so summaries, feature extraction and profilers see the output of
/// each. A module that writes `callAsFunction` itself is seen only where this library calls it: in `Sequential` and
/// in `summary`.
public protocol Layer: CallableModule {
  /// What the layer computes. Call the layer, not this, so that hooks see it.
  func forward(_ x: Tensor) -> Tensor
}

extension Layer {
  public func callAsFunction(_ x: Tensor) -> Tensor {
    forwardHooks.isEmpty ? forward(x) : observed(x) { forward($0) }
  }
}

/// Something that watches a module's calls.
struct ForwardHook {
  let id: HookHandle
  let before: ((_ module: Module, _ input: Tensor) -> Tensor?)?
  let after: ((_ module: Module, _ input: Tensor, _ output: Tensor) -> Tensor?)?
}

/// A hook that was added to a module; `remove()` takes it away. Hooks stay if the handle is dropped.
public final class HookHandle {
  private weak var module: Module?

  init(_ module: Module) { self.module = module }

  public func remove() {
    module?.forwardHooks.removeAll { $0.id === self }
    module = nil
  }
}

extension Module {
  /// Calls `hook` with the input before each call of the module; what it returns (if not nil) replaces the input.
  /// As `register_forward_pre_hook`.
  @discardableResult
  public func registerForwardPreHook(
    _ hook: @escaping (_ module: Module, _ input: Tensor) -> Tensor?
  ) -> HookHandle {
    let handle = HookHandle(self)
    forwardHooks.append(ForwardHook(id: handle, before: hook, after: nil))
    return handle
  }

  /// Calls `hook` with input and output after each call of the module; what it returns (if not nil) replaces the
  /// output. As `register_forward_hook`. See ``Layer`` for which calls are seen.
  @discardableResult
  public func registerForwardHook(
    _ hook: @escaping (_ module: Module, _ input: Tensor, _ output: Tensor) -> Tensor?
  ) -> HookHandle {
    let handle = HookHandle(self)
    forwardHooks.append(ForwardHook(id: handle, before: nil, after: hook))
    return handle
  }

  /// Runs `body` between the hooks of this module.
  func observed(_ x: Tensor, _ body: (Tensor) -> Tensor) -> Tensor {
    let hooks = forwardHooks
    var input = x
    for hook in hooks { input = hook.before?(self, input) ?? input }
    var output = body(input)
    for hook in hooks { output = hook.after?(self, input, output) ?? output }
    return output
  }
}

extension CallableModule {
  /// Calls the module with its hooks, whichever of `forward` and `callAsFunction` it writes.
  package func calledWithHooks(_ x: Tensor) -> Tensor {
    self is any Layer || forwardHooks.isEmpty ? self(x) : observed(x) { self($0) }
  }
}
