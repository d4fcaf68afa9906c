import Foundation
import NNCore
import NNFiles
import Yams

extension RunConfiguration {
  /// Largest configuration file that is read, in bytes.
  private static let sizeLimit = 64 << 10

  /// Reads a file in YAML or JSON, a flat list of settings. Missing entries have their defaults, unknown ones are
  /// refused, and so is everything that is no list of settings: anchors and aliases, lists, settings in settings.
  init(contentsOf path: String) throws {
    let file = printable(path)
    let text: String
    do {
      text = try FileBytes(mapping: path).whole.withBytes { bytes in
        guard bytes.count <= Self.sizeLimit else {
          throw CommandError(
            "\(file): expected a configuration of at most \(Self.sizeLimit) bytes, found \(bytes.count)")
        }
        return String(decoding: bytes, as: UTF8.self)
      }
    } catch is FileError {
      throw CommandError("\(file): expected a configuration that can be read, found none")
    }
    do {
      try self.init(yaml: text)
    } catch let error as CommandError {
      throw CommandError("\(file): \(error.description)")
    } catch {
      let reason = "\(error)".split(separator: "\n").first ?? ""
      throw CommandError("\(file): expected a configuration in YAML or JSON, found: \(printable(reason))")
    }
  }

  private init(yaml text: String) throws {
    // An alias may stand for a list of aliases, and so on: what unfolds to billions of items fits in a few lines.
    if Self.aliasCount(text) > Self.aliasLimit {
      throw CommandError("expected settings without anchors and aliases (&name, *name), found many")
    }
    // Every JSON text is YAML too.
    let given = try Yams.compose(yaml: text)
    var values: [String: Node] = [:]
    if let given, given.scalar?.string != "" {
      guard let settings = given.mapping else {
        throw CommandError("expected settings of the form \"name: value\", found another text")
      }
      let names = RunConfiguration().settings.map(\.name)
      for (key, value) in settings {
        guard let name = key.scalar?.string else {
          throw CommandError("expected the name of a setting, found a list or more settings")
        }
        guard names.contains(name) else {
          let near = nearestNames(to: name, among: names, count: 1).joined()
          throw CommandError("expected a known setting, found \(quoted(name)); did you mean \"\(near)\"?")
        }
        guard value.scalar != nil else {
          throw CommandError("\(name): expected one value, found a list or more settings")
        }
        values[name] = value
      }
    }
    self = try RunConfiguration().replacing(values)
  }

  /// These settings with others in place of some.
  ///
  /// - Parameter words: values by the settings' names; untrusted.
  func replacing(_ words: [String: String]) throws -> RunConfiguration {
    try replacing(words.mapValues(Self.node))
  }

  /// A word that reads as a null is a text all the same; a text is no truth value.
  private static func node(_ word: String) -> Node {
    Node(word, Bool(word) == nil ? Tag(.str) : .implicit)
  }

  private func replacing(_ values: [String: Node]) throws -> RunConfiguration {
    let all = words.mapValues(Self.node).merging(values) { $1 }
    return try YAMLDecoder().decode(
      RunConfiguration.self, from: Node(all.map { (Node($0), $1) }))
  }

  /// The settings that are not nil.
  private var words: [String: String] {
    Dictionary(
      uniqueKeysWithValues: settings.compactMap { name, setting in setting.word.map { (name, $0) } })
  }

  /// So few unfold to some hundreds of items at most.
  private static let aliasLimit = 16

  /// How many anchors and aliases there may be: `&` or `*` at the beginning of a word. Comments and quotes are not told
  /// apart, since a trick with them could hide one.
  private static func aliasCount(_ text: String) -> Int {
    let starts = Set(" \t\r\n,[{:".utf8)
    var before = UInt8(ascii: "\n")
    var count = 0
    for byte in text.utf8 {
      // Line breaks beyond ASCII begin a word as well.
      if byte == UInt8(ascii: "&") || byte == UInt8(ascii: "*"), starts.contains(before) || before >= 0x80 {
        count += 1
      }
      before = byte
    }
    return count
  }

  // MARK: Going on with a run

  /// The settings that differ from those a run was begun with, as lines "name: old -> new".
  ///
  /// - Throws: `CommandError` if one of them cannot change: it decides what was computed already.
  func changes(from begun: RunConfiguration) throws -> [String] {
    let (old, new) = (begun.words, words)
    return try RunConfiguration().settings.compactMap { name, setting in
      guard old[name] != new[name] else { return nil }
      let (before, now) = (printable(old[name] ?? "none"), printable(new[name] ?? "none"))
      guard setting.declaration.isChangeable else {
        throw CommandError(
          "\(name): expected \(before), with which the run began, found \(now); a run goes on as it began: take "
            + "another --output, and --weights with this run's folder to start from its model")
      }
      return "\(name): \(before) -> \(now)"
    }
  }

  /// Lines of a configuration file that tell what was changed in the course of the run.
  static func history(of path: String) -> [String] {
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").filter { $0.hasPrefix("# ") }.map(String.init)
  }

  /// Writes all settings, and behind them what was changed since the run began.
  func write(to path: String, history: [String] = []) throws {
    let text = try YAMLEncoder().encode(self) + history.map { $0 + "\n" }.joined()
    try AtomicFile.write(path) { try $0.write(Array(text.utf8)) }
  }
}
