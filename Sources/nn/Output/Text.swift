import Foundation
import NNCore
import NNData

/// A line for the person who watches, on standard error like the progress bars.
func say(_ line: String) { writeToStandardError(line + "\n") }

/// A number of bytes for people.
func byteCountText(_ bytes: Int) -> String {
  switch bytes {
  case ..<10_000: "\(bytes) B"
  case ..<10_000_000: "\(bytes / 1_000) kB"
  default: "\(bytes / 1_000_000) MB"
  }
}

/// The first of some names.
func some(_ names: [String]) -> String {
  names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
}

/// A line for each reason for which files were left out.
func skippedNotes(_ skipped: [SkippedFile]) -> [String] {
  var reasons: [String] = []
  for file in skipped where !reasons.contains(file.reason) { reasons.append(file.reason) }
  return reasons.map { reason in
    let names = skipped.filter { $0.reason == reason }.map { printable($0.path) }
    return "left out: \(names.count) (\(reason)): \(some(names))"
  }
}

/// A cell of a table in a file, by RFC 4180.
func csvCell(_ text: String) -> String {
  guard text.utf8.contains(where: { "\",\r\n".utf8.contains($0) }) else { return text }
  return "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\""
}

/// By code points, as Python sorts: the same on every machine and in every language.
func isOrdered(_ a: String, _ b: String) -> Bool {
  a.unicodeScalars.lexicographicallyPrecedes(b.unicodeScalars)
}

/// What the world got wrong, in one line.
struct CommandError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
