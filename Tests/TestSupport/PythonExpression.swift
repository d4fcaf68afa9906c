import Foundation

/// A Python expression in one number `t`, as golden schedules have it: arithmetic, comparisons, `a if b else c`, and a
/// few functions. Python's rules for `//`, `%` and `**` hold.
public struct PythonExpression {
  private var tokens: ArraySlice<String>
  private let t: Double

  /// The value of an expression at `t`.
  public static func value(of text: String, at t: Int) throws -> Double {
    var parser = PythonExpression(tokens: try tokens(of: text)[...], t: Double(t))
    let value = try parser.conditional()
    guard parser.tokens.isEmpty else {
      throw FixtureError("expression not supported: \(text), from \(parser.tokens.joined(separator: " "))")
    }
    return value
  }

  private static func tokens(of text: String) throws -> [String] {
    var rest = text[...]
    var result: [String] = []
    let pattern = /[0-9.]+(?:e[+-]?[0-9]+)?|[A-Za-z_][A-Za-z_.]*|\*\*|\/\/|[<>=!]=|[-+*\/%(),<>]/
    while true {
      rest = rest.drop(while: \.isWhitespace)
      if rest.isEmpty { return result }
      guard let match = rest.prefixMatch(of: pattern) else {
        throw FixtureError("expression not supported: \(text), at \(rest)")
      }
      result.append(String(match.output))
      rest = rest[match.range.upperBound...]
    }
  }

  private mutating func takes(_ choices: String...) -> String? {
    guard let next = tokens.first, choices.contains(next) else { return nil }
    return tokens.removeFirst()
  }
  private mutating func expect(_ token: String) throws {
    if takes(token) == nil { throw FixtureError("expression: expected \(token) before \(tokens)") }
  }

  private mutating func conditional() throws -> Double {
    let value = try comparison()
    if takes("if") == nil { return value }
    let holds = try comparison() != 0
    try expect("else")
    let other = try conditional()
    return holds ? value : other
  }

  private mutating func comparison() throws -> Double {
    let left = try sum()
    guard let sign = takes("<", "<=", ">", ">=", "==", "!=") else { return left }
    let right = try sum()
    let holds =
      switch sign {
      case "<": left < right
      case "<=": left <= right
      case ">": left > right
      case ">=": left >= right
      case "==": left == right
      default: left != right
      }
    return holds ? 1 : 0
  }

  private mutating func sum() throws -> Double {
    var value = try product()
    while let sign = takes("+", "-") { value += try (sign == "+" ? 1 : -1) * product() }
    return value
  }

  private mutating func product() throws -> Double {
    var value = try signed()
    while let sign = takes("*", "/", "//", "%") {
      let other = try signed()
      switch sign {
      case "*": value *= other
      case "/": value /= other
      case "//": value = (value / other).rounded(.down)
      default: value -= other * (value / other).rounded(.down)
      }
    }
    return value
  }

  private mutating func signed() throws -> Double {
    if let sign = takes("+", "-") { return try (sign == "-" ? -1 : 1) * signed() }
    let base = try atom()
    return takes("**") == nil ? base : pow(base, try signed())
  }

  private mutating func atom() throws -> Double {
    guard let token = tokens.popFirst() else { throw FixtureError("expression: it ends too early") }
    if let number = Double(token) { return number }
    if token == "t" { return t }
    if token == "math.pi" { return .pi }
    if token == "(" {
      let value = try conditional()
      try expect(")")
      return value
    }
    try expect("(")
    var arguments = [try conditional()]
    while takes(",") != nil { arguments.append(try conditional()) }
    try expect(")")
    switch (token, arguments.count) {
    case ("min", _): return arguments.reduce(arguments[0], min)
    case ("max", _): return arguments.reduce(arguments[0], max)
    case ("abs", 1): return abs(arguments[0])
    case ("int", 1): return arguments[0].rounded(.towardZero)
    case ("float", 1): return arguments[0]
    case ("math.cos", 1): return cos(arguments[0])
    case ("math.sin", 1): return sin(arguments[0])
    case ("math.exp", 1): return exp(arguments[0])
    case ("math.log", 1): return log(arguments[0])
    case ("math.sqrt", 1): return arguments[0].squareRoot()
    default: throw FixtureError("expression: \(token) of \(arguments.count) numbers is not supported")
    }
  }
}
