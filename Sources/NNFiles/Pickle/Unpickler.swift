import NNCore

/// Reads a Python pickle of protocol 2 to 5 into values, running nothing: names outside `PickleGlobal` are
/// refused, or what they would make is left opaque. Opcodes: https://docs.python.org/3/library/pickletools.html
struct Unpickler {
  /// Which extras of other libraries a pickle may hold.
  struct Options {
    /// Arrays of NumPy.
    var arrays = false
    /// References to storages of a PyTorch checkpoint.
    var storages = false
    /// Objects of any class, which stay opaque.
    var objects = false
  }

  /// Bounds the memory of a pickle that consists of one-byte opcodes.
  private static let nodeLimit = 4_000_000
  /// Bytes of an integer; Python itself refuses to print more than 4,300 digits.
  private static let integerLimit = 1024
  /// How often all bytes of a pickle may be copied, on average.
  private static let copyLimit = 8

  private(set) var reader: ByteReader
  let options: Options
  /// The storages that were referred to, by key.
  private(set) var storages: [String: StorageRecord] = [:]
  var nodes: [PickleNode] = [.none, .bool(false), .bool(true), .tuple([])]
  private var stack: [Int] = []
  private var marks: [Int] = []
  private var memo: [Int: Int] = [:]
  /// Bytes that calls may still copy. A value that is named again and again in a few bytes each would
  /// otherwise be copied as often.
  private var budget: Int

  init(_ slice: FileSlice, at position: Int = 0, options: Options) {
    reader = ByteReader(slice, "the pickle", at: position)
    self.options = options
    budget = Self.copyLimit * slice.count + 1 << 20
  }

  /// Reads up to the end of one pickle.
  mutating func load() throws -> PickleValue {
    while let opcode = try Opcode(next: &reader) {
      if opcode == .stop {
        guard stack.count == 1, marks.isEmpty, let root = stack.popLast() else {
          throw Malformed(expected: "one value at the end of the pickle", found: "\(stack.count)")
        }
        return PickleValue(heap: PickleHeap(nodes), id: root)
      }
      try execute(opcode)
    }
    throw Malformed(expected: "a pickle that ends", found: "its end missing")
  }

  // MARK: Stack

  mutating func add(_ node: PickleNode) throws -> Int {
    guard nodes.count < Unpickler.nodeLimit else {
      throw Malformed(expected: "at most \(Unpickler.nodeLimit) values in the pickle", found: "more")
    }
    nodes.append(node)
    return nodes.count - 1
  }

  mutating func charge(_ byteCount: Int) throws {
    budget -= byteCount
    if budget < 0 {
      throw Malformed(expected: "each value of the pickle to be copied once", found: "one copied many times")
    }
  }

  private mutating func push(_ node: PickleNode) throws { stack.append(try add(node)) }

  private mutating func pop() throws -> Int {
    guard stack.count > (marks.last ?? 0), let top = stack.popLast() else {
      throw Malformed(expected: "a value on the pickle's stack", found: "none")
    }
    return top
  }

  private func top() throws -> Int {
    guard stack.count > (marks.last ?? 0), let top = stack.last else {
      throw Malformed(expected: "a value on the pickle's stack", found: "none")
    }
    return top
  }

  private mutating func popToMark() throws -> [Int] {
    guard let mark = marks.popLast() else {
      throw Malformed(expected: "a mark on the pickle's stack", found: "none")
    }
    defer { stack.removeLast(stack.count - mark) }
    return Array(stack[mark...])
  }

  // MARK: Opcodes

  private mutating func execute(_ opcode: Opcode) throws {
    switch opcode {
    case .proto:
      let version = try reader.integer(UInt8.self)
      guard (2...5).contains(version) else {
        throw Malformed(expected: "a pickle of protocol 2 to 5", found: "\(version)")
      }
    case .frame: _ = try reader.length(UInt64.self)
    case .stop: break
    case .mark: marks.append(stack.count)
    case .pop: _ = try pop()
    case .popMark: _ = try popToMark()
    case .none: stack.append(0)
    case .newFalse: stack.append(1)
    case .newTrue: stack.append(2)
    case .binInt: try push(.int(Int(reader.integer(Int32.self))))
    case .binInt1: try push(.int(Int(reader.integer(UInt8.self))))
    case .binInt2: try push(.int(Int(reader.integer(UInt16.self))))
    case .long1: try pushLong(reader.length(UInt8.self))
    case .long4: try pushLong(reader.length(UInt32.self))
    case .binFloat: try push(.float(Double(bitPattern: reader.integer(UInt64.self).byteSwapped)))
    case .shortBinUnicode: try push(.string(reader.text(reader.length(UInt8.self))))
    case .binUnicode: try push(.string(reader.text(reader.length(UInt32.self))))
    case .binUnicode8: try push(.string(reader.text(reader.length(UInt64.self))))
    case .shortBinBytes: try pushBytes(reader.length(UInt8.self))
    case .binBytes: try pushBytes(reader.length(UInt32.self))
    case .binBytes8, .byteArray8: try pushBytes(reader.length(UInt64.self))
    case .shortBinString: try pushOldString(reader.length(UInt8.self))
    case .binString: try pushOldString(reader.length(UInt32.self))
    case .emptyList: try push(.list([]))
    case .emptyDict: try push(.dict(PickleDict()))
    case .emptySet: try push(.set([]))
    case .emptyTuple: stack.append(3)
    case .tuple: try push(.tuple(popToMark()))
    case .tuple1: try pushTuple(1)
    case .tuple2: try pushTuple(2)
    case .tuple3: try pushTuple(3)
    case .list: try push(.list(popToMark()))
    case .frozenSet: try push(.set(popToMark()))
    case .dict:
      let items = try popToMark()
      try push(.dict(PickleDict()))
      try setItems(items, of: top())
    case .append:
      let item = try pop()
      try append([item], to: top())
    case .appends, .addItems:
      let items = try popToMark()
      try append(items, to: top())
    case .setItem:
      let value = try pop()
      let key = try pop()
      try setItems([key, value], of: top())
    case .setItems:
      let items = try popToMark()
      try setItems(items, of: top())
    case .binPut: try memo[Int(reader.integer(UInt8.self))] = top()
    case .longBinPut: try memo[Int(reader.integer(UInt32.self))] = top()
    case .memoize: try memo[memo.count] = top()
    case .binGet: try pushMemo(Int(reader.integer(UInt8.self)))
    case .longBinGet: try pushMemo(Int(reader.integer(UInt32.self)))
    case .global: try pushGlobal(module: reader.line(), name: reader.line())
    case .stackGlobal:
      let name = try pop()
      let module = try pop()
      guard case .string(let name) = nodes[name], case .string(let module) = nodes[module] else {
        throw Malformed(expected: "two texts before STACK_GLOBAL in the pickle", found: "other values")
      }
      try pushGlobal(module: module, name: name)
    case .binPersID:
      let reference = try pop()
      if let object = opaqueReference(reference) {
        try push(object)
      } else {
        try push(.storage(storageReference(reference)))
      }
    case .reduce:
      let arguments = try pop()
      let function = try pop()
      try stack.append(call(function, arguments))
    case .newObject, .newObjectWithNames:
      if opcode == .newObjectWithNames { _ = try pop() }
      _ = try pop()
      try stack.append(makeObject(pop()))
    case .build:
      let state = try pop()
      try setState(of: top(), to: state)
    }
  }

  private mutating func pushLong(_ length: Int) throws {
    guard length <= Self.integerLimit else {
      throw Malformed(
        expected: "integers of at most \(Self.integerLimit) bytes in the pickle", found: "\(length)")
    }
    let bytes = try reader.take(length).withBytes { Array($0) }
    guard length > 8 else {
      let fill: UInt64 = (bytes.last ?? 0) >= 0x80 ? .max : 0
      let pattern = bytes.reversed().reduce(fill) { $0 << 8 | UInt64($1) }
      return try push(.int(Int(truncatingIfNeeded: pattern)))
    }
    try push(.bigInt(bytes))
  }

  private mutating func pushBytes(_ length: Int) throws {
    try push(.bytes(reader.take(length).withBytes { Array($0) }))
  }

  /// Strings of Python 2 are text in checkpoints and bytes in data sets.
  private mutating func pushOldString(_ length: Int) throws {
    let slice = try reader.take(length)
    if !options.arrays, let text = try? slice.text("the pickle") { return try push(.string(text)) }
    try push(.bytes(slice.withBytes { Array($0) }))
  }

  private mutating func pushTuple(_ count: Int) throws {
    var items: [Int] = []
    for _ in 0..<count { items.append(try pop()) }
    try push(.tuple(items.reversed()))
  }

  private mutating func pushMemo(_ place: Int) throws {
    guard let id = memo[place] else {
      throw Malformed(expected: "a value at place \(place) of the pickle's memo", found: "none")
    }
    stack.append(id)
  }

  private mutating func pushGlobal(module: String, name: String) throws {
    let known = PickleGlobal(module: module, name: name, allowsArrays: options.arrays)
    guard let global = known ?? (options.objects ? .unknown("\(module).\(name)") : nil) else {
      throw Malformed(
        expected: "only tensors, numbers, text and containers (for a model, save its state_dict)",
        found: "the Python name \(quoted("\(module).\(name)"))")
    }
    try push(.global(global))
  }

  private mutating func append(_ items: [Int], to target: Int) throws {
    switch nodes[target] {
    case .list(var list):
      nodes[target] = .none
      list += items
      nodes[target] = .list(list)
    case .set(var set):
      nodes[target] = .none
      set += items
      nodes[target] = .set(set)
    // A subclass of a list.
    case .object: nodes[target] = .list(items)
    default:
      throw Malformed(expected: "a list to append to in the pickle", found: "another value")
    }
  }

  private mutating func setItems(_ items: [Int], of target: Int) throws {
    // A subclass of a dictionary is one with the first item.
    if case .object = nodes[target] { nodes[target] = .dict(PickleDict()) }
    guard case .dict(var dict) = nodes[target], items.count.isMultiple(of: 2) else {
      throw Malformed(expected: "a dictionary and pairs to add to it in the pickle", found: "other values")
    }
    // Without the placeholder each addition would copy the whole dictionary.
    nodes[target] = .none
    for place in stride(from: 0, to: items.count, by: 2) {
      try dict.add(items[place], items[place + 1], nodes, allowsObjects: options.objects)
    }
    nodes[target] = .dict(dict)
  }

  /// Notes a storage; the same key must always mean the same.
  mutating func register(_ record: StorageRecord) throws {
    if let known = storages.updateValue(record, forKey: record.key), known != record {
      throw Malformed(expected: "one type and size for storage \(quoted(record.key))", found: "two")
    }
  }
}

/// The opcodes of protocols 2 to 5 that values of checkpoints and data sets are written with. Those of protocol 0 and 1
/// that call constructors (OBJ, INST), extensions, and the text forms are left out.
private enum Opcode: UInt8 {
  case proto = 0x80
  case frame = 0x95
  case stop = 0x2E
  case mark = 0x28
  case pop = 0x30
  case popMark = 0x31
  case none = 0x4E
  case newTrue = 0x88
  case newFalse = 0x89
  case binInt = 0x4A
  case binInt1 = 0x4B
  case binInt2 = 0x4D
  case long1 = 0x8A
  case long4 = 0x8B
  case binFloat = 0x47
  case shortBinUnicode = 0x8C
  case binUnicode = 0x58
  case binUnicode8 = 0x8D
  case shortBinBytes = 0x43
  case binBytes = 0x42
  case binBytes8 = 0x8E
  case byteArray8 = 0x96
  case shortBinString = 0x55
  case binString = 0x54
  case emptyList = 0x5D
  case emptyDict = 0x7D
  case emptySet = 0x8F
  case emptyTuple = 0x29
  case tuple = 0x74
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case list = 0x6C
  case dict = 0x64
  case frozenSet = 0x91
  case append = 0x61
  case appends = 0x65
  case addItems = 0x90
  case setItem = 0x73
  case setItems = 0x75
  case binPut = 0x71
  case longBinPut = 0x72
  case memoize = 0x94
  case binGet = 0x68
  case longBinGet = 0x6A
  case global = 0x63
  case stackGlobal = 0x93
  case binPersID = 0x51
  case reduce = 0x52
  case build = 0x62
  case newObject = 0x81
  case newObjectWithNames = 0x92

  /// Reads an opcode; nil at the end of the bytes.
  init?(next reader: inout ByteReader) throws {
    guard reader.remaining > 0 else { return nil }
    let byte = try reader.integer(UInt8.self)
    guard let opcode = Opcode(rawValue: byte) else {
      throw Malformed(expected: "a pickle of plain values", found: "opcode 0x\(String(byte, radix: 16))")
    }
    self = opcode
  }
}
