import CZlib
import Foundation
import NNCore
import NNFiles

/// The numeric arrays of a MATLAB file of level 5, as MATLAB's `save -v6` and `-v7` and SciPy's `savemat` write it. Cells,
/// structures, texts and sparse matrices are passed over.
///
/// Format: https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf
package struct MATFile {
  /// An array in MATLAB's order: the first index runs fastest.
  package struct Array {
    package let shape: [Int]
    /// Type of the elements as they are stored, which may be a smaller one than the array's.
    fileprivate let type: UInt32
    fileprivate let bytes: FileSlice

    package var count: Int { shape.reduce(1, *) }
  }

  private let path: String
  private var arrays: [String: Array] = [:]

  /// Bytes that the packed variables of a file may unfold to: those of SVHN have 225 MB.
  package static let unpackedLimit = 1 << 28

  /// Throws `FileError` for a file that is damaged or of another format.
  package init(contentsOf path: String) throws {
    self.path = path
    let file = try FileBytes(mapping: path).whole
    arrays = try FileError.naming(path) { try MATFile.arrays(of: file) }
  }

  /// The array of a name. Throws `FileError` if there is none.
  package func array(_ name: String) throws -> Array {
    guard let array = arrays[name] else {
      throw FileError.malformed(
        file: path, expected: "an array \(quoted(name))",
        found: arrays.isEmpty ? "none" : arrays.keys.sorted().prefix(5).map(quoted).joined(separator: ", "))
    }
    return array
  }

  /// Bytes of an array of uint8. Throws `FileError` for another.
  package func bytes(_ name: String) throws -> (shape: [Int], bytes: FileSlice) {
    let array = try array(name)
    guard array.type == 2 else {
      throw FileError.malformed(
        file: path, expected: "bytes in \(quoted(name))", found: "elements of type \(array.type)")
    }
    return (array.shape, array.bytes)
  }

  /// The elements of an array of whole numbers. Throws `FileError` for another.
  package func integers(_ name: String) throws -> [Int] {
    let array = try array(name)
    func all<T: FixedWidthInteger>(_: T.Type) -> [Int]? {
      let values = elements(array, T.self).map { Int(exactly: T(littleEndian: $0)) }
      return values.contains(nil) ? nil : values.compactMap(\.self)
    }
    let values: [Int]? =
      switch array.type {
      case 1: all(Int8.self)
      case 2: all(UInt8.self)
      case 3: all(Int16.self)
      case 4: all(UInt16.self)
      case 5: all(Int32.self)
      case 6: all(UInt32.self)
      case 9:
        elements(array, UInt64.self).map { Int(exactly: Double(bitPattern: UInt64(littleEndian: $0))) }
          .reduce(into: [Int]?.some([])) { values, value in
            if let value { values?.append(value) } else { values = nil }
          }
      case 12: all(Int64.self)
      case 13: all(UInt64.self)
      default: nil
      }
    guard let values else {
      throw FileError.malformed(
        file: path, expected: "whole numbers in \(quoted(name))", found: "others (type \(array.type))")
    }
    return values
  }

  private func elements<T>(_ array: Array, _: T.Type) -> [T] {
    array.bytes.withBytes { bytes in
      (0..<array.count).map {
        bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.size, as: T.self)
      }
    }
  }

  // MARK: Format

  /// Bytes of an element by its type, 0 for others than numbers.
  private static func size(ofType type: UInt32) -> Int {
    switch type {
    case 1, 2: 1
    case 3, 4: 2
    case 5, 6, 7: 4
    case 9, 12, 13: 8
    default: 0
    }
  }

  /// A part of the file: what it is and what it holds.
  private struct Element {
    var type: UInt32
    var content: FileSlice
  }

  private static func arrays(of file: FileSlice) throws -> [String: Array] {
    // A text of 116 bytes, the place of data of subsystems, version and byte order.
    guard file.count >= 128, file.hasPrefix([0, 1, 0x49, 0x4D], at: 124) else {
      throw Malformed(
        expected: "a MATLAB file of level 5 with the lowest byte first",
        found: file.hasPrefix(Swift.Array("MATLAB 7.3".utf8)) ? "version 7.3" : "another file")
    }
    var arrays: [String: Array] = [:]
    var remaining = unpackedLimit
    var place = 128
    while place < file.count {
      var element = try element(of: file, at: &place, isPadded: false)
      if element.type == 15 {
        let inflated = try inflate(element.content, limit: remaining)
        remaining -= inflated.count
        var start = 0
        element = try self.element(of: inflated, at: &start, isPadded: false)
      }
      guard element.type == 14 else { continue }
      if let (name, array) = try matrix(element.content) { arrays[name] = array }
    }
    return arrays
  }

  /// - Parameter isPadded: whether the next begins at a multiple of 8 bytes.
  private static func element(
    of slice: FileSlice, at place: inout Int, isPadded: Bool = true
  ) throws -> Element {
    func number(_ place: Int) throws -> UInt32 {
      guard place + 4 <= slice.count else {
        throw Malformed(
          expected: "a whole element at byte \(place)", found: "the end after \(slice.count) bytes")
      }
      return slice.withBytes {
        UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: UInt32.self))
      }
    }
    let first = try number(place)
    // Up to four bytes stand where the size of others does.
    if first >> 16 != 0 {
      let (type, count) = (first & 0xFFFF, Int(first >> 16))
      guard count <= 4 else {
        throw Malformed(expected: "at most 4 bytes in a small element", found: "\(count)")
      }
      defer { place += 8 }
      return Element(type: type, content: try slice.part(place + 4..<place + 4 + count))
    }
    let count = Int(try number(place + 4))
    let start = place + 8
    let element = Element(type: first, content: try slice.part(start..<start + count))
    place = start + (isPadded ? (count + 7) / 8 * 8 : count)
    return element
  }

  /// Name and content of a matrix, nil for one that is not of real numbers.
  private static func matrix(_ content: FileSlice) throws -> (String, Array)? {
    var place = 0
    let flags = try element(of: content, at: &place).content
    let kind = try flags.part(0..<4).withBytes { $0[0] }
    guard (6...15).contains(kind) else { return nil }
    let sizes = try element(of: content, at: &place)
    guard sizes.type == 5, sizes.content.count % 4 == 0 else {
      throw Malformed(expected: "sizes of the dimensions in 32 bits", found: "type \(sizes.type)")
    }
    let shape = sizes.content.withBytes { bytes in
      (0..<bytes.count / 4).map {
        Int(Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self)))
      }
    }
    let name = try element(of: content, at: &place).content.withBytes { String(decoding: $0, as: UTF8.self) }
    let values = try element(of: content, at: &place)
    let count = try checkedCount(shape, of: quoted(name))
    let size = size(ofType: values.type)
    guard size > 0, values.content.count == count * size else {
      throw Malformed(
        expected: "\(shape) elements in \(quoted(name))",
        found: "\(values.content.count) bytes of type \(values.type)")
    }
    return (name, Array(shape: shape, type: values.type, bytes: values.content))
  }

  /// Unpacks a variable, whose first bytes say its size.
  private static func inflate(_ packed: FileSlice, limit: Int) throws -> FileSlice {
    var stream = z_stream()
    guard inflateInit_(&stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw Malformed(expected: "memory to unpack", found: "none")
    }
    defer { inflateEnd(&stream) }
    return try packed.withBytes { source in
      stream.next_in = UnsafeMutablePointer(
        mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
      stream.avail_in = UInt32(source.count)
      func fill(_ target: UnsafeMutableRawBufferPointer) throws {
        stream.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_out = UInt32(target.count)
        let status = CZlib.inflate(&stream, Z_SYNC_FLUSH)
        guard status == Z_OK || status == Z_STREAM_END, stream.avail_out == 0 else {
          throw Malformed(expected: "a packed variable", found: "damaged or cut data")
        }
      }
      var tag = [UInt8](repeating: 0, count: 8)
      try tag.withUnsafeMutableBytes { try fill($0) }
      let count = (4..<8).reduce(0) { $0 | Int(tag[$1]) << (8 * ($1 - 4)) }
      guard count <= limit else {
        throw Malformed(expected: "at most \(unpackedLimit) bytes of packed variables", found: "more")
      }
      guard count / largestDeflateRatio <= source.count else {
        throw Malformed(expected: "a packed variable", found: "damaged or cut data")
      }
      return try FileBytes(count: 8 + count) { target in
        target.copyBytes(from: tag)
        if count > 0 { try fill(UnsafeMutableRawBufferPointer(rebasing: target[8...])) }
      }.whole
    }
  }
}
