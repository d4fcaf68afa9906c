/// A Swift file as far as its names tell which other files it uses: what it declares outside of bodies, and the names
/// that stand in it, without comments and the text of strings.
///
/// Nothing is resolved. A name that is bound somewhere in the file (a parameter, a local value) counts as used only
/// behind a dot.
struct SwiftSource {
  struct Use: Hashable {
    let name: String
    let line: Int
  }

  /// Names that other files can use: types, functions, properties, cases, operators.
  private(set) var declared: Set<String> = []
  /// Names that only this file can use.
  private(set) var hidden: Set<String> = []
  /// Names of parameters, labels and local values.
  private(set) var bound: Set<String> = []
  private(set) var imports: Set<String> = []
  private(set) var uses: [Use] = []

  init(_ text: String) {
    var lexer = Lexer(text)
    let tokens = lexer.tokens()
    declare(tokens)
    bind(tokens)
    uses = tokens.indices.compactMap { place in
      let token = tokens[place]
      guard token.kind != .mark else { return nil }
      let isOwn = declared.contains(token.text) || hidden.contains(token.text)
      if isOwn || (!token.isMember && (token.isLabel || bound.contains(token.text))) { return nil }
      return Use(name: token.text, line: token.line)
    }
  }

  // MARK: Declarations

  private static let types: Set = ["struct", "class", "enum", "actor", "protocol"]
  private static let modifiers: Set = [
    "public", "package", "internal", "private", "fileprivate", "open", "static", "final", "class", "override",
    "mutating", "nonmutating", "lazy", "weak", "unowned", "indirect", "nonisolated", "required", "unsafe",
    "(", ")", "set",
  ]

  /// Walks through the file with the kinds of the braces that are open.
  private mutating func declare(_ tokens: [Token]) {
    enum Scope { case type, hiddenType, body }
    var (scopes, next): ([Scope], Scope) = ([], .body)
    for (place, token) in tokens.enumerated() {
      if token.text == "{" {
        scopes.append(next)
        next = .body
      } else if token.text == "}" {
        _ = scopes.popLast()
      }
      guard token.kind == .name, !token.isMember, !token.isLabel, !scopes.contains(.body),
        place + 1 < tokens.count
      else { continue }
      let following = tokens[place + 1]
      let isHidden = scopes.contains(.hiddenType) || Self.isPrivate(tokens[..<place])
      var names: [String] = []
      switch token.text {
      case "import": imports.insert(following.text)
      case "extension": next = isHidden ? .hiddenType : .type
      case _ where Self.types.contains(token.text) && following.kind == .name && !Self.isKeyword(following):
        next = isHidden ? .hiddenType : .type
        names = [following.text]
      // Methods of operators are of the types that they are for; those that Swift does not have are declared themselves.
      case "func" where following.kind == .sign: break
      case "typealias", "associatedtype", "func", "operator": names = [following.text]
      case "let", "var": names = Self.pattern(tokens[(place + 1)...])
      case "case": names = Self.cases(tokens[(place + 1)...])
      default: break
      }
      if isHidden { hidden.formUnion(names) } else { declared.formUnion(names) }
    }
  }

  /// `class func`, `class var`.
  private static func isKeyword(_ token: Token) -> Bool {
    modifiers.contains(token.text) || ["func", "var", "let"].contains(token.text)
  }

  private static func isPrivate(_ before: ArraySlice<Token>) -> Bool {
    let own = before.reversed().prefix { modifiers.contains($0.text) }.map(\.text)
    // `private(set)` hides only the setter; reversed, the parenthesis comes before it.
    return own.enumerated().contains {
      ["private", "fileprivate"].contains($0.element) && ($0.offset == 0 || own[$0.offset - 1] != "(")
    }
  }

  /// `a`, `(a, b)` and `a, b`.
  private static func pattern(_ tokens: ArraySlice<Token>) -> [String] {
    let pattern = tokens.prefix { ($0.kind == .name && $0.text != "in") || ["(", ","].contains($0.text) }
    return pattern.filter { $0.kind == .name }.map(\.text)
  }

  /// `a, b(Int), c = 3`.
  private static func cases(_ tokens: ArraySlice<Token>) -> [String] {
    var (names, depth, isExpected): ([String], Int, Bool) = ([], 0, true)
    for token in tokens {
      switch token.text {
      case "(": depth += 1
      case ")": depth -= 1
      case _ where depth > 0 || token.kind == .sign: break
      case ",": isExpected = true
      case _ where token.kind == .name && isExpected:
        names.append(token.text)
        isExpected = false
      default: return names
      }
    }
    return names
  }

  // MARK: Local names

  private mutating func bind(_ tokens: [Token]) {
    for (place, token) in tokens.enumerated() where token.kind == .name && !token.isMember {
      if token.isLabel {
        bound.insert(token.text)
      } else if ["let", "var", "for"].contains(token.text) {
        bound.formUnion(Self.pattern(tokens[(place + 1)...]))
      } else if token.text == "in" {
        // The parameters of a closure, back to its brace.
        let head = tokens[..<place].reversed().prefix { $0.text != "{" && $0.line == token.line }
        bound.formUnion(head.filter { $0.kind == .name && !$0.isMember }.map(\.text).filter(Self.isLower))
      }
    }
    // What is declared with a body or a type of its own is bound too, but can be used from elsewhere.
    bound.subtract(declared)
  }

  private static func isLower(_ name: String) -> Bool { name.first?.isLowercase ?? false }
}

/// A name, an operator or another mark.
struct Token {
  enum Kind { case name, sign, mark }
  let kind: Kind
  let text: String
  let line: Int
  /// Behind a dot.
  var isMember = false
  /// Before a colon, as labels and parameters are written.
  var isLabel = false
}

/// Takes a file apart. Comments and strings give no tokens, what is interpolated into a string does.
private struct Lexer {
  private let bytes: [UInt8]
  private var place = 0
  private var line = 1
  private var result: [Token] = []

  init(_ text: String) { bytes = Array(text.utf8) }

  mutating func tokens() -> [Token] {
    read(untilParenthesis: false)
    return result
  }

  private func byte(_ offset: Int = 0) -> UInt8 {
    place + offset < bytes.count ? bytes[place + offset] : 0
  }
  private func starts(_ text: String) -> Bool { bytes[place...].starts(with: text.utf8) }

  private mutating func advance(_ count: Int = 1) {
    for _ in 0..<count where place < bytes.count {
      if bytes[place] == UInt8(ascii: "\n") { line += 1 }
      place += 1
    }
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte) || byte == UInt8(ascii: "_") || byte >= 0x80
  }
  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
  private static let signs = Set("/=-+!*%<>&|^~?.".utf8)

  private mutating func read(untilParenthesis: Bool) {
    var depth = 0
    while place < bytes.count {
      let first = byte()
      if starts("//") {
        while place < bytes.count, byte() != UInt8(ascii: "\n") { advance() }
      } else if starts("/*") {
        skipComment()
      } else if first == UInt8(ascii: "\"") || (first == UInt8(ascii: "#") && isRawString) {
        readString()
      } else if Self.isLetter(first) {
        readName()
      } else if Self.isDigit(first) {
        while Self.isLetter(byte()) || Self.isDigit(byte())
          || (byte() == UInt8(ascii: ".") && Self.isDigit(byte(1)))
        { advance() }
      } else if first == UInt8(ascii: "`") {
        advance()
        readName()
        advance()
      } else if first == UInt8(ascii: "$") {
        advance()
        while Self.isLetter(byte()) || Self.isDigit(byte()) { advance() }
      } else if Self.signs.contains(first) {
        let (start, at) = (place, line)
        while Self.signs.contains(byte()), !starts("//"), !starts("/*") { advance() }
        let text = String(decoding: bytes[start..<place], as: UTF8.self)
        result.append(Token(kind: .sign, text: text, line: at))
      } else if first <= UInt8(ascii: " ") {
        advance()
      } else {
        if first == UInt8(ascii: "(") { depth += 1 }
        if first == UInt8(ascii: ")") {
          if untilParenthesis, depth == 0 { return }
          depth -= 1
        }
        result.append(Token(kind: .mark, text: String(UnicodeScalar(first)), line: line))
        advance()
      }
    }
  }

  private mutating func readName() {
    let (start, at) = (place, line)
    while Self.isLetter(byte()) || Self.isDigit(byte()) { advance() }
    let before = result.last
    // Between two dots lies nothing: `0...count` is a range.
    let isMember =
      before.map { $0.kind == .sign && $0.text.hasSuffix(".") && !$0.text.hasSuffix("..") } ?? false
    result.append(
      Token(
        kind: .name, text: String(decoding: bytes[start..<place], as: UTF8.self), line: at,
        isMember: isMember, isLabel: byte() == UInt8(ascii: ":")))
  }

  private mutating func skipComment() {
    var depth = 0
    repeat {
      if starts("/*") {
        depth += 1
        advance(2)
      } else if starts("*/") {
        depth -= 1
        advance(2)
      } else {
        advance()
      }
    } while depth > 0 && place < bytes.count
  }

  private var isRawString: Bool {
    let rest = bytes[place...].drop { $0 == UInt8(ascii: "#") }
    return rest.first == UInt8(ascii: "\"")
  }

  private mutating func readString() {
    var hashes = ""
    while byte() == UInt8(ascii: "#") {
      hashes += "#"
      advance()
    }
    let quotes = starts("\"\"\"") ? "\"\"\"" : "\""
    let end = quotes + hashes
    advance(quotes.utf8.count)
    while place < bytes.count, !starts(end) {
      if starts("\\\(hashes)(") {
        advance(2 + hashes.utf8.count)
        read(untilParenthesis: true)
        advance()
      } else if byte() == UInt8(ascii: "\\"), hashes.isEmpty {
        advance(2)
      } else {
        advance()
      }
    }
    advance(end.utf8.count)
  }
}
