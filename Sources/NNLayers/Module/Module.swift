import NNCore

/// The base class of layers and networks, PyTorch's `torch.nn.Module`.
///
/// Parameters, buffers and other modules are properties; nothing is registered by hand:
///
///     final class Block: Module, Layer {
///       let conv = Conv2d(3, 16, kernelSize: 3, padding: 1)
///       let norm = BatchNorm2d(16)
///       func forward(_ x: Tensor) -> Tensor { norm(conv(x)).relu() }
///     }
///
/// Keys are the names of the properties (`conv.weight`); ``Key`` gives others. A property may be a module, a
/// ``Parameter``, a ``Buffer``, an optional, an array (keys `blocks.0`, …) or a dictionary with string keys of them.
/// A tuple, struct, enum, set or foreign object that holds a module stops the program with a message, because its
/// parameters would be lost silently; so does a `lazy var`. What a closure captures cannot be seen.
///
/// Properties are looked at anew at every call of `parameters()`, `stateDict()` and their like, so a part may be
/// replaced at any time (`net.fc = Linear(512, 10)`; a parameter of the former part that an optimizer holds stays
/// there). Properties with starting values are made in the order of their declaration, which decides who draws
/// which random numbers.
///
/// A module has a mutable state and is not `Sendable`: it belongs to one thread (or actor) at a time.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html
open class Module {
  private var isInTrainingMode = true
  /// Whether the module was frozen by `freeze()`.
  public private(set) var isFrozen = false
  /// How images are to be normalised for the weights, nil if nothing is known. Official weights set it when they are
  /// loaded; set it for pretrained weights of your own, and the `Preflight` of a fit warns of images that are normalised
  /// otherwise. It is no part of the state.
  public var inputNormalization: InputNormalization?
  var forwardHooks: [ForwardHook] = []

  public init() {}

  /// Settings shown in descriptions, such as `3, 64, kernelSize: (3, 3)`.
  open var extraDescription: String { "" }

  /// Own parameters, buffers and modules.
  func members() -> [(key: String, member: Member)] { reflectedMembers() }

  // MARK: Modes

  /// Whether the module behaves as in training: dropout drops, batch norm uses the batch's statistics and moves
  /// its own. False after `eval()` and while frozen.
  public var isTraining: Bool { isInTrainingMode && !isFrozen }

  /// Sets the module and all its parts to training mode (or evaluation mode); frozen parts stay as they are.
  @discardableResult
  public func train(_ isTraining: Bool = true) -> Self {
    for module in modules { module.isInTrainingMode = isTraining }
    return self
  }

  /// Sets the module and all its parts to evaluation mode.
  @discardableResult
  public func eval() -> Self { train(false) }

  /// Runs `body` with the module and all its parts in evaluation mode, and gives each the mode back that it had.
  public func evaluating<T>(_ body: () throws -> T) rethrows -> T {
    let modes = modules.map { ($0, $0.isInTrainingMode) }
    defer { for (module, mode) in modes { module.isInTrainingMode = mode } }
    eval()
    return try body()
  }

  /// Fixes the module and all its parts: no gradients for their parameters, hence no optimizer steps and no
  /// optimizer state, and evaluation mode, hence fixed batch-norm statistics and no dropout. A later `train()` of
  /// a surrounding module does not change that; `unfreeze()` does.
  ///
  /// PyTorch's looser `requires_grad_(False)`, with which batch norms keep moving, is `requiresGrad(false)`.
  @discardableResult
  public func freeze() -> Self { setFrozen(true) }

  /// Undoes `freeze()`: all parameters gather gradients again, and the mode is that of the last `train()` or
  /// `eval()`.
  @discardableResult
  public func unfreeze() -> Self { setFrozen(false) }

  private func setFrozen(_ frozen: Bool) -> Self {
    for module in modules { module.isFrozen = frozen }
    return requiresGrad(!frozen)
  }

  /// Says for all parameters whether backward passes gather gradients, as `requires_grad_`. Modes stay: batch norms
  /// in training mode keep moving their statistics.
  @discardableResult
  public func requiresGrad(_ required: Bool) -> Self {
    for parameter in parameters() { parameter.requiresGrad = required }
    return self
  }

  // MARK: Parts

  /// Calls `body` with every part, the inner before the outer, and at last with the module itself. As
  /// `torch.nn.Module.apply`.
  @discardableResult
  public func apply(_ body: (Module) throws -> Void) rethrows -> Self {
    for child in children { try child.apply(body) }
    try body(self)
    return self
  }

  /// All parameters, each once, in the order of their keys in `stateDict()`.
  public func parameters() -> [Parameter] { namedParameters().map(\.parameter) }

  /// All parameters with their keys; a parameter used twice comes under its first key.
  public func namedParameters() -> [(name: String, parameter: Parameter)] {
    var seen: Set<ObjectIdentifier> = []
    var all: [(name: String, parameter: Parameter)] = []
    visit { path, member in
      if case .parameter(let parameter) = member, seen.insert(ObjectIdentifier(parameter)).inserted {
        all.append((path, parameter))
      }
    }
    return all
  }

  /// All buffers, each once.
  public func buffers() -> [Buffer] { namedBuffers().map(\.buffer) }

  /// All buffers with their keys; a buffer used twice comes under its first key.
  public func namedBuffers() -> [(name: String, buffer: Buffer)] {
    var seen: Set<ObjectIdentifier> = []
    var all: [(name: String, buffer: Buffer)] = []
    visit { path, member in
      if case .buffer(let buffer) = member, seen.insert(ObjectIdentifier(buffer)).inserted {
        all.append((path, buffer))
      }
    }
    return all
  }

  /// The modules among the properties.
  public var children: [Module] { namedChildren().map(\.module) }

  /// The modules among the properties with their keys, each once.
  public func namedChildren() -> [(name: String, module: Module)] {
    var seen: Set<ObjectIdentifier> = []
    return members().compactMap { member in
      guard case .module(let module) = member.member else { return nil }
      return seen.insert(ObjectIdentifier(module)).inserted ? (member.key, module) : nil
    }
  }

  /// The module itself and all modules in it, each once, the outer before the inner.
  public var modules: [Module] { namedModules().map(\.module) }

  /// The module itself (named "") and all modules in it with their keys, each once, the outer before the inner.
  public func namedModules() -> [(name: String, module: Module)] {
    var seen: Set<ObjectIdentifier> = [ObjectIdentifier(self)]
    var all: [(name: String, module: Module)] = [("", self)]
    visit { path, member in
      if case .module(let module) = member, seen.insert(ObjectIdentifier(module)).inserted {
        all.append((path, module))
      }
    }
    return all
  }

  /// The module of a key, such as `layer1.0.conv1`; nil if there is none.
  public func module(named name: String) -> Module? { namedModules().first { $0.name == name }?.module }

  // MARK: Values

  /// Drops the gradients of all parameters.
  public func zeroGrad() {
    for parameter in parameters() { parameter.grad = nil }
  }

  /// Moves parameters and buffers to a device, in place; gradients that were gathered are let go of. Optimizers hold the same
  /// parameters, and what they keep for them follows at their next step. Tensors in other properties stay where they are.
  @discardableResult
  public func to(_ device: Device) -> Self {
    for parameter in parameters() where parameter.value.device != device {
      parameter.value = parameter.value.detach().to(device)
    }
    for buffer in buffers() where !buffer.staysOnHost { buffer.value = buffer.value.to(device) }
    return self
  }

  /// Converts parameters and floating-point buffers to another floating-point type, in place.
  @discardableResult
  public func to(_ dtype: DType) -> Self {
    require(dtype.isFloatingPoint, "Module.to", "parameters need a floating-point type, got \(dtype)")
    for parameter in parameters() where parameter.value.dtype != dtype {
      parameter.value = parameter.value.detach().to(dtype)
    }
    for buffer in buffers() where buffer.value.dtype.isFloatingPoint { buffer.value = buffer.value.to(dtype) }
    return self
  }
}

extension Module: CustomStringConvertible {
  /// The type without module and generic arguments, such as `Conv2d`.
  public var typeName: String {
    let name = String(describing: type(of: self))
    return name.firstIndex(of: "<").map { String(name[..<$0]) } ?? name
  }

  /// The module and its parts as a tree, as PyTorch prints them.
  public var description: String {
    let parts = namedChildren()
    if parts.isEmpty { return "\(typeName)(\(extraDescription))" }
    let lines = parts.map { name, module in
      "  (\(name)): " + module.description.split(separator: "\n").joined(separator: "\n  ")
    }
    return "\(typeName)(\(extraDescription)\n" + lines.joined(separator: "\n") + "\n)"
  }
}
