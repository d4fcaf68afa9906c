import NNCore

extension Image {
  /// Reads a file for a transform: a large photograph is decoded no larger than it needs if `decoding` allows it. Otherwise
  /// as ``init(contentsOfFile:mode:orientation:)``.
  public init(
    contentsOfFile path: String, mode: Mode = .rgb, orientation: Orientation = .ignore,
    decoding: Decoding = .exact, for transform: any Transform<Image, Tensor>
  ) throws {
    let reading = Reading(mode: mode, orientation: orientation, decoding: decoding)
    try self.init(contentsOfFile: path, reading: reading, for: transform)
  }

  /// Reads a file for a transform in a way that is a value.
  public init(
    contentsOfFile path: String, reading: Reading, for transform: any Transform<Image, Tensor>
  ) throws {
    try self.init(contentsOfFile: path, reading: reading) { transform.magnification(height: $0, width: $1) }
  }

  /// Reads a file of a tree for a transform.
  package init(
    _ path: String, in tree: FileTree, reading: Reading, for transform: any Transform<Image, Tensor>
  ) throws {
    try self.init(path, in: tree, reading: reading) { transform.magnification(height: $0, width: $1) }
  }

  /// Decodes a file held in memory for a transform. `file` names it in errors.
  public init(
    decoding bytes: [UInt8], file: String = "image", reading: Reading,
    for transform: any Transform<Image, Tensor>
  ) throws {
    try self.init(decoding: bytes, file: file, reading: reading) {
      transform.magnification(height: $0, width: $1)
    }
  }
}
