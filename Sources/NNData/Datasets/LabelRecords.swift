import Foundation
import NNCore
import NNFiles

/// The rows of a table as they stand in a file, CSV or JSON lines, before anybody asks what they mean.
struct LabelRecords {
  struct Record {
    /// A value for each name, nil for none; several where the file has a list.
    var values: [[String]?]
    /// Line of the file, from 1.
    var line: Int
  }

  /// Names of the columns, lower case; those of the first record in CSV.
  let names: [String]
  let records: [Record]
  /// Whether names belong to the format: JSON has them, CSV may have a first row without.
  let isNamed: Bool

  /// Largest file that is read, in bytes.
  private static let sizeLimit = 1 << 30

  init(contentsOf path: String) throws {
    let bytes = try FileBytes(mapping: path).whole.withBytes { bytes in
      guard bytes.count <= Self.sizeLimit else {
        throw FileError.malformed(
          file: path, expected: "a table of at most \(Self.sizeLimit) bytes", found: "\(bytes.count)")
      }
      return Array(bytes)
    }
    try self.init(bytes: bytes, path: path)
  }

  /// - Parameter path: names the table in errors.
  init(bytes: [UInt8], path: String) throws {
    var text = bytes[...]
    if text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
    guard !text.contains(0) else {
      throw FileError.malformed(file: path, expected: "a table in UTF-8", found: "bytes of value 0")
    }
    switch text.first(where: { !" \t\r\n".utf8.contains($0) }) {
    case UInt8(ascii: "{"):
      (names, records) = try Self.jsonLines(text, path)
      isNamed = true
    case UInt8(ascii: "[") where path.lowercased().hasSuffix(".json"):
      throw FileError.malformed(
        file: path,
        expected: "JSON lines, an object such as {\"file\": \"a.jpg\", \"label\": \"cat\"} in each",
        found: "a list")
    case nil:
      throw FileError.malformed(
        file: path, expected: "a table of file names and labels", found: "an empty file")
    default:
      let rows = try Self.rows(text, path)
      records = rows.map { row in Record(values: row.cells.map { [$0] }, line: row.line) }
      names = (rows.first?.cells ?? []).map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
      isNamed = false
    }
  }

  // MARK: JSON lines

  private static func jsonLines(
    _ text: ArraySlice<UInt8>, _ file: String
  ) throws -> (names: [String], records: [Record]) {
    var names: [String] = []
    var records: [Record] = []
    var line = 0
    for bytes in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      line += 1
      if bytes.allSatisfy({ " \t\r".utf8.contains($0) }) { continue }
      func bad(_ expected: String, _ found: String) -> FileError {
        .malformed(file: "\(file):\(line)", expected: expected, found: found)
      }
      guard let object = (try? JSONSerialization.jsonObject(with: Data(bytes))) as? [String: Any] else {
        throw bad("a JSON object in the line", quoted(String(decoding: bytes, as: UTF8.self)))
      }
      let values = Dictionary(object.map { ($0.lowercased(), $1) }, uniquingKeysWith: { first, _ in first })
      if records.isEmpty { names = values.keys.sorted() }
      let row = try names.map { name -> [String]? in
        guard let value = values[name], !(value is NSNull) else { return nil }
        let items = try (value as? [Any] ?? [value]).map { item in
          guard let text = Self.text(item) else {
            throw bad("texts or numbers in \(quoted(name))", "other values")
          }
          return text
        }
        return items
      }
      records.append(Record(values: row, line: line))
    }
    return (names, records)
  }

  static func text(_ value: Any) -> String? {
    switch value {
    case let text as String: text
    case let number as NSNumber: "\(number)"
    default: nil
    }
  }

  // MARK: CSV

  private struct Row {
    var cells: [String]
    var line: Int
  }

  /// The rows of a file by RFC 4180, empty lines left out.
  private static func rows(_ text: ArraySlice<UInt8>, _ file: String) throws -> [Row] {
    let separator = Self.separator(text)
    let (quote, feed, back) = (UInt8(ascii: "\""), UInt8(ascii: "\n"), UInt8(ascii: "\r"))
    var rows: [Row] = []
    var row = Row(cells: [], line: 1)
    var cell: [UInt8] = []
    var (line, isQuoted, wasQuoted) = (1, false, false)
    func endCell() {
      row.cells.append(String(decoding: cell, as: UTF8.self))
      (cell, wasQuoted) = ([], false)
    }
    func endRow() {
      endCell()
      if row.cells != [""] { rows.append(row) }
      row = Row(cells: [], line: line)
    }
    var place = text.startIndex
    while place < text.endIndex {
      let byte = text[place]
      place += 1
      if byte == feed { line += 1 }
      if isQuoted {
        if byte != quote {
          cell.append(byte)
        } else if place < text.endIndex, text[place] == quote {
          cell.append(quote)
          place += 1
        } else {
          isQuoted = false
        }
      } else if byte == quote, cell.isEmpty, !wasQuoted {
        (isQuoted, wasQuoted) = (true, true)
      } else if byte == separator {
        endCell()
      } else if byte == feed || byte == back {
        if byte == back, place < text.endIndex, text[place] == feed {
          place += 1
          line += 1
        }
        endRow()
      } else {
        cell.append(byte)
      }
    }
    guard !isQuoted else {
      throw FileError.malformed(
        file: "\(file):\(row.line)", expected: "a quote that ends", found: "the end of the file")
    }
    if !cell.isEmpty || !row.cells.isEmpty { endRow() }
    return rows
  }

  /// What separates cells: the first of comma, semicolon and tab in the first line, outside quotes.
  private static func separator(_ text: ArraySlice<UInt8>) -> UInt8 {
    var isQuoted = false
    for byte in text {
      if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
      if isQuoted { continue }
      if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") { break }
      if byte == UInt8(ascii: ",") || byte == UInt8(ascii: ";") || byte == UInt8(ascii: "\t") { return byte }
    }
    return UInt8(ascii: ",")
  }
}
