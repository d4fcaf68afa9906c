import NNCore

/// Writes a checkpoint of `torch.save` in the zip format: an ordered dictionary of tensors, of which nothing needs
/// more than what `torch.load(weights_only=True)` allows.
enum TorchWriter {
  static func write(
    _ state: StateDict, to path: String, storing type: (StateDict.Element) -> StoredType
  ) throws {
    var pickle = PickleWriter()
    pickle.beginOrderedDict()
    var places: [Identity: Int] = [:]
    var storages: [(tensor: Tensor, type: StoredType)] = []
    for (key, value) in state {
      let type = type((key, value))
      guard let storageName = storageNames[type] else {
        throw FileError.unwritable(
          file: path, reason: "\(quoted(key)): PyTorch has no storage of \(type) in this format")
      }
      // Tensors that are the same memory are written once and are the same again when they are read.
      let identity = Identity(value, type)
      let place = places[identity] ?? storages.count
      if place == storages.count {
        places[identity] = place
        storages.append((value.detach().to(.cpu).contiguous(), type))
      }
      pickle.text(key)
      pickle.tensor(storage: storageName, key: "\(place)", shape: value.shape)
    }
    let bytes = pickle.finished()
    try ZipWriter.write(path) { zip in
      try zip.add("archive/data.pkl", bytes)
      try zip.add("archive/byteorder", Array("little".utf8))
      for (place, (tensor, type)) in storages.enumerated() {
        do {
          try withExtendedLifetime(tensor) {
            try zip.add("archive/data/\(place)", byteCount: tensor.count * type.byteCount) { write in
              try type.encode(tensor, write)
            }
          }
        } catch let error as Malformed {
          throw FileError.unwritable(
            file: path, reason: "expected \(error.expected), found \(error.found)")
        }
      }
      try zip.add("archive/version", Array("3\n".utf8))
    }
  }

  private static let storageNames: [StoredType: String] = [
    .float64: "DoubleStorage", .float32: "FloatStorage", .float16: "HalfStorage",
    .bfloat16: "BFloat16Storage", .int64: "LongStorage", .int32: "IntStorage", .int16: "ShortStorage",
    .int8: "CharStorage", .uint8: "ByteStorage", .bool: "BoolStorage",
  ]

  /// Which elements of which memory, in which order, and how they are stored.
  private struct Identity: Hashable {
    let storage: ObjectIdentifier
    let offset: Int
    let shape: [Int]
    let strides: [Int]
    let dtype: DType
    let type: StoredType

    init(_ tensor: Tensor, _ type: StoredType) {
      storage = ObjectIdentifier(tensor.storage)
      offset = tensor.offset
      shape = tensor.shape
      strides = tensor.strides
      dtype = tensor.dtype
      self.type = type
    }
  }
}

/// The few commands of Python's pickle protocol 2 that a checkpoint consists of.
/// https://github.com/python/cpython/blob/main/Lib/pickletools.py
private struct PickleWriter {
  private var bytes: [UInt8] = [0x80, 2]

  private mutating func put(_ letter: Unicode.Scalar) { bytes.append(UInt8(ascii: letter)) }

  private mutating func global(_ module: String, _ name: String) {
    bytes += Array("c\(module)\n\(name)\n".utf8)
  }

  private mutating func emptyOrderedDict() {
    global("collections", "OrderedDict")
    put(")")
    put("R")
  }

  mutating func beginOrderedDict() {
    emptyOrderedDict()
    put("(")
  }

  mutating func text(_ text: String) {
    let utf8 = Array(text.utf8)
    put("X")
    bytes += (0..<4).map { UInt8(truncatingIfNeeded: utf8.count >> (8 * $0)) } + utf8
  }

  private mutating func integer(_ value: Int) {
    let isLong = Int32(exactly: value) == nil
    // A long integer has its size in front.
    bytes += isLong ? [0x8A, 8] : [UInt8(ascii: "J")]
    bytes += (0..<(isLong ? 8 : 4)).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  private mutating func tuple(_ values: [Int]) {
    put("(")
    for value in values { integer(value) }
    put("t")
  }

  /// A row-major tensor that fills its storage.
  mutating func tensor(storage: String, key: String, shape: [Int]) {
    global("torch._utils", "_rebuild_tensor_v2")
    put("(")
    put("(")
    text("storage")
    global("torch", storage)
    text(key)
    text("cpu")
    integer(shape.reduce(1, *))
    put("t")
    put("Q")
    integer(0)
    tuple(shape)
    tuple(Tensor.contiguousStrides(shape))
    // No gradient, no hooks.
    bytes.append(0x89)
    emptyOrderedDict()
    put("t")
    put("R")
  }

  func finished() -> [UInt8] { bytes + [UInt8(ascii: "u"), UInt8(ascii: ".")] }
}
