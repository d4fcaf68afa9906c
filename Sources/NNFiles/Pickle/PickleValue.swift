import NNCore

/// A value of a Python pickle: numbers, text, containers, tensors; nothing that could run.
///
/// Containers are read one level at a time, so that values that contain each other, or themselves, cost
/// nothing.
package struct PickleValue: Sendable {
  package enum Kind: Sendable {
    case none
    case bool(Bool)
    case int(Int)
    /// An integer beyond `Int`, in decimal.
    case bigInt(String)
    case float(Double)
    case string(String)
    case bytes([UInt8])
    case list([PickleValue])
    case tuple([PickleValue])
    case set([PickleValue])
    case dict([(key: PickleValue, value: PickleValue)])
    /// A tensor in a checkpoint; `TorchCheckpoint.tensor(_:)` reads its elements.
    case tensor(TensorRecord)
    /// An array of NumPy, where these were allowed.
    case array(ArrayRecord)
    /// A dtype, class or device by its Python name, or an opaque object, of which nothing was built.
    case name(String)
  }

  let heap: PickleHeap
  let id: Int

  package var kind: Kind {
    func value(_ id: Int) -> PickleValue { PickleValue(heap: heap, id: id) }
    switch heap.nodes[id] {
    case .none: return .none
    case .bool(let bool): return .bool(bool)
    case .int(let int): return .int(int)
    case .bigInt(let bytes): return .bigInt(decimal(bytes))
    case .float(let double): return .float(double)
    case .string(let text): return .string(text)
    case .bytes(let bytes): return .bytes(bytes)
    case .list(let items): return .list(items.map(value))
    case .tuple(let items): return .tuple(items.map(value))
    case .set(let items): return .set(items.map(value))
    case .dict(let dict): return .dict(dict.pairs.map { (value($0.key), value($0.value)) })
    case .tensor(let record): return .tensor(record)
    case .array(let record): return .array(record)
    case .global(let global): return .name("\(global)")
    case .dtype(let descriptor, _): return .name("numpy.\(descriptor)")
    case .storage(let record): return .name("storage \(record.key)")
    case .object(let name, _): return .name("an object made by the Python name \(quoted(name))")
    }
  }

  /// The text of a string, or of bytes as old Pythons wrote strings.
  package var text: String? { heap.text(id) }

  package var int: Int? {
    if case .int(let int) = kind { int } else { nil }
  }

  /// What an opaque object was saved with, in general a dictionary of its attributes; nil if nothing or for others.
  var state: PickleValue? {
    guard case .object(_, let state?) = heap.nodes[id] else { return nil }
    return PickleValue(heap: heap, id: state)
  }

  /// The pairs of a dictionary, nil for others.
  var pairs: [(key: PickleValue, value: PickleValue)]? {
    if case .dict(let pairs) = kind { pairs } else { nil }
  }

  /// The elements of a set, list or tuple.
  var elements: [PickleValue]? {
    if case .set(let elements) = kind { elements } else { items }
  }

  package var items: [PickleValue]? {
    switch kind {
    case .list(let items), .tuple(let items): items
    default: nil
    }
  }

  /// The value of a dictionary for a key of text.
  package subscript(key: String) -> PickleValue? {
    guard case .dict(let dict) = heap.nodes[id] else { return nil }
    let pair = dict.pairs.first { heap.text($0.key) == key }
    return pair.map { PickleValue(heap: heap, id: $0.value) }
  }

  /// What stands in messages: "a list", "a dictionary with the keys …".
  package var summary: String {
    switch kind {
    case .none: return "None"
    case .bool: return "a bool"
    case .int, .bigInt: return "an integer"
    case .float: return "a float"
    case .string: return "text"
    case .bytes: return "bytes"
    case .list: return "a list"
    case .tuple: return "a tuple"
    case .set: return "a set"
    case .tensor: return "a tensor"
    case .array: return "an array"
    case .name(let name): return name
    case .dict(let pairs):
      var shown = pairs.prefix(8).map { $0.key.text.map(quoted) ?? "…" }
      if pairs.count > 8 { shown.append("…") }
      return "a dictionary of \(pairs.count) (\(shown.joined(separator: ", ")))"
    }
  }
}

/// The elements of a storage in a checkpoint. Typed storages count elements, untyped ones (type nil) bytes.
package struct StorageRecord: Sendable, Equatable {
  package var key: String
  package var type: StoredType?
  package var count: Int
}

/// A tensor as a pickle describes it: where its elements lie in a storage.
package struct TensorRecord: Sendable {
  package var storage: StorageRecord
  package var type: StoredType
  package var offset: Int
  package var shape: [Int]
  package var strides: [Int]
}

/// An array of NumPy inside a pickle.
package struct ArrayRecord: Sendable {
  var layout: ArrayLayout
  var shape: [Int]
  var isColumnMajor: Bool
  var bytes: [UInt8]

  /// The array as a row-major tensor. Its type is that of the array, or the next wider one of `DType`.
  package func tensor() throws -> Tensor {
    try layout.tensor(FileBytes(bytes).whole, shape: shape, isColumnMajor: isColumnMajor)
  }
}

/// All values of a pickle. They refer to each other by number, which makes shared values, cycles and any
/// depth of nesting harmless.
final class PickleHeap: Sendable {
  let nodes: [PickleNode]

  init(_ nodes: [PickleNode]) { self.nodes = nodes }

  func text(_ id: Int) -> String? { nodes[id].text }
}

/// Large payloads are kept elsewhere: a pickle has many small values.
enum PickleNode: Sendable {
  case none
  case bool(Bool)
  case int(Int)
  /// Two's complement, the lowest byte first.
  case bigInt([UInt8])
  case float(Double)
  case string(String)
  case bytes([UInt8])
  case list([Int])
  case tuple([Int])
  case set([Int])
  indirect case dict(PickleDict)
  case global(PickleGlobal)
  indirect case storage(StorageRecord)
  indirect case tensor(TensorRecord)
  /// NumPy's element type and byte order.
  indirect case dtype(String, order: String)
  indirect case array(ArrayRecord)
  /// What an unknown name gave, and the state it was given.
  indirect case object(String, state: Int?)

  var text: String? {
    switch self {
    case .string(let text): text
    case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
    default: nil
    }
  }
}

/// A dictionary in the order in which its keys were added.
struct PickleDict: Sendable {
  private enum Key: Hashable, Sendable {
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case string(String)
    case bytes([UInt8])
  }

  private(set) var pairs: [(key: Int, value: Int)] = []
  private var keys: Set<Key> = []

  /// Adds a pair. Python's pickler writes each key once.
  ///
  /// - Parameter allowsObjects: whether keys may be anything, as in a dictionary that nobody looks into.
  mutating func add(_ key: Int, _ value: Int, _ nodes: [PickleNode], allowsObjects: Bool = false) throws {
    let plain: Key?
    switch nodes[key] {
    case .none: plain = Key.none
    case .bool(let bool): plain = .bool(bool)
    case .int(let int): plain = .int(int)
    case .float(let double): plain = .float(double)
    case .string(let text): plain = .string(text)
    case .bytes(let bytes): plain = .bytes(bytes)
    // Compared by content in Python too, but never the keys of a checkpoint.
    case .bigInt, .tuple: plain = nil
    case .list, .set, .dict, .global, .storage, .tensor, .dtype, .array, .object:
      if allowsObjects { return pairs.append((key, value)) }
      throw Malformed(expected: "numbers, text or tuples as keys in the pickle", found: "another key")
    }
    if let plain, !keys.insert(plain).inserted {
      let name = nodes[key].text.map(quoted) ?? "\(plain)"
      throw Malformed(expected: "keys that differ in the pickle", found: "\(name) twice")
    }
    pairs.append((key, value))
  }
}

/// A two's complement integer, lowest byte first, in decimal.
private func decimal(_ bytes: [UInt8]) -> String {
  let isNegative = (bytes.last ?? 0) >= 0x80
  var magnitude = bytes
  if isNegative {
    var carry: UInt16 = 1
    for place in magnitude.indices {
      let sum = UInt16(~magnitude[place]) + carry
      magnitude[place] = UInt8(truncatingIfNeeded: sum)
      carry = sum >> 8
    }
  }
  var digits: [UInt8] = [0]
  for byte in magnitude.reversed() {
    var carry = Int(byte)
    for place in digits.indices {
      carry += Int(digits[place]) << 8
      digits[place] = UInt8(carry % 10)
      carry /= 10
    }
    while carry > 0 {
      digits.append(UInt8(carry % 10))
      carry /= 10
    }
  }
  return (isNegative ? "-" : "") + digits.reversed().map(String.init).joined()
}
