import Foundation
import NNCore

/// Named numbers in the order in which they were first set; prints as a Python dictionary.
///
/// Numbers that were computed on another device than the CPU are read when somebody looks at them.
public struct Metrics: ExpressibleByDictionaryLiteral, CustomStringConvertible, Sequence, Equatable, Sendable
{
  private var order: [String] = []
  private var values: [String: LazyNumber] = [:]

  public init() {}
  public init(dictionaryLiteral elements: (String, Double)...) {
    for (name, value) in elements { self[name] = value }
  }

  /// The value of a name, nil if it was never set.
  public subscript(name: String) -> Double? {
    get { values[name]?.value }
    set { set(name, newValue.map { .known($0) }) }
  }

  /// Whether there is a value of a name.
  func contains(_ name: String) -> Bool { values[name] != nil }

  /// A value that is not looked at.
  func number(_ name: String) -> LazyNumber? { values[name] }

  mutating func set(_ name: String, _ number: LazyNumber?) {
    if number != nil, values[name] == nil { order.append(name) }
    if number == nil { order.removeAll { $0 == name } }
    values[name] = number
  }

  /// The value of a metric, nil if it was never set.
  public subscript(key: MetricKey) -> Double? {
    get { self[key.name] }
    set { self[key.name] = newValue }
  }

  /// Names in order.
  public var names: [String] { order }

  /// Sets every value of `other`.
  public mutating func merge(_ other: Metrics) {
    for name in other.order { set(name, other.values[name]) }
  }

  public func makeIterator() -> AnyIterator<(name: String, value: Double)> {
    var rest = order[...]
    return AnyIterator {
      rest.popFirst().map { (name: $0, value: values[$0]?.value ?? .nan) }
    }
  }

  /// `{'loss': 1.2345, 'val_acc': 0.5}`
  public var description: String {
    "{" + map { "'\(printable($0.name))': \($0.value.formatted(digits: 4))" }.joined(separator: ", ") + "}"
  }
}

extension Metrics {
  public static func == (a: Metrics, b: Metrics) -> Bool {
    a.order == b.order && a.order.allSatisfy { a[$0] == b[$0] }
  }
}

extension Metrics: Codable {
  private struct Entry: Codable {
    var name: String
    /// The number's bits: JSON has no NaN and no infinity.
    var bits: UInt64
  }

  public init(from decoder: any Decoder) throws {
    self.init()
    for entry in try [Entry](from: decoder) { self[entry.name] = Double(bitPattern: entry.bits) }
  }

  public func encode(to encoder: any Encoder) throws {
    try map { Entry(name: $0.name, bits: $0.value.bitPattern) }.encode(to: encoder)
  }
}
