import Foundation
import NNFiles
import NNLightning

/// Reads an event file record by record, checksums included.
package struct EventReader {
  package struct Scalar: Equatable, Sendable {
    package var tag: String
    package var step: UInt64
    package var value: Float?
  }

  package private(set) var version: String?
  package private(set) var scalars: [Scalar] = []
  /// Of TensorBoard's table of runs.
  package private(set) var hyperparameters: [String: String] = [:]
  package private(set) var endings: [UInt64] = []

  /// Throws ``Malformed`` at the first byte that does not belong there.
  package init(_ data: Data) throws {
    var rest = data
    func number<T: FixedWidthInteger>(_ bytes: Data, _ type: T.Type) -> T {
      bytes.reversed().reduce(T.zero) { $0 << 8 | T($1) }
    }
    while !rest.isEmpty {
      let head = Data(rest.prefix(12))
      try require(head.count == 12, "a record of \(head.count) bytes")
      let length = Int(number(head.prefix(8), UInt64.self))
      try require(
        number(Data(head.suffix(4)), UInt32.self) == maskedCRC32C(Data(head.prefix(8))),
        "the checksum of a length")
      rest = Data(rest.dropFirst(12))
      try require(rest.count >= length + 4, "a record of \(length) bytes in \(rest.count)")
      let record = Data(rest.prefix(length))
      try require(
        number(Data(rest.dropFirst(length).prefix(4)), UInt32.self) == maskedCRC32C(record),
        "the checksum of a record")
      rest = Data(rest.dropFirst(length + 4))
      try read(record)
    }
  }

  package struct Malformed: Error {
    package var what: String
  }

  private func require(_ holds: Bool, _ what: @autoclosure () -> String) throws {
    if !holds { throw Malformed(what: what()) }
  }

  private enum Field {
    case varint(UInt64), fixed(Data), bytes(Data)
  }

  private func fields(_ message: Data) throws -> [(number: Int, value: Field)] {
    var bytes = Array(message)[...]
    func varint() throws -> UInt64 {
      var (value, shift): (UInt64, UInt64) = (0, 0)
      while true {
        guard let byte = bytes.popFirst() else { throw Malformed(what: "a message that ends too early") }
        value |= UInt64(byte & 0x7f) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
    }
    var all: [(number: Int, value: Field)] = []
    while !bytes.isEmpty {
      let key = try varint()
      func take(_ count: Int) throws -> Data {
        try require(bytes.count >= count, "a field of \(count) bytes in \(bytes.count)")
        defer { bytes = bytes.dropFirst(count) }
        return Data(bytes.prefix(count))
      }
      let value: Field
      switch key & 7 {
      case 0: value = .varint(try varint())
      case 1: value = .fixed(try take(8))
      case 5: value = .fixed(try take(4))
      default: value = .bytes(try take(Int(try varint())))
      }
      all.append((Int(key >> 3), value))
    }
    return all
  }

  private mutating func read(_ event: Data) throws {
    var step: UInt64 = 0
    for case (2, .varint(let number)) in try fields(event) { step = number }
    for case (3, .bytes(let text)) in try fields(event) { version = String(decoding: text, as: UTF8.self) }
    for case (5, .bytes(let summary)) in try fields(event) {
      for case (1, .bytes(let value)) in try fields(summary) {
        var scalar = Scalar(tag: "", step: step)
        for case (1, .bytes(let tag)) in try fields(value) {
          scalar.tag = String(decoding: tag, as: UTF8.self)
        }
        for case (2, .fixed(let bits)) in try fields(value) {
          scalar.value = Float(bitPattern: bits.reversed().reduce(UInt32.zero) { $0 << 8 | UInt32($1) })
        }
        scalars.append(scalar)
        for case (9, .bytes(let metadata)) in try fields(value) { try read(metadata: metadata, scalar.tag) }
      }
    }
  }

  private mutating func read(metadata: Data, _ tag: String) throws {
    guard case (1, .bytes(let plugin))? = try fields(metadata).first,
      case (1, .bytes(let name))? = try fields(plugin).first, name == Data("hparams".utf8)
    else { return }
    guard case .bytes(let message)? = try fields(plugin).last(where: { $0.number == 2 })?.value,
      case (let kind, .bytes(let info))? = try fields(message).first
    else { throw Malformed(what: "a message that ends too early") }
    try require(
      tag == (kind == 3 ? "_hparams_/session_start_info" : "_hparams_/session_end_info"), "the tag \(tag)")
    for case (1, .varint(let status)) in try fields(info) where kind == 4 { endings.append(status) }
    for case (1, .bytes(let entry)) in try fields(info) where kind == 3 {
      guard case (1, .bytes(let name))? = try fields(entry).first,
        case (2, .bytes(let value))? = try fields(entry).last
      else { throw Malformed(what: "a message that ends too early") }
      let text =
        switch try fields(value).first {
        case (2, .fixed(let bits))?:
          "\(Double(bitPattern: bits.reversed().reduce(UInt64.zero) { $0 << 8 | UInt64($1) }))"
        case (3, .bytes(let text))?: String(decoding: text, as: UTF8.self)
        case (4, .varint(let bit))?: bit == 1 ? "true" : "false"
        default: "?"
        }
      hyperparameters[String(decoding: name, as: UTF8.self)] = text
    }
  }
}
