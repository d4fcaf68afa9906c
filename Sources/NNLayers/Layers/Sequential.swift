import NNCore

/// Layers called one after the other, with the keys `0`, `1`, … or names of their own; as `torch.nn.Sequential`.
///
///     let net = Sequential(Conv2d(3, 64, kernelSize: 3), ReLU(), Flatten(), Linear(64, 10))
///     net.append(Softmax(1))
///     let named = Sequential(["conv": Conv2d(3, 64, kernelSize: 3), "norm": BatchNorm2d(64)])
///
/// A subclass gives a reusable block a name of its own.
open class Sequential: Module, Layer {
  @Untracked private var layers: [(name: String?, layer: any CallableModule)] = []

  public init(_ layers: [any CallableModule]) {
    super.init()
    self.layers = layers.map { (nil, $0) }
  }

  public convenience init(_ layers: any CallableModule...) { self.init(layers) }

  /// Layers with names; the names are their keys.
  public init(_ layers: KeyValuePairs<String, any CallableModule>) {
    super.init()
    for (name, layer) in layers { append(layer, named: name) }
  }

  open func forward(_ x: Tensor) -> Tensor { layers.reduce(x) { $1.layer.calledWithHooks($0) } }

  /// - Parameter name: its key, no number; its place if nil.
  public func append(_ layer: any CallableModule, named name: String? = nil) {
    if let name {
      require(
        !name.isEmpty && !name.contains(".") && Int(name) == nil && self[name] == nil, "Sequential",
        "\"\(name)\" is no name for one more layer beside \(names)")
    }
    layers.append((name, layer))
  }
  public func insert(_ layer: any CallableModule, at index: Int) { layers.insert((nil, layer), at: index) }
  @discardableResult
  public func remove(at index: Int) -> any CallableModule { layers.remove(at: index).layer }

  /// The keys of the layers in order.
  public var names: [String] { layers.enumerated().map { $1.name ?? String($0) } }

  /// The layer of a key, nil if there is none.
  public subscript(name: String) -> (any CallableModule)? {
    names.firstIndex(of: name).map { layers[$0].layer }
  }

  /// The first layers up to a place as a new sequence of the same layers with the same keys.
  func prefix(through index: Int) -> Sequential {
    let part = Sequential([])
    part.layers = Array(layers[...index])
    return part
  }

  override func members() -> [(key: String, member: Member)] {
    zip(names, layers).map { (key: $0, member: .module($1.layer)) } + super.members()
  }
}

extension Sequential: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { layers.count }
  /// The layer at a place; setting replaces it.
  public subscript(index: Int) -> any CallableModule {
    get { layers[index].layer }
    set { layers[index].layer = newValue }
  }
  /// The layers of a range as a new sequence of the same layers; their keys start from 0 again.
  public subscript(range: Range<Int>) -> Sequential { Sequential(layers[range].map(\.layer)) }
}
