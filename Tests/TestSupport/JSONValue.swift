import Foundation

/// A value of a JSON document whose shape is not known beforehand. What it is not reads as nil.
public enum JSONValue: Decodable, Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int)
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
      // Beyond 2^53 a Double does not hold every integer, like seeds of 64 bits; an Int does not hold -0.0.
      let integer = abs(value) >= 0x1p53 ? try? box.decode(Int.self) : nil
      self = integer.map { .integer($0) } ?? .number(value)
    } else if let value = try? box.decode(String.self) {
      self = .string(value)
    } else if let value = try? box.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try box.decode([String: JSONValue].self))
    }
  }

  /// Reads a whole document.
  public init(decoding data: Data) throws {
    let decoder = JSONDecoder()
    // Python writes infinities and NaN as they stand in JSON5.
    decoder.allowsJSON5 = true
    self = try decoder.decode(JSONValue.self, from: data)
  }

  /// Reads a whole file.
  public init(contentsOf url: URL) throws { try self.init(decoding: Data(contentsOf: url)) }

  /// The entry of an object, nil if there is none.
  public subscript(_ key: String) -> JSONValue? { entries?[key] }
  /// The element of an array, nil if there is none.
  public subscript(_ index: Int) -> JSONValue? {
    guard let elements, elements.indices.contains(index) else { return nil }
    return elements[index]
  }

  public var isNull: Bool { self == .null }

  public var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }
  /// A number, or one of the strings "inf", "-inf" and "nan".
  public var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    case .string("inf"): .infinity
    case .string("-inf"): -.infinity
    case .string("nan"): .nan
    default: nil
    }
  }
  public var int: Int? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }
  public var string: String? {
    if case .string(let value) = self { value } else { nil }
  }
  public var elements: [JSONValue]? {
    if case .array(let values) = self { values } else { nil }
  }
  public var entries: [String: JSONValue]? {
    if case .object(let values) = self { values } else { nil }
  }
  public var doubles: [Double]? { all(\.double) }
  /// An array of integers; a single one counts as an array of one.
  public var ints: [Int]? { int.map { [$0] } ?? all(\.int) }

  /// Every element read alike; nil if this is no array or one cannot be read.
  private func all<T>(_ read: (JSONValue) -> T?) -> [T]? {
    guard let elements else { return nil }
    let values = elements.compactMap(read)
    return values.count == elements.count ? values : nil
  }
}

extension JSONValue: CustomStringConvertible {
  /// As Python would write it.
  public var description: String {
    switch self {
    case .null: "None"
    case .bool(let value): value ? "True" : "False"
    case .integer(let value): "\(value)"
    case .number(let value): Int(exactly: value).map { "\($0)" } ?? "\(value)"
    case .string(let value): "'\(value)'"
    case .array(let values): "[\(values.map(\.description).joined(separator: ", "))]"
    case .object(let values):
      "{\(values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", "))}"
    }
  }
}
