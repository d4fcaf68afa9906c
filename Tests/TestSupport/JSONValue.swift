import Foundation

/// A value of a JSON document whose shape is not known beforehand.
public enum JSONValue: Decodable, Sendable, Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  public init(from decoder: any Decoder) throws {
    let box = try decoder.singleValueContainer()
    if box.decodeNil() {
      self = .null
    } else if let value = try? box.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? box.decode(Double.self) {
      self = .number(value)
    } else if let value = try? box.decode(String.self) {
      self = .string(value)
    } else if let value = try? box.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try box.decode([String: JSONValue].self))
    }
  }

  /// Reads a whole file.
  public init(contentsOf url: URL) throws {
    self = try JSONDecoder().decode(JSONValue.self, from: Data(contentsOf: url))
  }

  /// The entry of an object, nil if there is none.
  public subscript(_ key: String) -> JSONValue? {
    if case .object(let entries) = self { return entries[key] }
    return nil
  }
  /// The element of an array; stops if there is none.
  public subscript(_ index: Int) -> JSONValue { elements[index] }

  public var isNull: Bool { self == .null }

  public var bool: Bool {
    if case .bool(let value) = self { return value }
    preconditionFailure("expected a bool in JSON, found \(self)")
  }
  /// A number, or one of the strings "inf", "-inf" and "nan".
  public var double: Double {
    switch self {
    case .number(let value): return value
    case .string("inf"): return .infinity
    case .string("-inf"): return -.infinity
    case .string("nan"): return .nan
    default: preconditionFailure("expected a number in JSON, found \(self)")
    }
  }
  public var int: Int { Int(double) }
  public var string: String {
    if case .string(let value) = self { return value }
    preconditionFailure("expected a string in JSON, found \(self)")
  }
  public var elements: [JSONValue] {
    if case .array(let values) = self { return values }
    preconditionFailure("expected an array in JSON, found \(self)")
  }
  public var entries: [String: JSONValue] {
    if case .object(let values) = self { return values }
    preconditionFailure("expected an object in JSON, found \(self)")
  }
  public var doubles: [Double] { elements.map(\.double) }
  /// An array of integers; a single one counts as an array of one.
  public var ints: [Int] {
    if case .number(let value) = self { return [Int(value)] }
    return elements.map(\.int)
  }
}
