import Foundation
import NNCore
import NNFiles

extension Reader {
  private static let formats = "NNFilesTests/Fixtures/formats/ok"

  /// Tensor files of all formats.
  static func weights(_ scratch: Scratch) throws -> [Reader] {
    let ok = { (names: String...) in try fixtures(formats, names) }
    let json = words(
      "{", "}", "[", "]", ":", "\"", "\\u0000", "null", "-1", "1e308", "9223372036854775808", "\"dtype\"",
      "\"shape\"", "\"data_offsets\"", "\"__metadata__\"", "\"F32\"", "\"BF16\"", "\"F8_E4M3\"", "\"I64\"")
    let text = words(
      "'descr'", "'fortran_order'", "'shape'", "True", "False", "(", ")", ",)", "'<f8'", "'>i4'", "'|O'",
      "'<U4'", "99999999999")
    return [
      Reader(
        name: "safetensors", layout: .safetensors, tokens: json,
        seeds: try ok("state.safetensors", "no_tensors.safetensors")
      ) { input, _ in try readState(input, "input.safetensors") },
      Reader(
        name: "npy", layout: .npy, tokens: text, seeds: try fixtures(formats, ending: ".npy")
      ) { input, _ in _ = try Tensor(FileBytes(input).whole, "input.npy").array(of: Double.self) },
      Reader(
        name: "npz", layout: .zip, tokens: text + words("PK\u{3}\u{4}", "PK\u{1}\u{2}", ".npy", "../", "/"),
        seeds: try ok("arrays.npz", "arrays_compressed.npz") + [written(scratch) { try $0.write(npz: $1) }]
      ) { input, _ in try readState(input, "input.npz") },
      Reader(
        name: "pth", layout: .zip, tokens: opcodes,
        seeds: try ok(
          "state_zip.pth", "state_zip_proto4.pth", "parameters.pth", "full_checkpoint.pth", "lightning.ckpt",
          "single_tensor.pth", "float8.pth", "dataparallel.pth")
          + fixtures("NNLayersTests/Fixtures/weights", ["whole.pth", "beside_object.pth"])
          + [written(scratch) { try $0.write(pth: $1) }]
      ) { input, scratch in try readCheckpoint(input, scratch) },
      Reader(
        name: "pth-legacy", tokens: opcodes,
        seeds: try ok("state_legacy.pth", "full_checkpoint_legacy.pth")
          + fixtures("NNLayersTests/Fixtures/weights", ["legacy.pth"])
      ) { input, scratch in try readCheckpoint(input, scratch) },
      Reader(
        name: "pickle", tokens: opcodes, seeds: try ok("arrays_protocol2.pkl", "arrays_protocol4.pkl")
      ) { input, _ in
        let root = try PickleValue(FileBytes(input).whole, "input.pkl")
        for value in [root["data"], root["extra"]?["f"]] {
          if case .array(let record)? = value?.kind {
            _ = try FileError.naming("input.pkl") { try record.tensor().array(of: Double.self) }
          }
        }
      },
      try index(scratch),
    ]
  }

  private static let opcodes: [[UInt8]] =
    words(
      "ctorch\nFloatStorage\n", "ctorch._utils\n_rebuild_tensor_v2\n", "ccollections\nOrderedDict\n",
      "cnumpy.core.multiarray\n_reconstruct\n", "cos\nsystem\n", "(", "t", "R", "Q", "b", "0", "2", "s", "u",
      "}",
      "]", ")", ".", "I99999999999\n", "q\u{0}", "h\u{0}", "X\u{4}\u{0}\u{0}\u{0}name")
    + [
      [0x80, 2], [0x80, 4], [0x95, 0xFF, 0, 0, 0, 0, 0, 0, 0], [0x8A, 8], [0x8B, 0xFF, 0xFF, 0xFF, 0x7F],
      [0x86],
      [0x87], [0x8C, 4], [0x8D, 0xFF, 0xFF, 0xFF, 0xFF], [0x94], [0x93], [0x71, 0xFF],
      [0x72, 0xFF, 0xFF, 0xFF, 0x7F],
      [0x6A, 0xFF, 0xFF, 0xFF, 0x7F],
    ]

  /// A file that the library writes.
  private static func written(_ scratch: Scratch, _ write: (StateDict, String) throws -> Void) throws
    -> [UInt8]
  {
    let path = "\(scratch.folder)/seed"
    let state: StateDict = [
      "a.weight": Tensor([1, 2.5, -3, 4] as [Float], shape: [2, 2]), "count": Tensor([7] as [Int64]),
      "flags": Tensor([true, false]),
    ]
    try write(state, path)
    return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  private static func readState(_ input: [UInt8], _ name: String) throws {
    for (_, value) in try StateDict(FileBytes(input).whole, name) { _ = value.array(of: Double.self) }
  }

  /// As a file of any kind with weights somewhere in it, and as the tree that it is.
  private static func readCheckpoint(_ input: [UInt8], _ scratch: Scratch) throws {
    let path = try scratch.write(input, "input.pth")
    try attemptAll(
      {
        let checkpoint = try TorchCheckpoint(FileBytes(input).whole, path)
        try walk(checkpoint.root, checkpoint, path, depth: 0)
      },
      {
        let file = try WeightFile(contentsOf: path)
        for part in file.parts { _ = try part.state(of: Set(part.tensors.map(\.key)), file: path) }
      }, { try readState(input, path) })
  }

  private static func walk(
    _ value: PickleValue, _ checkpoint: TorchCheckpoint, _ path: String, depth: Int
  ) throws {
    if depth > 8 { return }
    switch value.kind {
    case .tensor(let record):
      _ = try FileError.naming(path) { try checkpoint.tensor(record).array(of: Double.self) }
    case .list(let items), .tuple(let items), .set(let items):
      for item in items.prefix(100) { try walk(item, checkpoint, path, depth: depth + 1) }
    case .dict(let pairs):
      for pair in pairs.prefix(100) { try walk(pair.value, checkpoint, path, depth: depth + 1) }
    case .none, .bool, .int, .bigInt, .float, .string, .bytes, .array, .name: break
    }
  }

  /// An index of two files that lie beside it.
  private static func index(_ scratch: Scratch) throws -> Reader {
    for (name, key) in [("m-1.safetensors", "a"), ("m-2.safetensors", "b")] {
      try ([key: Tensor([1, 2] as [Float])] as StateDict).write(safetensors: "\(scratch.folder)/\(name)")
    }
    let good =
      #"{"metadata": {"total_size": 16}, "weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}}"#
    return Reader(
      name: "index", layout: .text,
      tokens: words(
        "../", "..", "/\u{301}", "\\u0000", "\\ud800", "m-1.safetensors", "input.safetensors.index.json",
        "\"weight_map\"", "{", "}", "[", "]", "\""),
      seeds: words(good, #"{"weight_map": {}}"#)
    ) { input, scratch in
      for (_, value) in try StateDict(contentsOf: scratch.write(input, "input.safetensors.index.json")) {
        _ = value.array(of: Double.self)
      }
    }
  }
}
