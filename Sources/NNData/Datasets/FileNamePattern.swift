import Foundation
import NNCore
import NNFiles

/// Labels that stand in the names of files, as in `Abyssinian_12.jpg`:
///
///     let pattern = try FileNamePattern("{label}_*.jpg")
///     pattern.label(of: "images/british_shorthair_7.jpg")  // british_shorthair
///
/// `{label}` is as long as it can be, `*` stands for one character or more, everything else for itself; none of them goes
/// beyond a folder. With a slash in it the pattern is about the last folders of a path too, as `{label}/*/*`.
public struct FileNamePattern: Sendable, Hashable, CustomStringConvertible {
  public let description: String
  /// What stands between `{label}` and the `*`.
  private let pieces: [Piece]
  private let folders: Int

  private enum Piece: Hashable {
    case label, any
    case text([Character])
  }

  static let mark = "{label}"

  /// - Throws: ``DatasetError`` if `{label}` is not in it exactly once.
  public init(_ pattern: String) throws {
    description = pattern
    let halves = pattern.components(separatedBy: Self.mark)
    guard halves.count == 2, !pattern.utf8.contains(0) else {
      throw DatasetError.mismatch(
        file: "file name pattern", expected: "\(Self.mark) once, as in {label}_*.jpg", found: quoted(pattern))
    }
    func pieces(_ text: String) -> [Piece] {
      var result: [Piece] = []
      for (place, part) in text.split(separator: "*", omittingEmptySubsequences: false).enumerated() {
        if place > 0 { result.append(.any) }
        if !part.isEmpty { result.append(.text(Array(part))) }
      }
      return result
    }
    self.pieces = pieces(halves[0]) + [.label] + pieces(halves[1])
    folders = pattern.count { $0 == "/" }
  }

  /// The label in a path, nil if its name is another one.
  public func label(of path: String) -> String? {
    let parts = path.split(separator: "/")
    guard parts.count > folders else { return nil }
    let name = Array(parts.suffix(folders + 1).joined(separator: "/"))
    var label: Range<Int>?
    // Pairs of places that lead nowhere, so that no pattern takes more than their number of steps.
    var failed: Set<[Int]> = []
    func matches(_ piece: Int, _ start: Int) -> Bool {
      if piece == pieces.count { return start == name.count }
      if failed.contains([piece, start]) { return false }
      switch pieces[piece] {
      case .text(let text):
        if name[start...].starts(with: text), matches(piece + 1, start + text.count) { return true }
      case .any, .label:
        let end = name[start...].firstIndex(of: "/") ?? name.count
        let lengths = Array(stride(from: end, to: start, by: -1))
        for stop in pieces[piece] == .label ? lengths : lengths.reversed()
        where matches(piece + 1, stop) {
          if pieces[piece] == .label { label = start..<stop }
          return true
        }
      }
      failed.insert([piece, start])
      return false
    }
    guard matches(0, 0), let label else { return nil }
    return String(name[label])
  }
}
