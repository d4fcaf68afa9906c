import NNCore

/// One stage between what a data set stores and what a network sees, as `torchvision.transforms`.
///
/// Stages are put together with ``Compose``, which checks at compile time that each takes what the one before
/// gives. A stage that draws no random numbers conforms to ``DeterministicTransform`` instead, which asks for less.
public protocol Transform<Input, Output>: Sendable, CustomStringConvertible {
  associatedtype Input
  associatedtype Output

  /// Transforms one element. Every random number comes from `context`.
  func callAsFunction(_ input: Input, context: SampleContext) -> Output

  /// Whether the same input always gives the same output. Results of deterministic chains can be cached.
  var isDeterministic: Bool { get }

  /// What draws random numbers in it, nil if nothing does.
  var randomStage: String? { get }

  /// Name and every setting that changes the result, `CenterCrop(224, 224)`: part of the key of a cache, so the
  /// text stays the same from run to run.
  var description: String { get }

  /// The last `Normalize` that the values of the result have gone through; nil if there was none, or none that is known
  /// (what a closure does cannot be seen). A chain asks its stages; one stage that normalises otherwise than by a
  /// `Normalize` may say the one it equals.
  var normalization: Normalize? { get }

  /// By how much the transform at most enlarges an image of this size before anything else is done to its pixels:
  /// output pixels per input pixel along a side, less than 1 where it makes it smaller. Nil (the default) if it looks at
  /// the pixels otherwise. With it a large photograph need not be decoded at its full size (``Image/Decoding``).
  func magnification(height: Int, width: Int) -> Double?
}

extension Transform {
  public var normalization: Normalize? { nil }
  public func magnification(height: Int, width: Int) -> Double? { nil }

  /// Transforms an element by itself, outside any run: as element 0 of epoch 0 with seed 0.
  public func callAsFunction(_ input: Input) -> Output { self(input, context: SampleContext()) }
  public var randomStage: String? { isDeterministic ? nil : description }
}

/// A transform whose result depends on its input alone.
public protocol DeterministicTransform<Input, Output>: Transform {
  associatedtype Input
  associatedtype Output

  func callAsFunction(_ input: Input) -> Output
}

extension DeterministicTransform {
  public func callAsFunction(_ input: Input, context: SampleContext) -> Output { self(input) }
  public var isDeterministic: Bool { true }
}

/// Several stages as one, `torchvision.transforms.Compose`:
///
///     let transform = Compose {
///       Resize(256)
///       CenterCrop(224)
///       ToTensor()
///       Normalize(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
///     }
///
/// A chain whose stages do not fit (a `Normalize`, which takes a tensor, before `ToTensor`) does not compile.
public struct Compose<Chain: Transform>: Transform {
  let chain: Chain

  public init(@TransformBuilder _ stages: () -> Chain) { chain = stages() }

  public func callAsFunction(_ input: Chain.Input, context: SampleContext) -> Chain.Output {
    // Fused where the stages allow it; the values are the same.
    if let image = input as? Image {
      if let stage = chain as? any TensorStage,
        let output = stage.prepared(ImageView(image), context: context).tensor() as? Chain.Output
      {
        return output
      }
      if let stage = chain as? any ImageStage,
        let output = stage.noted(on: ImageView(image), context: context).rendered() as? Chain.Output
      {
        return output
      }
    }
    return chain(input, context: context)
  }
  public var isDeterministic: Bool { chain.isDeterministic }
  public var randomStage: String? { chain.randomStage }
  public var normalization: Normalize? { chain.normalization }
  public func magnification(height: Int, width: Int) -> Double? {
    chain.magnification(height: height, width: width)
  }
  public var description: String { chain.description }
}

/// Two transforms, one after the other; made by ``Compose``.
public struct Chained<First: Transform, Second: Transform>: Transform where First.Output == Second.Input {
  let first: First
  let second: Second

  public func callAsFunction(_ input: First.Input, context: SampleContext) -> Second.Output {
    second(first(input, context: context), context: context)
  }
  public var isDeterministic: Bool { first.isDeterministic && second.isDeterministic }
  public var randomStage: String? { first.randomStage ?? second.randomStage }
  public var normalization: Normalize? { second.normalization ?? first.normalization }
  public func magnification(height: Int, width: Int) -> Double? {
    first.magnification(height: height, width: width)
  }
  public var description: String { "\(first) | \(second)" }
}

/// Puts the lines of a ``Compose`` block together.
@resultBuilder
public enum TransformBuilder {
  public static func buildPartialBlock<T: Transform>(first: T) -> T { first }

  public static func buildPartialBlock<First: Transform, Second: Transform>(
    accumulated: First, next: Second
  ) -> Chained<First, Second> where First.Output == Second.Input {
    Chained(first: accumulated, second: next)
  }
}

/// A stage from a closure. `name` stands for it in the description, so two closures that do different things
/// need different names.
public struct Lambda<Input, Output>: DeterministicTransform {
  private let name: String
  private let body: @Sendable (Input) -> Output

  public init(_ name: String, _ body: @escaping @Sendable (Input) -> Output) {
    self.name = name
    self.body = body
  }

  public func callAsFunction(_ input: Input) -> Output { body(input) }
  public var description: String { "Lambda(\(name))" }
}
