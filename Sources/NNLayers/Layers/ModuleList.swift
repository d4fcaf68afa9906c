import NNCore

/// Modules with the keys `0`, `1`, …; as `torch.nn.ModuleList`. A property that is an array of modules does the same
/// and keeps their type; a list can be a part of other containers, be nested, and be printed.
public final class ModuleList: Module {
  @Key("") private var items: [any CallableModule] = []

  public init(_ modules: [any CallableModule]) {
    super.init()
    items = modules
  }

  public convenience init(_ modules: any CallableModule...) { self.init(modules) }

  public func append(_ module: any CallableModule) { items.append(module) }
}

extension ModuleList: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { items.count }
  /// The module at a place; setting replaces it.
  public subscript(index: Int) -> any CallableModule {
    get { items[index] }
    set { items[index] = newValue }
  }
}

/// Modules by name, in the order in which they were added; as `torch.nn.ModuleDict`.
public final class ModuleDict: Module, ExpressibleByDictionaryLiteral {
  @Untracked private var items: [(name: String, module: any CallableModule)] = []

  public init(_ modules: [(name: String, module: any CallableModule)] = []) {
    super.init()
    for entry in modules { self[entry.name] = entry.module }
  }

  public convenience init(dictionaryLiteral elements: (String, any CallableModule)...) {
    self.init(elements.map { (name: $0.0, module: $0.1) })
  }

  /// Names in order.
  public var names: [String] { items.map(\.name) }

  /// The module of a name, nil if there is none; setting replaces, adds, or with nil removes it.
  public subscript(name: String) -> (any CallableModule)? {
    get { items.first { $0.name == name }?.module }
    set {
      require(!name.isEmpty && !name.contains("."), "ModuleDict", "\"\(name)\" is no name for a module")
      switch (items.firstIndex { $0.name == name }, newValue) {
      case (let place?, let module?): items[place].module = module
      case (let place?, nil): items.remove(at: place)
      case (nil, let module?): items.append((name, module))
      case (nil, nil): break
      }
    }
  }

  override func members() -> [(key: String, member: Member)] {
    items.map { (key: $0.name, member: .module($0.module)) }
  }
}
