import NNCore
import NNFiles

/// The format of MNIST: a magic number, the sizes of the dimensions as 32-bit big-endian numbers, and bytes.
/// http://yann.lecun.com/exdb/mnist/
enum IdxFile {
  /// The bytes as a uint8 tensor of the given rank.
  static func read(_ path: String, rank: Int) throws -> Tensor {
    let file = try FileBytes(mapping: path)
    let bytes = file.buffer
    func malformed(_ expected: String, _ found: String) -> FileError {
      .malformed(file: path, expected: expected, found: found)
    }
    let header = 4 + 4 * rank
    guard bytes.count >= header else {
      throw malformed("an idx file with a header of \(header) bytes", "\(bytes.count) bytes")
    }
    // Two zeros, the element type (8: unsigned byte), the number of dimensions.
    guard bytes[0] == 0, bytes[1] == 0, bytes[2] == 8, bytes[3] == rank else {
      throw malformed(
        "an idx file of bytes with \(rank) dimensions", "magic number \(Array(bytes.prefix(4)))")
    }
    let shape = (0..<rank).map { axis in
      (0..<4).reduce(0) { $0 << 8 | Int(bytes[4 + 4 * axis + $1]) }
    }
    let count = try FileError.naming(path) { try checkedCount(shape, of: "the array") }
    guard count == bytes.count - header else {
      throw malformed("\(count) bytes behind the header for \(shape)", "\(bytes.count - header)")
    }
    return Tensor(Array(bytes[header...]), shape: shape)
  }
}
