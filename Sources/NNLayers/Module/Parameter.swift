import NNCore

/// A tensor that a module learns, as `torch.nn.Parameter`: found by the module that holds it as a property, and
/// stepped by optimizers, which hold the same object.
///
/// In expressions use `value`, a leaf that gathers gradients:
///
///     let scale = Parameter(.ones(3))
///     func forward(_ x: Tensor) -> Tensor { x * scale.value }
public final class Parameter {
  /// The values: always a leaf. What is assigned is cut off from the graph it came from, and starts without
  /// gradient; changing elements in place (`withMutableElements`, `-=` without recording) keeps the gradient.
  public var value: Tensor {
    didSet { if !value.isLeaf || value.requiresGrad != requiresGrad { settle() } }
  }

  /// Whether backward passes gather a gradient here. Switching it off drops the gradient; batch norms of the same
  /// module keep moving their statistics (see `Module.freeze()`).
  public var requiresGrad: Bool {
    didSet { if requiresGrad != oldValue { settle() } }
  }

  /// The gathered gradient, nil before the first backward pass and after `zeroGrad()`.
  public var grad: Tensor? {
    get { value.grad }
    set {
      if requiresGrad {
        value.grad = newValue
      } else {
        require(newValue == nil, "Parameter.grad", "the parameter does not require gradients")
      }
    }
  }

  /// - Parameters:
  ///   - value: starting values, floating point.
  ///   - requiresGrad: whether backward passes gather a gradient here.
  public init(_ value: Tensor, requiresGrad: Bool = true) {
    self.value = value.requiringGrad(requiresGrad)
    self.requiresGrad = requiresGrad
  }

  public var shape: [Int] { value.shape }
  /// Number of elements.
  public var count: Int { value.count }

  /// Drops the gradient.
  public func zeroGrad() { grad = nil }

  private func settle() { value = value.requiringGrad(requiresGrad) }
}

/// A tensor that belongs to a module's state without being learned, such as running statistics; as
/// `register_buffer` in PyTorch.
public final class Buffer {
  /// The values, without gradient.
  public var value: Tensor {
    didSet { if value.requiresGrad { value = value.detach() } }
  }
  /// Whether the buffer is part of state dicts.
  public let isPersistent: Bool
  /// Whether a state dict may lack it without that being an error: the buffer then keeps its value.
  public let mayBeMissing: Bool

  /// Whether it stays in the host's memory where the module moves: a number that the host counts and reads.
  public let staysOnHost: Bool

  public init(
    _ value: Tensor, isPersistent: Bool = true, mayBeMissing: Bool = false, staysOnHost: Bool = false
  ) {
    self.value = value.detach()
    self.isPersistent = isPersistent
    self.mayBeMissing = mayBeMissing
    self.staysOnHost = staysOnHost
  }
}

/// Gives a part of a module a key other than its property's name, for keys that Swift cannot spell:
///
///     @Key("0") var first = Linear(4, 4)
///     @Key("running_mean") var runningMean: Buffer?   // set it after super.init()
///
/// An empty key leaves the name out: the parts of an array are then called `0`, `1`, … instead of `layers.0`, ….
@propertyWrapper
public struct Key<Value> {
  private var value: Value?
  let key: String

  public var wrappedValue: Value {
    get {
      guard let value else { fail("Key", "the part \"\(key)\" is read before it was set") }
      return value
    }
    set { value = newValue }
  }

  public init(_ key: String) {
    require(!key.contains("."), "Key", "a key must not contain a point: \"\(key)\"")
    self.key = key
  }

  public init(wrappedValue: Value, _ key: String) {
    self.init(key)
    value = wrappedValue
  }
}

/// Hides modules in a property from the module that holds it: no parameters, no keys, no `train()`. For a teacher
/// network, or a reference back to an owner.
@propertyWrapper
public struct Untracked<Value> {
  public var wrappedValue: Value

  public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
}

protocol KeyedPart {
  var key: String { get }
  var part: Any? { get }
}

extension Key: KeyedPart {
  var part: Any? { value }
}

protocol UntrackedPart {}
extension Untracked: UntrackedPart {}
