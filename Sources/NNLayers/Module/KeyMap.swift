import NNCore

/// How files of another library call the tensors of a module: data, beside the module that has the keys.
///
///     KeyMap(
///       "transformers",
///       [
///         "norm.*": "layernorm.*",
///         "blocks.*.attn.qkv.*": "encoder.layer.*.attention.{query,key,value}.*",
///       ])
///
/// A star stands for any text, the same one on both sides, in order. Braces list tensors that lie above each other in the
/// module's. A key without a rule is the same in the file. Which map a file needs is found by looking: see
/// ``Module/loadFittingWeights(from:key:prefix:isOptional:)``.
public struct KeyMap: Sendable {
  /// Whose names they are, for messages.
  public let name: String
  private let rules: [(pattern: [Substring], sources: [Source])]
  private let ignored: [[Substring]]

  /// Tensors of a file, or parts of them, that make one of the module.
  public struct Source: Sendable, ExpressibleByStringLiteral {
    /// With stars.
    let key: String
    let part: Part

    enum Part: Sendable, Equatable {
      case whole
      /// Some of so many equal parts of the first axis.
      case rows(Range<Int>, of: Int)
      /// Along the second axis, from a place up to another one (or the end).
      case tokens(from: Int, to: Int?)
    }

    public init(stringLiteral value: String) { self.init(value, .whole) }

    init(_ key: String, _ part: Part) { (self.key, self.part) = (key, part) }

    /// Some of `count` equal parts of the first axis.
    public static func rows(_ range: Range<Int>, of count: Int, _ key: String) -> Source {
      Source(key, .rows(range, of: count))
    }
    /// Places of the second axis.
    public static func tokens(from start: Int, to end: Int? = nil, _ key: String) -> Source {
      Source(key, .tokens(from: start, to: end))
    }
  }

  /// - Parameters:
  ///   - name: whose names they are.
  ///   - rules: for patterns of the module's keys what the file has.
  ///   - sums: the same for tensors that are sums of others in the file.
  ///   - ignoring: patterns of keys in files that the module has no use for.
  public init(
    _ name: String, _ rules: KeyValuePairs<String, Source>, sums: KeyValuePairs<String, [Source]> = [:],
    ignoring ignored: [String] = []
  ) {
    self.init(name, rules: sums.map { ($0.key, $0.value) } + rules.map { ($0.key, [$0.value]) }, ignored)
  }

  /// The names of two libraries for the same tensors, in the same order.
  ///
  /// - Parameters:
  ///   - name: whose the names in files are.
  ///   - own: patterns of the module's keys.
  ///   - others: what the file calls them, as many.
  ///   - ignoring: patterns of keys in files that the module has no use for.
  public init(_ name: String, own: [String], others: [String], ignoring ignored: [String] = []) {
    require(
      own.count == others.count, "KeyMap", "\(own.count) names of one library, \(others.count) of the other")
    self.init(name, rules: zip(own, others).map { ($0, [Source(stringLiteral: $1)]) }, ignored)
  }

  private init(_ name: String, rules: [(String, [Source])], _ ignored: [String]) {
    self.name = name
    self.rules = rules.map { (Self.pattern($0.0), $0.1) }
    self.ignored = ignored.map(Self.pattern)
  }

  /// Where a tensor of the module comes from: sums of tensors that lie above each other.
  package struct Origin {
    /// Each the keys of the file that lie above each other, and which part of that is taken.
    let summands: [(keys: [String], part: Source.Part)]
    package var keys: [String] { summands.flatMap(\.keys) }

    init(_ key: String) { summands = [([key], .whole)] }
    init(summands: [(keys: [String], part: Source.Part)]) { self.summands = summands }
  }

  /// Where a tensor of the module comes from.
  package func origin(of key: String) -> Origin {
    for (pattern, sources) in rules {
      guard let texts = Self.match(key, pattern) else { continue }
      return Origin(
        summands: sources.map { (Self.alternatives(Self.filled($0.key, with: texts)), $0.part) })
    }
    return Origin(key)
  }

  /// Whether a file's tensor is one that the module has no use for.
  package func ignores(_ key: String) -> Bool { ignored.contains { Self.match(key, $0) != nil } }

  private static func pattern(_ text: String) -> [Substring] {
    text.split(separator: "*", omittingEmptySubsequences: false)
  }

  /// What stands in the place of the stars; nil if the text is another one. A star holds no dot, but the last one.
  private static func match(_ text: String, _ pattern: [Substring]) -> [Substring]? {
    guard text.hasPrefix(pattern[0]) else { return nil }
    var rest = text.dropFirst(pattern[0].count)
    var texts: [Substring] = []
    for (place, part) in pattern.enumerated().dropFirst() {
      if place == pattern.count - 1 {
        guard rest.hasSuffix(part) else { return nil }
        texts.append(rest.dropLast(part.count))
        return texts
      }
      let end = rest.firstIndex(of: ".") ?? rest.endIndex
      guard rest[end...].hasPrefix(part) else { return nil }
      texts.append(rest[..<end])
      rest = rest[end...].dropFirst(part.count)
    }
    return rest.isEmpty ? texts : nil
  }

  private static func filled(_ template: String, with texts: [Substring]) -> String {
    let parts = pattern(template)
    return parts.enumerated().map { place, part in
      String(part) + (place < parts.count - 1 && place < texts.count ? texts[place] : "")
    }.joined()
  }

  /// A text for each of those in braces.
  private static func alternatives(_ text: String) -> [String] {
    guard let open = text.firstIndex(of: "{"), let close = text[open...].firstIndex(of: "}") else {
      return [text]
    }
    return text[text.index(after: open)..<close].split(separator: ",").map {
      String(text[..<open]) + $0 + text[text.index(after: close)...]
    }
  }
}

extension KeyMap.Source.Part {
  /// The shape of the part; nil if the tensor has none such.
  func shape(of shape: [Int]) -> [Int]? {
    switch self {
    case .whole: return shape
    case .rows(let range, let count):
      guard let rows = shape.first, rows % count == 0 else { return nil }
      return [rows / count * range.count] + shape.dropFirst()
    case .tokens(let start, let end):
      guard shape.count > 1, start < (end ?? shape[1]), (end ?? shape[1]) <= shape[1] else { return nil }
      var part = shape
      part[1] = (end ?? shape[1]) - start
      return part
    }
  }

  func callAsFunction(_ tensor: Tensor) -> Tensor {
    switch self {
    case .whole: tensor
    case .rows(let range, let count):
      tensor.narrow(
        0, start: tensor.shape[0] / count * range.lowerBound, length: tensor.shape[0] / count * range.count)
    case .tokens(let start, let end):
      tensor.narrow(1, start: start, length: (end ?? tensor.shape[1]) - start)
    }
  }
}

extension KeyMap.Origin {
  /// The shape of what is made of the file's tensors; nil if they do not fit together.
  func shape(_ shapeOf: (String) -> [Int]?) -> [Int]? {
    var result: [Int]?
    for (keys, part) in summands {
      let shapes = keys.compactMap(shapeOf)
      guard shapes.count == keys.count, var whole = shapes.first else { return nil }
      if keys.count > 1 {
        guard !whole.isEmpty, shapes.allSatisfy({ $0.dropFirst() == whole.dropFirst() }) else { return nil }
        // Rows of a hostile file may be many.
        var rows = 0
        for shape in shapes {
          let (sum, overflow) = rows.addingReportingOverflow(shape[0])
          if overflow { return nil }
          rows = sum
        }
        whole[0] = rows
      }
      guard let taken = part.shape(of: whole), result == nil || result == taken else { return nil }
      result = taken
    }
    return result
  }

  func tensor(_ state: StateDict) -> Tensor? {
    let parts = summands.compactMap { keys, part -> Tensor? in
      let tensors = keys.compactMap { state[$0] }
      guard tensors.count == keys.count, let first = tensors.first else { return nil }
      return part(keys.count == 1 ? first : cat(tensors.map { $0.to(first.dtype) }))
    }
    guard parts.count == summands.count, let first = parts.first else { return nil }
    return parts.count == 1 ? first : parts.dropFirst().reduce(first.to(.float32)) { $0 + $1.to(.float32) }
  }
}

/// A module whose weights come in files of several libraries.
public protocol MapsKeys: Module {
  /// How the other libraries call its tensors.
  var keyMaps: [KeyMap] { get }
}

/// A module that can make its weights of tensors of another shape, such as positions of another number of patches.
///
/// ``Module/loadFittingWeights(from:key:prefix:isOptional:)`` asks the modules of this kind, at any depth.
public protocol AdaptsWeights: Module {
  /// Whether a tensor of a shape can become that of a key, relative to the module.
  func canAdapt(_ key: String, from shape: [Int]) -> Bool

  /// The tensor in the shape of that of a key.
  func adapted(_ key: String, _ value: Tensor) -> Tensor
}
