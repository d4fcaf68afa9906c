import Foundation
import NNCore
import NNFiles

/// A table of image files and their labels, as it is published beside images: CSV by RFC 4180, or with semicolons or tabs.
///
/// ```text
/// filename,label,split
/// cats/1.jpg,cat,train
/// "a, b.jpg",dog,test
/// ```
///
/// The columns are found by their names in the first row, in any order: `file`, `filename`, `file_name`, `path`, `image`,
/// `image_path`, `id` or `image_id`; `label`, `labels`, `class`, `class_name`, `category` or `target`; `split`, `set`,
/// `subset` or `part`. Other columns are passed over. A table without such names has the file first and the label second.
public struct LabelTable: Sendable {
  public struct Row: Sendable, Hashable {
    /// As it stands in the table, with the ending that was found if it had none.
    public var path: String
    public var label: String
    /// What the column of that name says, nil if there is none.
    public var split: String?
    /// Line of the table, from 1.
    public var line: Int
  }

  public private(set) var rows: [Row] = []

  private static let fileNames: Set<String> = [
    "file", "filename", "file_name", "path", "filepath", "file_path", "image", "image_path", "image_name",
    "img", "id",
    "image_id",
  ]
  private static let labelNames: Set<String> = [
    "label", "labels", "class", "class_name", "classname", "category", "target", "species", "breed",
  ]
  private static let splitNames: Set<String> = ["split", "set", "subset", "part", "partition", "fold_name"]
  /// Largest table that is read, in bytes.
  private static let sizeLimit = 1 << 30

  /// Reads a table.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - root: the folder of the images: each must be there, with one of the endings of images where the table has none.
  ///     Nil asks for no files.
  /// - Throws: `FileError` for a file that is no such table, with the line; ``DatasetError`` for an image that is not there.
  public init(contentsOf path: String, root: String?) throws {
    let text = try FileBytes(mapping: path).whole.withBytes { bytes in
      guard bytes.count <= Self.sizeLimit else {
        throw FileError.malformed(
          file: path, expected: "a table of at most \(Self.sizeLimit) bytes", found: "\(bytes.count)")
      }
      return Array(bytes)
    }
    let records = try Self.records(text, path)
    guard let first = records.first else {
      throw FileError.malformed(
        file: path, expected: "a table of file names and labels", found: "an empty file")
    }
    let names = first.cells.map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
    let named = (
      file: names.firstIndex(where: Self.fileNames.contains),
      label: names.firstIndex(where: Self.labelNames.contains)
    )
    let hasHead = named.file != nil || named.label != nil
    guard first.cells.count >= 2, !hasHead || (named.file != nil && named.label != nil) else {
      throw FileError.malformed(
        file: path, expected: "columns \"file\" and \"label\"",
        found: first.cells.prefix(8).map(quoted).joined(separator: ", "))
    }
    let columns = (file: named.file ?? 0, label: named.label ?? 1)
    let split = hasHead ? names.firstIndex(where: Self.splitNames.contains) : nil
    var known: [String: Row] = [:]
    for record in records.dropFirst(hasHead ? 1 : 0) {
      func bad(_ expected: String, _ found: String) -> FileError {
        .malformed(file: "\(path):\(record.line)", expected: expected, found: found)
      }
      guard record.cells.count == first.cells.count else {
        throw bad("\(first.cells.count) columns", "\(record.cells.count)")
      }
      let label = record.cells[columns.label].trimmingCharacters(in: .whitespaces)
      var file = record.cells[columns.file]
      guard !file.isEmpty, !file.utf8.contains(0) else { throw bad("the name of a file", quoted(file)) }
      guard !label.isEmpty else { throw bad("a label for \(quoted(file))", "none") }
      if let root {
        file =
          try Self.found(file, root)
          ?? { throw bad("an image \(quoted(file)) in \(printable(root))", "none") }()
      }
      let row = Row(
        path: file, label: label,
        split: split.map { record.cells[$0].trimmingCharacters(in: .whitespaces) }, line: record.line)
      if let other = known[file] {
        guard other.label == label, other.split == row.split else {
          throw bad(
            "one label for \(quoted(file))",
            "\(quoted(other.label)) in line \(other.line) and \(quoted(label))")
        }
        continue
      }
      known[file] = row
      rows.append(row)
    }
    guard !rows.isEmpty else {
      throw FileError.malformed(file: path, expected: "rows of file names and labels", found: "none")
    }
  }

  /// The name that a file has below the folder.
  private static func found(_ file: String, _ root: String) -> String? {
    let place = isAbsolutePath(file) ? file : "\(root)/\(file)"
    for ending in [""] + Image.Format.allCases.flatMap(\.endings).sorted().map({ "." + $0 })
    where FileManager.default.fileExists(atPath: place + ending) && !ImageListing.isFolder(place + ending) {
      return file + ending
    }
    return nil
  }

  // MARK: Reading

  private struct Record {
    var cells: [String]
    var line: Int
  }

  /// The records of a file, empty lines left out.
  private static func records(_ bytes: [UInt8], _ file: String) throws -> [Record] {
    var text = bytes[...]
    if text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
    guard !text.contains(0) else {
      throw FileError.malformed(file: file, expected: "a table in UTF-8", found: "bytes of value 0")
    }
    let separator = Self.separator(text)
    let (quote, feed, back) = (UInt8(ascii: "\""), UInt8(ascii: "\n"), UInt8(ascii: "\r"))
    var records: [Record] = []
    var record = Record(cells: [], line: 1)
    var cell: [UInt8] = []
    var (line, isQuoted, wasQuoted) = (1, false, false)
    func endCell() {
      record.cells.append(String(decoding: cell, as: UTF8.self))
      (cell, wasQuoted) = ([], false)
    }
    func endRecord() {
      endCell()
      if record.cells != [""] { records.append(record) }
      record = Record(cells: [], line: line)
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
        endRecord()
      } else {
        cell.append(byte)
      }
    }
    guard !isQuoted else {
      throw FileError.malformed(
        file: "\(file):\(record.line)", expected: "a quote that ends", found: "the end of the file")
    }
    if !cell.isEmpty || !record.cells.isEmpty { endRecord() }
    return records
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
