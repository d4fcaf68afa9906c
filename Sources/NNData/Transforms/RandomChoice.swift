import NNCore

/// Changes nothing, `torchvision.transforms.v2.Identity`.
public struct Identity<Value>: DeterministicTransform {
  public init() {}

  public func callAsFunction(_ input: Value) -> Value { input }
  public var description: String { "Identity()" }
}

/// One of several transforms, drawn at random, `torchvision.transforms.v2.RandomChoice`:
///
///     RandomChoice([RandomInvert(p: 1), RandomAutocontrast(p: 1)], p: [1, 3])
public struct RandomChoice<Value>: Transform {
  private let transforms: [any Transform<Value, Value>]
  private let p: [Double]

  /// - Parameter p: how likely each is, in proportion; by default all alike.
  public init(_ transforms: [any Transform<Value, Value>], p: [Double]? = nil) {
    let p = p ?? Array(repeating: 1, count: transforms.count)
    require(
      !transforms.isEmpty && p.count == transforms.count && p.allSatisfy { $0 >= 0 } && p.reduce(0, +) > 0,
      "RandomChoice", "expected one probability for each of at least one transform, got \(p)")
    self.transforms = transforms
    self.p = p.map { $0 / p.reduce(0, +) }
  }

  public func callAsFunction(_ input: Value, context: SampleContext) -> Value {
    let drawn = Tensor(p.map { Float($0) }).multinomial(1, generator: context.generator)
    return transforms[Int(drawn.item())](input, context: context)
  }
  public var isDeterministic: Bool { false }
  public var description: String { "RandomChoice(\(transforms.map(\.description)), p: \(p))" }
}

/// Several transforms in a random order, `torchvision.transforms.v2.RandomOrder`.
public struct RandomOrder<Value>: Transform {
  private let transforms: [any Transform<Value, Value>]

  public init(_ transforms: [any Transform<Value, Value>]) {
    require(!transforms.isEmpty, "RandomOrder", "expected at least one transform")
    self.transforms = transforms
  }

  public func callAsFunction(_ input: Value, context: SampleContext) -> Value {
    context.generator.randperm(transforms.count).reduce(input) { transforms[$1]($0, context: context) }
  }
  public var isDeterministic: Bool { false }
  public var description: String { "RandomOrder(\(transforms.map(\.description)))" }
}
