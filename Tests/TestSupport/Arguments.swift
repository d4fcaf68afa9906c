import NNCore

/// What is wrong with a golden case, or with what the library says to it.
public struct FixtureError: Error, Equatable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// The keyword arguments of a golden case, under PyTorch's names and in the forms that PyTorch takes.
///
/// Each is marked when it is read: what nobody read would change nothing, so the case is not the one that its author
/// meant, and fails. A null is read as the argument's absence.
public final class Arguments: CustomStringConvertible {
  private let values: [String: JSONValue]
  private var read: Set<String> = []

  public init(_ values: [String: JSONValue]) { self.values = values }

  public var description: String { JSONValue.object(values).description }

  /// Stops with an error if an argument was not read.
  public func expectAllRead() throws {
    let rest = Set(values.keys).subtracting(read).sorted()
    if !rest.isEmpty { throw FixtureError("argument not supported: \(rest.joined(separator: ", "))") }
  }

  /// Whether an argument was passed, be it null.
  public func contains(_ name: String) -> Bool { values[name] != nil }

  /// An argument as it stands; nil if it is missing or null.
  public func value(_ name: String) -> JSONValue? {
    read.insert(name)
    guard let value = values[name], !value.isNull else { return nil }
    return value
  }

  /// Marks arguments as read that choose between ways to the same values, like `inplace` and `foreach`.
  public func ignore(_ names: String...) { read.formUnion(names) }

  /// Reads an argument that may be missing.
  private func optional<T>(_ name: String, _ form: String, _ body: (JSONValue) -> T?) throws -> T? {
    guard let value = value(name) else { return nil }
    guard let result = body(value) else {
      throw FixtureError("argument \(name): expected \(form), found \(value)")
    }
    return result
  }
  private func required<T>(_ name: String, _ value: T?) throws -> T {
    guard let value else { throw FixtureError("argument \(name) is missing") }
    return value
  }

  public func optionalInt(_ name: String) throws -> Int? { try optional(name, "an integer", \.int) }
  public func int(_ name: String) throws -> Int { try required(name, optionalInt(name)) }
  public func int(_ name: String, _ fallback: Int) throws -> Int { try optionalInt(name) ?? fallback }

  public func optionalDouble(_ name: String) throws -> Double? { try optional(name, "a number", \.double) }
  public func double(_ name: String) throws -> Double { try required(name, optionalDouble(name)) }
  public func double(_ name: String, _ fallback: Double) throws -> Double {
    try optionalDouble(name) ?? fallback
  }

  public func bool(_ name: String, _ fallback: Bool = false) throws -> Bool {
    try optional(name, "True or False") { value in
      // Python takes 0 and 1 as well.
      value.bool ?? value.int.map { $0 != 0 }
    } ?? fallback
  }

  public func optionalString(_ name: String) throws -> String? { try optional(name, "a string", \.string) }
  public func string(_ name: String) throws -> String { try required(name, optionalString(name)) }

  /// One of the named values of a string.
  public func choice<T>(_ name: String, _ fallback: String, _ choices: [String: T]) throws -> T {
    let text = try optionalString(name) ?? fallback
    guard let choice = choices[text] else {
      let known = choices.keys.sorted().joined(separator: ", ")
      throw FixtureError("argument \(name): '\(text)' is not supported, only \(known)")
    }
    return choice
  }

  /// One integer or several.
  public func optionalInts(_ name: String) throws -> [Int]? {
    try optional(name, "an integer or integers", \.ints)
  }
  public func ints(_ name: String) throws -> [Int] { try required(name, optionalInts(name)) }
  public func ints(_ name: String, _ fallback: [Int]) throws -> [Int] {
    try optionalInts(name) ?? fallback
  }

  /// One number or several.
  public func optionalDoubles(_ name: String) throws -> [Double]? {
    try optional(name, "a number or numbers") { value in value.double.map { [$0] } ?? value.doubles }
  }
  public func doubles(_ name: String) throws -> [Double] { try required(name, optionalDoubles(name)) }
  public func doubles(_ name: String, count: Int) throws -> [Double] {
    let values = try doubles(name)
    guard values.count == count else {
      throw FixtureError("argument \(name): expected \(count) numbers, found \(values)")
    }
    return values
  }

  public func elements(_ name: String) throws -> [JSONValue] {
    try required(name, optional(name, "a list", \.elements))
  }

  /// Height and width; one integer stands for both.
  public func optionalSize(_ name: String) throws -> Size2? {
    try optional(name, "an integer or two") { value in
      guard let sizes = value.ints, (1...2).contains(sizes.count) else { return nil }
      return Size2(sizes[0], sizes[sizes.count - 1])
    }
  }
  public func size(_ name: String) throws -> Size2 { try required(name, optionalSize(name)) }
  public func size(_ name: String, _ fallback: Int) throws -> Size2 {
    try optionalSize(name) ?? Size2(fallback)
  }

  /// The length of a one-dimensional window: an integer, or a list of one.
  public func optionalLength(_ name: String) throws -> Int? {
    try optional(name, "an integer or one in a list") { value in
      value.ints.flatMap { $0.count == 1 ? $0[0] : nil }
    }
  }
  public func length(_ name: String) throws -> Int { try required(name, optionalLength(name)) }
  public func length(_ name: String, _ fallback: Int) throws -> Int {
    try optionalLength(name) ?? fallback
  }
}
