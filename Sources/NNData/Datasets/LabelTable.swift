import Foundation
import NNCore
import NNFiles

/// A table of image files and their labels, as it is published beside images: CSV by RFC 4180, or with semicolons or
/// tabs, or JSON lines.
///
/// ```text
/// filename,label,split
/// cats/1.jpg,cat,train
/// "a, b.jpg",dog,test
/// ```
///
/// ```text
/// {"file_name": "cats/1.jpg", "label": "cat", "split": "train"}
/// ```
///
/// The columns are found by their names in the first row, in any order: `file`, `filename`, `file_name`, `path`, `image`,
/// `image_path`, `id` or `image_id`; `label`, `labels`, `class`, `class_name`, `category` or `target`; `split`, `set`,
/// `subset` or `part`. Other columns are passed over, see ``unusedColumns``. A table without such names has the file first
/// and the label second.
///
/// **Several labels.** With `severalLabels` a file may have any number of labels, also none: a cell `cat|dog` (or with
/// `;` or `,`), a list in JSON, or several rows of one file. Where there is no column of labels, every other column is a
/// label that is `1` or `0`.
public struct LabelTable: Sendable {
  public struct Row: Sendable, Hashable {
    /// As it stands in the table, with the ending that was found if it had none.
    public var path: String
    /// One, unless the table may have several.
    public var labels: [String]
    /// What the column of that name says, nil if there is none.
    public var split: String?
    /// Line of the table, from 1.
    public var line: Int

    /// The label of a file that has one.
    public var label: String { labels.first ?? "" }
  }

  public private(set) var rows: [Row] = []
  /// Names of columns that nothing was read from.
  public private(set) var unusedColumns: [String] = []

  /// What stands between the labels of a cell.
  public static let labelSeparators: Set<Character> = ["|", ";", ","]

  private static let fileNames: Set<String> = [
    "file", "filename", "file_name", "path", "filepath", "file_path", "image", "image_path", "image_name",
    "img", "id",
    "image_id",
  ]
  static let labelNames: Set<String> = [
    "label", "labels", "class", "class_name", "classname", "category", "target", "species", "breed",
  ]
  private static let splitNames: Set<String> = ["split", "set", "subset", "part", "partition", "fold_name"]

  /// Where things stand in a record.
  private struct Columns {
    var file = 0
    /// Columns of names of labels, or of one label each that is 1 or 0.
    var label: Int? = 1
    var split: Int?
    var flags: [Int] = []
  }

  /// Reads a table.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - root: the folder or archive of the images: each must be there, with one of the endings of images where the table has none.
  ///     Nil asks for no files.
  ///   - severalLabels: whether a file may have several labels, or none.
  ///   - labelColumn: name of the column of labels; by default it is found by its name.
  /// - Throws: `FileError` for a file that is no such table, with the line.
  public init(
    contentsOf path: String, root: String?, severalLabels: Bool = false, labelColumn: String? = nil
  ) throws {
    try self.init(
      contentsOf: path, tree: root.map { try FileTree($0) }, severalLabels: severalLabels,
      labelColumn: labelColumn)
  }

  package init(
    contentsOf path: String, tree: FileTree?, severalLabels: Bool = false, labelColumn: String? = nil
  ) throws {
    let table = try LabelRecords(contentsOf: path)
    let (columns, isHeaded) = try Self.columns(
      of: table, path, severalLabels: severalLabels, labelColumn: labelColumn)
    if isHeaded {
      let used = [columns.file, columns.label, columns.split].compactMap(\.self) + columns.flags
      unusedColumns = table.names.indices.filter { !used.contains($0) }.map { table.names[$0] }
    }
    // Labels keep the case of the first row.
    let titles = table.records.first?.values.map { $0?.first ?? "" } ?? []
    var places: [String: Int] = [:]
    for record in table.records.dropFirst(isHeaded && !table.isNamed ? 1 : 0) {
      func bad(_ expected: String, _ found: String) -> FileError {
        .malformed(file: "\(path):\(record.line)", expected: expected, found: found)
      }
      guard record.values.count == table.names.count else {
        throw bad("\(table.names.count) columns", "\(record.values.count)")
      }
      var file = record.values[columns.file]?.first ?? ""
      guard !file.isEmpty, !file.utf8.contains(0) else { throw bad("the name of a file", quoted(file)) }
      var labels: [String] = []
      if let column = columns.label {
        labels = (record.values[column] ?? []).map { $0.trimmingCharacters(in: .whitespaces) }
        if severalLabels, !table.isNamed || labels.count == 1 { labels = Self.split(labels.first ?? "") }
        if !severalLabels, labels.count > 1 {
          throw bad("one label for \(quoted(file))", "\(labels.count)")
        }
      } else {
        for column in columns.flags {
          let text = (record.values[column]?.first ?? "").trimmingCharacters(in: .whitespaces).lowercased()
          guard let flag = Self.flag(text) else {
            throw bad("1 or 0 in column \(quoted(table.names[column]))", quoted(text))
          }
          if flag { labels.append(table.isNamed ? table.names[column] : titles[column]) }
        }
      }
      if severalLabels {
        for label in labels where label.isEmpty || label.contains(where: Self.labelSeparators.contains) {
          throw bad("labels without | ; and , in them", quoted(label))
        }
      } else if labels.first?.isEmpty ?? true {
        throw bad("a label for \(quoted(file))", "none")
      }
      if let tree {
        file =
          try Self.found(file, tree)
          ?? { throw bad("an image \(quoted(file)) in \(printable(tree.root))", "none") }()
      }
      let split = columns.split.flatMap { record.values[$0]?.first?.trimmingCharacters(in: .whitespaces) }
      let row = Row(path: file, labels: labels, split: split, line: record.line)
      guard let place = places[file] else {
        places[file] = rows.count
        rows.append(row)
        continue
      }
      let other = rows[place]
      guard other.split == row.split else {
        throw bad(
          "one split for \(quoted(file))",
          "\(quoted(other.split ?? "")) in line \(other.line) and \(quoted(row.split ?? ""))")
      }
      if severalLabels {
        rows[place].labels += labels
      } else if other.label != row.label {
        throw bad(
          "one label for \(quoted(file))",
          "\(quoted(other.label)) in line \(other.line) and \(quoted(row.label))")
      }
    }
    guard !rows.isEmpty else {
      throw FileError.malformed(file: path, expected: "rows of file names and labels", found: "none")
    }
    if severalLabels {
      for place in rows.indices {
        var seen: Set<String> = []
        rows[place].labels.removeAll { !seen.insert($0).inserted }
      }
    }
  }

  /// Where the columns are, and whether their names stand in the table.
  private static func columns(
    of table: LabelRecords, _ path: String, severalLabels: Bool, labelColumn: String?
  ) throws -> (Columns, isHeaded: Bool) {
    let names = table.names
    let line = table.records.first?.line ?? 1
    func refuse(_ expected: String) -> FileError {
      .malformed(
        file: "\(path):\(line)", expected: expected,
        found: names.prefix(8).map(quoted).joined(separator: ", ") + (names.count > 8 ? ", …" : ""))
    }
    var columns = Columns()
    let file = names.firstIndex(where: fileNames.contains)
    if let labelColumn {
      columns.label = names.firstIndex(of: labelColumn.lowercased())
      if columns.label == nil {
        let near = nearestNames(to: labelColumn.lowercased(), among: names, count: 1).first
        throw refuse(
          "a column \(quoted(labelColumn))" + (near.map { " (did you mean \(quoted($0))?)" } ?? ""))
      }
    } else {
      columns.label = names.firstIndex(where: labelNames.contains)
    }
    columns.split = names.firstIndex(where: splitNames.contains)
    if let file {
      columns.file = file
      if columns.label == nil, severalLabels {
        columns.flags = names.indices.filter { $0 != file && $0 != columns.split }
      }
      if columns.label == nil, columns.flags.isEmpty {
        throw refuse("columns \"file\" and \"label\"")
      }
      return (columns, true)
    }
    guard columns.label == nil, !table.isNamed, names.count >= 2 else {
      throw refuse("columns \"file\" and \"label\"")
    }
    return (Columns(), false)
  }

  static func split(_ cell: String) -> [String] {
    cell.split(whereSeparator: labelSeparators.contains).map { $0.trimmingCharacters(in: .whitespaces) }
      .filter { !$0.isEmpty }
  }

  private static func flag(_ text: String) -> Bool? {
    switch text {
    case "1", "1.0", "true", "yes": true
    case "", "0", "0.0", "false", "no": false
    default: nil
    }
  }

  /// The name that a file has below the folder.
  private static func found(_ file: String, _ tree: FileTree) -> String? {
    let place = isAbsolutePath(file) ? file : "\(tree.root)/\(file)"
    for ending in [""] + Image.Format.allCases.flatMap(\.endings).sorted().map({ "." + $0 })
    where tree.isFile(place + ending) {
      return file + ending
    }
    return nil
  }
}
