import NNCore

/// What a property of a module can contribute to its state.
enum Member {
  case parameter(Parameter)
  case buffer(Buffer)
  case module(Module)

  init?(_ value: Any) {
    switch value {
    case let parameter as Parameter: self = .parameter(parameter)
    case let buffer as Buffer: self = .buffer(buffer)
    case let module as Module: self = .module(module)
    default: return nil
    }
  }
}

extension Module {
  /// Own parameters, buffers and modules among the properties in the order of declaration, base classes first.
  func reflectedMembers() -> [(key: String, member: Member)] {
    var mirrors: [Mirror] = []
    var mirror: Mirror? = Mirror(reflecting: self)
    while let current = mirror, current.subjectType != Module.self {
      mirrors.append(current)
      mirror = current.superclassMirror
    }
    var search = MemberSearch(owner: typeName)
    for current in mirrors.reversed() {
      for (label, value) in current.children { search.look(at: value, label: label ?? "") }
    }
    return search.found
  }

  /// Calls `body` with every member of this module and of the modules in it, under its full key: for each module
  /// first its parameters, then its buffers, then its parts, which is PyTorch's order of keys.
  func visit(_ body: (_ path: String, _ member: Member) -> Void) {
    var path: [ObjectIdentifier] = []
    visit(prefix: "", path: &path, body)
  }

  private func visit(
    prefix: String, path: inout [ObjectIdentifier], _ body: (_ path: String, _ member: Member) -> Void
  ) {
    require(
      !path.contains(ObjectIdentifier(self)), "Module",
      "\(typeName) contains itself at \"\(prefix)\"; mark references back with @Untracked")
    path.append(ObjectIdentifier(self))
    let all = members()
    for case (let key, .parameter(let parameter)) in all { body(prefix + key, .parameter(parameter)) }
    for case (let key, .buffer(let buffer)) in all { body(prefix + key, .buffer(buffer)) }
    for case (let key, .module(let module)) in all {
      body(prefix + key, .module(module))
      module.visit(prefix: prefix + key + ".", path: &path, body)
    }
    path.removeLast()
  }
}

/// Finds members among the properties of one module.
private struct MemberSearch {
  let owner: String
  var found: [(key: String, member: Member)] = []
  private var keys: Set<String> = []

  init(owner: String) { self.owner = owner }

  mutating func look(at value: Any, label: String) {
    if value is any UntrackedPart { return }
    if label.hasPrefix(Self.lazyPrefix) {
      refuseLazy(value, String(label.dropFirst(Self.lazyPrefix.count)))
    } else if let keyed = value as? any KeyedPart {
      if let part = keyed.part { add(part, key: keyed.key, label: label) }
    } else {
      add(value, key: label, label: label)
    }
  }

  private mutating func add(_ value: Any, key: String, label: String) {
    if Self.isPlain(value) { return }
    if let member = Member(value) {
      require(
        !key.isEmpty, owner, "the property \(label) has an empty key; only an array or a dictionary may")
      require(keys.insert(key).inserted, owner, "two parts have the key \"\(key)\"")
      found.append((key, member))
      return
    }
    let prefix = key.isEmpty ? "" : key + "."
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .optional:
      if let content = mirror.children.first { add(content.value, key: key, label: label) }
    case .collection:
      for (place, child) in mirror.children.enumerated() {
        if Self.isPlain(child.value) { break }  // numbers and the like, all of one kind
        add(child.value, key: prefix + String(place), label: "\(label)[\(place)]")
      }
    case .dictionary:
      addDictionary(value, prefix: prefix, label: label)
    default:
      refuse(hiddenIn: value, label: label)
    }
  }

  private mutating func addDictionary(_ value: Any, prefix: String, label: String) {
    guard let dictionary = value as? [String: Any] else { return refuse(hiddenIn: value, label: label) }
    for name in dictionary.keys.sorted() {
      guard let part = dictionary[name], !Self.isPlain(part) else { continue }
      if Member(part) != nil {
        require(!name.contains("."), owner, "the key \"\(name)\" in \(label) must not contain a point")
      }
      add(part, key: prefix + name, label: "\(label)[\"\(name)\"]")
    }
  }

  private func require(_ condition: Bool, _ owner: String, _ message: @autoclosure () -> String) {
    if !condition { fail("Module", "\(owner): \(message())") }
  }

  // MARK: What would be lost

  private static let lazyPrefix = "$__lazy_storage_$_"

  /// Parts made at first use would be missing from parameters and keys until then.
  private func refuseLazy(_ value: Any, _ name: String) {
    guard let optional = type(of: value) as? any OptionalType.Type else { return }
    let type = optional.wrappedType
    let isPart =
      type is Module.Type || type is Parameter.Type || type is Buffer.Type
      || type == (any Layer).self || type == (any CallableModule).self
    var visited: Set<ObjectIdentifier> = []
    if isPart || Self.holdsMember(value, depth: 0, &visited) {
      fail(
        "Module",
        "\(owner): the part \(name) is a lazy var; make it a let, its parameters would come too late")
    }
  }

  private func refuse(hiddenIn value: Any, label: String) {
    var visited: Set<ObjectIdentifier> = []
    if Self.holdsMember(value, depth: 0, &visited) {
      fail(
        "Module",
        "\(owner): the property \(label) of type \(type(of: value)) holds a module, parameter or buffer where it is "
          + "not found; use a property, an array or a dictionary with string keys, or mark it @Untracked")
    }
  }

  /// Whether there is a member anywhere inside.
  private static func holdsMember(_ value: Any, depth: Int, _ visited: inout Set<ObjectIdentifier>) -> Bool {
    if isPlain(value) || value is any UntrackedPart || depth > 12 { return false }
    if Member(value) != nil { return true }
    let mirror = Mirror(reflecting: value)
    if mirror.displayStyle == .class, !visited.insert(ObjectIdentifier(value as AnyObject)).inserted {
      return false
    }
    let isList = mirror.displayStyle == .collection || mirror.displayStyle == .set
    var current: Mirror? = mirror
    while let part = current {
      for child in part.children {
        if isList && isPlain(child.value) { break }
        if holdsMember(child.value, depth: depth + 1, &visited) { return true }
      }
      current = part.superclassMirror
    }
    return false
  }

  /// Frequent types that hold no members, so that they are not looked into.
  private static func isPlain(_ value: Any) -> Bool {
    switch value {
    case is Tensor, is Int, is Double, is Float, is Bool, is String, is [Int], is [Double], is [Float],
      is [String],
      is [Tensor], is DType:
      true
    default: false
    }
  }
}

private protocol OptionalType {
  static var wrappedType: Any.Type { get }
}
extension Optional: OptionalType {
  static var wrappedType: Any.Type { Wrapped.self }
}
