import Foundation
import NNCore

extension StateDict {
  /// Reads a weight file. The content decides about the format: `.safetensors`, a checkpoint of `torch.save`
  /// (`.pth`, `.pt`, `.ckpt`, in the zip format or the one before PyTorch 1.6), or `.npz`; a name that ends in
  /// `.index.json` is that of an index of several such files beside it.
  ///
  /// Weight files are untrusted: nothing in them runs, sizes that do not fit and broken checksums are errors,
  /// and memory stays within a small multiple of the file. Tensors of 1 MiB and more that need no conversion are
  /// not copied: they stay in the mapped file, which must not be changed in place as long as they are in use
  /// (a new file under its name does no harm).
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - key: Where in a checkpoint the dictionary of tensors is, as `"state_dict"` in Lightning's; nil if
  ///     the whole checkpoint is that dictionary.
  ///   - prefix: Dropped from the keys that have it: `"module."` of DataParallel, `"model."` of Lightning.
  /// - Throws: `FileError`, one line that names the file, what was expected and what was found.
  public init(contentsOf path: String, key: String? = nil, prefix: String = "") throws {
    try self.init(FileBytes(mapping: path).whole, path, key: key, prefix: prefix)
  }

  /// Reads a weight file; see ``init(contentsOf:key:prefix:)-(String,_,_)``.
  public init(contentsOf url: URL, key: String? = nil, prefix: String = "") throws {
    try self.init(contentsOf: url.path, key: key, prefix: prefix)
  }

  /// Reads a file's bytes. If they begin like no known format, the name's ending says what they should be.
  package init(_ file: FileSlice, _ path: String, key: String? = nil, prefix: String = "") throws {
    if path.hasSuffix(".index.json") {
      guard key == nil else {
        throw FileError.malformed(
          file: path, expected: "a PyTorch checkpoint to look up a key in", found: "an index of files")
      }
      self = try StateDict.withoutPrefix(prefix, ShardedIndex.read(file, path), path)
      return
    }
    let format = try FileError.naming(path) { try FileFormat(file) ?? FileFormat(named: path) }
    let state = try FileError.naming(path) {
      if key != nil, format != .torch {
        throw Malformed(expected: "a PyTorch checkpoint to look up a key in", found: "\(format)")
      }
      switch format {
      case .safetensors: return try Safetensors.read(file)
      case .torch: return try TorchCheckpoint(file, path).stateDict(key)
      case .npz: return try Npz.read(file)
      case .npy:
        throw Malformed(expected: "tensors with names", found: "one array (read it with Tensor(contentsOf:))")
      }
    }
    self = try StateDict.withoutPrefix(prefix, state, path)
  }

  private static func withoutPrefix(_ prefix: String, _ state: StateDict, _ path: String) throws -> StateDict
  {
    if prefix.isEmpty { return state }
    return try FileError.naming(path) {
      guard state.isEmpty || state.contains(where: { $0.key.hasPrefix(prefix) }) else {
        throw Malformed(
          expected: "keys that begin with \(quoted(prefix))", found: state.keys.first.map(quoted) ?? "none")
      }
      return try state.removingPrefix(prefix)
    }
  }

  /// Writes a safetensors file, whole or not at all: a file that is there already stays as it is until the
  /// new one is complete on disk.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - metadata: Text beside the tensors; nil for that of the dictionary.
  ///   - type: Element type in the file per entry, by default the tensor's own. Floating point can be stored
  ///     as any floating-point type (rounded to nearest even), integers as any integer type that holds the
  ///     values.
  /// - Throws: `FileError.unwritable`.
  public func write(
    safetensors path: String, metadata: [String: String]? = nil,
    storing type: (Element) -> StoredType = { StoredType($0.value.dtype) }
  ) throws {
    try Safetensors.write(self, to: path, metadata: metadata ?? self.metadata, storing: type)
  }

  /// Writes a safetensors file; see ``write(safetensors:metadata:storing:)-(String,_,_)``.
  public func write(
    safetensors url: URL, metadata: [String: String]? = nil,
    storing type: (Element) -> StoredType = { StoredType($0.value.dtype) }
  ) throws {
    try write(safetensors: url.path, metadata: metadata, storing: type)
  }
}

extension StateDict {
  /// Writes a checkpoint that `torch.load(path, weights_only=True)` opens as an ordered dictionary of tensors, whole
  /// or not at all. Tensors that share all of their memory are written once.
  ///
  /// - Parameters:
  ///   - path: The file, less than 4 GiB.
  ///   - type: Element type in the file per entry, by default the tensor's own; see
  ///     ``write(safetensors:metadata:storing:)-(String,_,_)``. There are no unsigned types but `U8`.
  /// - Throws: `FileError.unwritable`.
  public func write(
    pth path: String, storing type: (Element) -> StoredType = { StoredType($0.value.dtype) }
  ) throws {
    try TorchWriter.write(self, to: path, storing: type)
  }

  /// Writes a checkpoint; see ``write(pth:storing:)-(String,_)``.
  public func write(
    pth url: URL, storing type: (Element) -> StoredType = { StoredType($0.value.dtype) }
  ) throws {
    try write(pth: url.path, storing: type)
  }

  /// Writes NumPy's `.npz` file, as `numpy.savez`: less than 4 GiB, whole or not at all.
  /// - Throws: `FileError.unwritable`.
  public func write(npz path: String) throws { try Npz.write(self, to: path) }

  /// Writes NumPy's `.npz` file, as `numpy.savez`: less than 4 GiB, whole or not at all.
  /// - Throws: `FileError.unwritable`.
  public func write(npz url: URL) throws { try write(npz: url.path) }
}

extension Tensor {
  /// Reads a file with one tensor: NumPy's `.npy`, or a bare tensor of `torch.save`. Element types that
  /// `DType` does not have are widened (see `StoredType`).
  /// - Throws: `FileError`.
  public init(contentsOf path: String) throws {
    try self.init(FileBytes(mapping: path).whole, path)
  }

  /// Reads a file with one tensor; see ``init(contentsOf:)-(String)``.
  public init(contentsOf url: URL) throws { try self.init(contentsOf: url.path) }

  package init(_ file: FileSlice, _ path: String) throws {
    self = try FileError.naming(path) {
      let format = try FileFormat(file) ?? FileFormat(named: path)
      switch format {
      case .npy: return try Npy.read(file).0
      case .torch:
        let checkpoint = try TorchCheckpoint(file, path)
        guard case .tensor(let record) = checkpoint.root.kind else {
          throw Malformed(expected: "one tensor", found: checkpoint.root.summary)
        }
        return try checkpoint.tensor(record)
      case .safetensors, .npz:
        throw Malformed(expected: "one tensor", found: "\(format) (read it with StateDict(contentsOf:))")
      }
    }
  }

  /// Writes NumPy's `.npy` file, whole or not at all.
  /// - Throws: `FileError.unwritable`.
  public func write(npy path: String) throws { try Npy.write(self, to: path) }

  /// Writes NumPy's `.npy` file, whole or not at all.
  /// - Throws: `FileError.unwritable`.
  public func write(npy url: URL) throws { try write(npy: url.path) }
}

extension PickleValue {
  /// Reads a file that is one pickle, with arrays of NumPy: the batches of CIFAR-10 in Python's layout.
  /// - Throws: `FileError`.
  package init(contentsOf path: String) throws { try self.init(FileBytes(mapping: path).whole, path) }

  package init(_ file: FileSlice, _ path: String) throws {
    self = try FileError.naming(path) {
      var unpickler = Unpickler(file, options: .init(arrays: true))
      let value = try unpickler.load()
      guard unpickler.reader.remaining == 0 else {
        throw Malformed(expected: "the end of the file", found: "\(unpickler.reader.remaining) bytes more")
      }
      return value
    }
  }
}

extension TorchCheckpoint {
  /// Whether a file is a checkpoint, by its content or else its name.
  static func reads(_ file: FileSlice, _ path: String) throws -> Bool {
    if let format = try FileFormat(file) { return format == .torch }
    return try FileFormat(named: path) == .torch
  }
}

/// The kinds of tensor files.
private enum FileFormat: CustomStringConvertible {
  case safetensors, torch, npz, npy

  /// By the content; nil if it begins like none of them.
  init?(_ file: FileSlice) throws {
    if ZipArchive.matches(file) {
      let archive = try ZipArchive(file)
      if TorchCheckpoint.matches(archive) {
        self = .torch
      } else if archive.entries.allSatisfy({ $0.name.hasSuffix(".npy") }) {
        self = .npz
      } else {
        throw Malformed(expected: "data.pkl or .npy files in the zip file", found: "neither")
      }
    } else if file.hasPrefix(Npy.magic) {
      self = .npy
    } else if Safetensors.matches(file) {
      self = .safetensors
    } else if file.hasPrefix([0x80]), !file.hasPrefix([0x80], at: 1) {
      self = .torch
    } else {
      return nil
    }
  }

  /// By the ending of the name.
  init(named path: String) throws {
    switch path.split(separator: ".").last?.lowercased() {
    case "safetensors": self = .safetensors
    case "pth", "pt", "ckpt", "bin": self = .torch
    case "npz": self = .npz
    case "npy": self = .npy
    default:
      throw Malformed(expected: "a safetensors, PyTorch, .npz or .npy file", found: "another beginning")
    }
  }

  var description: String {
    switch self {
    case .safetensors: "a safetensors file"
    case .torch: "a PyTorch checkpoint"
    case .npz: "an .npz file"
    case .npy: "an .npy file"
    }
  }
}
