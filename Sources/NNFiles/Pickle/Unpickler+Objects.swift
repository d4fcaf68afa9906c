import NNCore

// Elements of a tensor that repeats those of its storage: so many times as many, but so many always.
private let repeatFactor = 16
private let repeatMinimum = 1 << 24

/// What the names of `PickleGlobal` do when a pickle calls them.
extension Unpickler {
  private func misuse(_ what: String) -> Malformed {
    Malformed(expected: "\(what) as Python writes it", found: "other arguments")
  }

  private func tuple(_ id: Int) -> [Int]? {
    if case .tuple(let items) = nodes[id] { items } else { nil }
  }

  private func items(_ id: Int) -> [Int]? {
    switch nodes[id] {
    case .tuple(let items), .list(let items): items
    default: nil
    }
  }

  private func int(_ id: Int) -> Int? {
    if case .int(let int) = nodes[id] { int } else { nil }
  }

  private func ints(_ id: Int) -> [Int]? {
    guard let items = tuple(id) else { return nil }
    let values = items.compactMap(int)
    return values.count == items.count ? values : nil
  }

  /// The value of calling a name with a tuple of arguments.
  mutating func call(_ function: Int, _ arguments: Int) throws -> Int {
    guard case .global(let global) = nodes[function], let arguments = tuple(arguments) else {
      throw Malformed(expected: "a known name and a tuple for a call in the pickle", found: "other values")
    }
    return try call(global, arguments)
  }

  /// What a class gives without a call of its constructor: an opaque object, or an empty container.
  mutating func makeObject(_ id: Int) throws -> Int {
    guard options.objects, case .global(let global) = nodes[id] else {
      throw Malformed(
        expected: "only tensors, numbers, text and containers (for a model, save its state_dict)",
        found: "an object of a Python class")
    }
    switch global {
    case .orderedDict, .set: return try call(global, [])
    default: return try add(.object("\(global)", state: nil))
    }
  }

  private mutating func call(_ global: PickleGlobal, _ arguments: [Int]) throws -> Int {
    switch global {
    case .unknown(let name): return try add(.object(name, state: nil))
    case .orderedDict: return try makeOrderedDict(arguments)
    case .set:
      guard arguments.count <= 1 else { throw misuse("a set") }
      guard let first = arguments.first else { return try add(.set([])) }
      guard let items = items(first) else { throw misuse("a set") }
      try charge(items.count * 8)
      return try add(.set(items))
    case .byteArray, .encode: return try makeBytes(arguments)
    case .size:
      guard arguments.count == 1, let items = items(arguments[0]) else { throw misuse("torch.Size") }
      try charge(items.count * 8)
      return try add(.tuple(items))
    case .device:
      guard let name = arguments.first.flatMap({ nodes[$0].text }), arguments.count <= 2 else {
        throw misuse("torch.device")
      }
      guard arguments.count == 2 else { return try add(.string(name)) }
      guard let index = int(arguments[1]) else { throw misuse("torch.device") }
      return try add(.string("\(name):\(index)"))
    case .rebuildTensor:
      // A storage of elements that are not known here, as those of quantised tensors.
      if let first = arguments.first, case .object(let name, _) = nodes[first] {
        return try add(.object(name, state: nil))
      }
      return try add(.tensor(rebuildTensor(arguments)))
    case .rebuildParameter:
      guard let first = arguments.first, arguments.count >= 3 else { throw misuse("a parameter") }
      switch nodes[first] {
      case .tensor, .object: return first
      default: throw misuse("a parameter")
      }
    case .rebuildFromType:
      // The class may be any subclass of a tensor.
      guard arguments.count == 4, case .global = nodes[arguments[1]],
        case .global(.rebuildTensor) = nodes[arguments[0]]
      else {
        if options.objects { return try add(.object("torch._tensor._rebuild_from_type_v2", state: nil)) }
        throw misuse("a tensor with attributes")
      }
      return try call(arguments[0], arguments[2])
    case .reconstructArray:
      guard let first = arguments.first, case .global(.array) = nodes[first] else { throw misuse("an array") }
      let empty = ArrayRecord(
        layout: try ArrayLayout(descriptor: "|u1"), shape: [0], isColumnMajor: false, bytes: [])
      return try add(.array(empty))
    case .arrayType:
      guard let name = arguments.first.flatMap({ nodes[$0].text }), arguments.count <= 3 else {
        throw misuse("a NumPy dtype")
      }
      return try add(.dtype(name, order: "|"))
    case .arrayScalar: return try makeScalar(arguments)
    case .tensorClass, .storage, .dtype, .array:
      throw Malformed(expected: "a function to call in the pickle", found: "\(global)")
    }
  }

  private mutating func makeOrderedDict(_ arguments: [Int]) throws -> Int {
    let dict = try add(.dict(PickleDict()))
    guard let first = arguments.first else { return dict }
    guard arguments.count == 1, let pairs = items(first) else { throw misuse("an OrderedDict") }
    try charge(pairs.count * 16)
    var result = PickleDict()
    for pair in pairs {
      guard let pair = items(pair), pair.count == 2 else { throw misuse("an OrderedDict") }
      try result.add(pair[0], pair[1], nodes, allowsObjects: options.objects)
    }
    nodes[dict] = .dict(result)
    return dict
  }

  /// `bytearray(bytes)`, `_codecs.encode(text, "latin1")`: each character stands for one byte.
  private mutating func makeBytes(_ arguments: [Int]) throws -> Int {
    guard let first = arguments.first else { return try add(.bytes([])) }
    if case .bytes(let bytes) = nodes[first], arguments.count == 1 { return try add(.bytes(bytes)) }
    guard case .string(let text) = nodes[first], arguments.count == 2, let name = nodes[arguments[1]].text,
      ["latin1", "latin-1"].contains(name)
    else { throw misuse("bytes") }
    try charge(text.utf8.count)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      guard let byte = UInt8(exactly: scalar.value) else { throw misuse("bytes") }
      bytes.append(byte)
    }
    return try add(.bytes(bytes))
  }

  // MARK: Tensors

  /// `("storage", type, key, location, count)`, in old files with a view of the storage as sixth item.
  /// What a reference means that is not one to a storage of known elements; nil for those.
  ///
  /// `("storage", class, …)` of an unknown class, or `("module", class, file, source)`, which PyTorch's older format puts
  /// around the class of a saved module.
  func opaqueReference(_ id: Int) -> PickleNode? {
    guard options.objects, let items = tuple(id), items.count >= 2,
      case .global(let global) = nodes[items[1]],
      case .unknown(let name) = global
    else { return nil }
    return nodes[items[0]].text == "module" ? .global(global) : .object(name, state: nil)
  }

  mutating func storageReference(_ id: Int) throws -> StorageRecord {
    let failure = Malformed(expected: "a reference to a storage in the pickle", found: "something else")
    guard options.storages, let items = tuple(id), items.count == 5 || items.count == 6,
      nodes[items[0]].text == "storage", case .global(.storage(let type)) = nodes[items[1]],
      let key = nodes[items[2]].text, nodes[items[3]].text != nil,
      let count = int(items[4]), count >= 0
    else { throw failure }
    if items.count == 6 {
      guard case .none = nodes[items[5]] else {
        throw Malformed(expected: "whole storages in the pickle", found: "a view of PyTorch before 0.4")
      }
    }
    guard !count.multipliedReportingOverflow(by: type?.byteCount ?? 1).overflow else {
      throw Malformed(expected: "a storage that fits in memory", found: "\(count) elements")
    }
    let record = StorageRecord(key: key, type: type, count: count)
    try register(record)
    return record
  }

  /// `(storage, offset, shape, strides, …)`. All elements must lie inside the storage.
  private func rebuildTensor(_ arguments: [Int]) throws -> TensorRecord {
    guard arguments.count >= 4, case .storage(let storage) = nodes[arguments[0]],
      let offset = int(arguments[1]), let shape = ints(arguments[2]), let strides = ints(arguments[3])
    else { throw misuse("a tensor") }
    // The third form has the element type as seventh argument; a typed storage has it already.
    var type = storage.type
    if arguments.count >= 7, case .global(.dtype(let stated)) = nodes[arguments[6]] {
      guard type == nil || type == stated else { throw misuse("a tensor") }
      type = stated
    }
    guard let type else { throw misuse("a tensor with an element type") }
    let capacity = storage.type == nil ? storage.count / type.byteCount : storage.count
    let count = try checkedCount(shape, of: "a tensor of storage \(quoted(storage.key))")
    guard shape.count == strides.count, strides.allSatisfy({ $0 >= 0 }), offset >= 0 else {
      throw Malformed(
        expected: "a stride for each size, none negative", found: "shape \(shape), strides \(strides)")
    }
    guard count > 0 else {
      // Nothing is read through these strides, which could be anything.
      return TensorRecord(
        storage: storage, type: type, offset: 0, shape: shape, strides: Tensor.contiguousStrides(shape))
    }
    var last = offset
    var isTooLarge = false
    for (size, stride) in zip(shape, strides) {
      let (step, overflow) = (size - 1).multipliedReportingOverflow(by: stride)
      let (sum, carry) = last.addingReportingOverflow(step)
      isTooLarge = isTooLarge || overflow || carry
      last = sum
    }
    guard !isTooLarge, last < capacity else {
      throw Malformed(
        expected: "a tensor inside the \(capacity) elements of storage \(quoted(storage.key))",
        found: "offset \(offset), shape \(shape), strides \(strides)")
    }
    // Strides of 0 make many elements of few; whoever copies such a tensor must not run out of memory.
    let (many, overflow) = capacity.multipliedReportingOverflow(by: repeatFactor)
    let limit = overflow ? Int.max : Swift.max(repeatMinimum, many)
    guard count <= limit else {
      throw Malformed(
        expected: "at most \(limit) elements repeated from \(capacity)", found: "shape \(shape)")
    }
    return TensorRecord(storage: storage, type: type, offset: offset, shape: shape, strides: strides)
  }

  // MARK: State

  /// BUILD: the contents of arrays and array types. On other containers Python sets attributes, which nothing
  /// here looks at (`_metadata` of a state_dict).
  mutating func setState(of target: Int, to state: Int) throws {
    switch nodes[target] {
    case .object(let name, _): nodes[target] = .object(name, state: state)
    case .dict, .list, .set, .tensor:
      if options.objects { return }
      guard case .dict = nodes[target], case .dict = nodes[state] else {
        throw misuse("the state of an OrderedDict")
      }
    case .dtype(let name, _):
      // (3, order, subarray, names, fields, …): the middle three belong to structures.
      guard let items = tuple(state), items.count >= 5, let order = nodes[items[1]].text,
        items[2...4].allSatisfy({ if case .none = nodes[$0] { true } else { false } })
      else { throw misuse("a plain NumPy dtype") }
      nodes[target] = .dtype(name, order: order)
    case .array:
      nodes[target] = .array(try makeArray(state))
    default:
      throw Malformed(expected: "a value that takes a state in the pickle", found: "another")
    }
  }

  private func layout(_ id: Int) throws -> ArrayLayout {
    guard case .dtype(let name, let order) = nodes[id] else { throw misuse("a NumPy dtype") }
    return try ArrayLayout(descriptor: order + name)
  }

  /// `(version, shape, dtype, isColumnMajor, bytes)`.
  private func makeArray(_ state: Int) throws -> ArrayRecord {
    guard let items = tuple(state), items.count == 5, let shape = ints(items[1]),
      case .bytes(let bytes) = nodes[items[4]]
    else { throw misuse("the state of an array") }
    let isColumnMajor: Bool
    switch nodes[items[3]] {
    case .bool(let flag): isColumnMajor = flag
    case .int(let flag): isColumnMajor = flag != 0
    default: throw misuse("the state of an array")
    }
    let layout = try layout(items[2])
    let byteCount = try checkedCount(shape, of: "an array") * layout.type.byteCount
    guard bytes.count == byteCount else {
      throw Malformed(expected: "\(byteCount) bytes for an array of shape \(shape)", found: "\(bytes.count)")
    }
    return ArrayRecord(layout: layout, shape: shape, isColumnMajor: isColumnMajor, bytes: bytes)
  }

  /// `scalar(dtype, bytes)`: a plain number.
  private mutating func makeScalar(_ arguments: [Int]) throws -> Int {
    guard arguments.count == 2, case .bytes(let bytes) = nodes[arguments[1]] else { throw misuse("a number") }
    let layout = try layout(arguments[0])
    guard bytes.count == layout.type.byteCount else { throw misuse("a number") }
    let record = ArrayRecord(layout: layout, shape: [], isColumnMajor: false, bytes: bytes)
    let value = try record.tensor()
    switch value.dtype {
    case .bool: return value.item() != 0 ? 2 : 1
    case .bfloat16, .float32, .float64: return try add(.float(value.item()))
    case .uint8, .int32, .int64: return try add(.int(value.array(of: Int.self)[0]))
    }
  }
}
