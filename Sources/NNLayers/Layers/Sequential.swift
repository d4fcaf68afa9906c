import NNCore

/// Layers called one after the other, with the keys `0`, `1`, …; as `torch.nn.Sequential`.
///
///     let net = Sequential(Conv2d(3, 64, kernelSize: 3), ReLU(), Flatten(), Linear(64, 10))
///     net.append(Softmax(1))
///
/// A subclass gives a reusable block a name of its own.
open class Sequential: Module, Layer {
  @Key("") private var layers: [any CallableModule] = []

  public init(_ layers: [any CallableModule]) {
    super.init()
    self.layers = layers
  }

  public convenience init(_ layers: any CallableModule...) { self.init(layers) }

  open func forward(_ x: Tensor) -> Tensor { layers.reduce(x) { $1.calledWithHooks($0) } }

  public func append(_ layer: any CallableModule) { layers.append(layer) }
  public func insert(_ layer: any CallableModule, at index: Int) { layers.insert(layer, at: index) }
  @discardableResult
  public func remove(at index: Int) -> any CallableModule { layers.remove(at: index) }
}

extension Sequential: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { layers.count }
  /// The layer at a place; setting replaces it.
  public subscript(index: Int) -> any CallableModule {
    get { layers[index] }
    set { layers[index] = newValue }
  }
  /// The layers of a range as a new sequence of the same layers; their keys start from 0 again.
  public subscript(range: Range<Int>) -> Sequential { Sequential(Array(layers[range])) }
}
