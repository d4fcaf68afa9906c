import ArgumentParser
import NNCore

/// A setting of a run, declared once: the property's name is its name in configuration files and, in kebab case, that of
/// its option; its type, usual value, bounds and help are those of the declaration, as in
/// `@Setting("Number of epochs.", .within(1...1_000_000)) var epochs = 12`.
@propertyWrapper
struct Setting<Value: SettingValue> {
  var wrappedValue: Value
  let declaration: SettingDeclaration
  private let bounds: SettingBounds<Value.Base>?

  /// - Parameters:
  ///   - help: what the help of the commands says.
  ///   - bounds: of values that are not nil.
  ///   - option: name of the option, if it is not the property's.
  ///   - completion: what shells complete it with.
  ///   - commands: which commands have the option.
  ///   - isChangeable: whether a run may go on with another value.
  init(
    wrappedValue: Value, _ help: String, _ bounds: SettingBounds<Value.Base>? = nil, option: String? = nil,
    completion: CompletionKind? = nil, commands: [TrainingCommandName] = TrainingCommandName.allCases,
    isChangeable: Bool = false
  ) {
    self.wrappedValue = wrappedValue
    declaration = SettingDeclaration(
      help: help, option: option, completion: completion, commands: commands, isChangeable: isChangeable)
    self.bounds = bounds
  }
}

/// The commands that train.
enum TrainingCommandName: CaseIterable { case train, finetune }

/// What is declared of a setting whatever its type.
struct SettingDeclaration {
  var help = ""
  var option: String?
  var completion: CompletionKind?
  var commands: [TrainingCommandName] = []
  var isChangeable = false
}

/// What values a setting may have.
struct SettingBounds<Value> {
  let expected: String
  let contains: (Value) -> Bool
}

extension SettingBounds where Value == Int {
  static func within(_ range: ClosedRange<Int>) -> Self {
    Self(expected: "a number in \(range)", contains: range.contains)
  }
}

extension SettingBounds where Value == Double {
  static var positive: Self { Self(expected: "a number above 0") { $0 > 0 && $0.isFinite } }
  static var notNegative: Self { Self(expected: "a number of at least 0") { $0 >= 0 && $0.isFinite } }
  static var share: Self { Self(expected: "a number between 0 and 1") { $0 > 0 && $0 < 1 } }
  static var chance: Self { Self(expected: "a number in 0...1") { $0 >= 0 && $0 <= 1 } }
  static var decay: Self { Self(expected: "a number in 0..<1") { $0 >= 0 && $0 < 1 } }
}

// MARK: Types

/// What a setting can be: something that one word says, or nil.
protocol SettingValue: Codable, Equatable {
  associatedtype Base: SettingBase
  var base: Base? { get }
}

/// What one word says, in a file or on a command line.
protocol SettingBase: SettingValue, ExpressibleByArgument where Base == Self {
  /// What such words are.
  static var expected: String { get }
  /// The option for the parser.
  static func option(_ name: NameSpecification, _ declaration: SettingDeclaration, usual: Self?) -> Any
  /// What the parser found, nil if nothing was given.
  static func given(
    _ container: KeyedDecodingContainer<SettingKey>, _ key: SettingKey, usual: Self?
  ) throws -> Self?
}

extension SettingBase {
  var base: Self? { self }

  static func option(_ name: NameSpecification, _ declaration: SettingDeclaration, usual: Self?) -> Any {
    let (help, completion) = (ArgumentHelp(declaration.help), declaration.completion)
    guard let usual else { return Option<Given<Self>?>(name: name, help: help, completion: completion) }
    return Option(
      wrappedValue: Given(value: usual, isGiven: false), name: name, help: help, completion: completion)
  }

  static func given(
    _ container: KeyedDecodingContainer<SettingKey>, _ key: SettingKey, usual: Self?
  ) throws -> Self? {
    let found =
      usual == nil
      ? try container.decode(Option<Given<Self>?>.self, forKey: key).wrappedValue
      : try container.decode(Option<Given<Self>>.self, forKey: key).wrappedValue
    return found.flatMap { $0.isGiven ? $0.value : nil }
  }
}

extension Int: SettingBase { static var expected: String { "a whole number" } }
extension Double: SettingBase { static var expected: String { "a number" } }
extension String: SettingBase { static var expected: String { "a text" } }

extension Bool: SettingBase {
  static var expected: String { "true or false" }

  static func option(_ name: NameSpecification, _ declaration: SettingDeclaration, usual: Bool?) -> Any {
    let usual = usual.map { $0 ? " (default: yes)" : " (default: no)" } ?? ""
    return Flag<Bool?>(name: name, inversion: .prefixedNo, help: ArgumentHelp(declaration.help + usual))
  }

  static func given(
    _ container: KeyedDecodingContainer<SettingKey>, _ key: SettingKey, usual: Bool?
  ) throws -> Bool? {
    try container.decode(Flag<Bool?>.self, forKey: key).wrappedValue
  }
}

extension Optional: SettingValue where Wrapped: SettingBase {
  var base: Wrapped? { self }
}

/// One of a few words.
protocol SettingChoice: SettingBase, CaseIterable, RawRepresentable where RawValue == String {}

extension SettingChoice {
  static var expected: String {
    let names = allCases.map(\.rawValue)
    return names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
  }
}

/// A value of a command line, or the usual one.
private struct Given<Value: SettingBase>: ExpressibleByArgument {
  let value: Value
  let isGiven: Bool

  init(value: Value, isGiven: Bool) {
    self.value = value
    self.isGiven = isGiven
  }

  init?(argument: String) {
    guard let value = Value(argument: argument) else { return nil }
    self.init(value: value, isGiven: true)
  }

  var defaultValueDescription: String { value.defaultValueDescription }
  static var allValueStrings: [String] { Value.allValueStrings }
  static var defaultCompletionKind: CompletionKind { Value.defaultCompletionKind }
}

// MARK: Files

extension Setting: Equatable {
  static func == (a: Setting, b: Setting) -> Bool { a.wrappedValue == b.wrappedValue }
}

extension Setting: Codable {
  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    do {
      wrappedValue = try container.decode(Value.self)
    } catch {
      let name = decoder.codingPath.last?.stringValue ?? ""
      let found = (try? container.decode(String.self)) ?? "nothing"
      throw CommandError("\(name): expected \(Value.Base.expected), found \(printable(found))")
    }
    declaration = SettingDeclaration()
    bounds = nil
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(wrappedValue)
  }
}

// Settings that are nil are left out of files.

extension KeyedEncodingContainer {
  mutating func encode<Base>(_ setting: Setting<Base?>, forKey key: Key) throws {
    try encodeIfPresent(setting.wrappedValue, forKey: key)
  }
}

extension KeyedDecodingContainer {
  func decode<Base>(_ type: Setting<Base?>.Type, forKey key: Key) throws -> Setting<Base?> {
    try decodeIfPresent(type, forKey: key) ?? Setting(wrappedValue: nil, "")
  }
}

// MARK: Lists of settings

/// A setting of whatever type.
protocol AnySetting {
  var declaration: SettingDeclaration { get }
  /// The value as one word, nil if there is none.
  var word: String? { get }
  func option(named name: NameSpecification) -> Any
  func given(_ container: KeyedDecodingContainer<SettingKey>, _ key: SettingKey) throws -> String?
  /// What is wrong with another value for this setting, nil if nothing is.
  func problem(with other: any AnySetting) -> String?
}

extension Setting: AnySetting {
  var word: String? { wrappedValue.base.map { "\($0)" } }

  func option(named name: NameSpecification) -> Any {
    Value.Base.option(name, declaration, usual: wrappedValue.base)
  }

  func given(_ container: KeyedDecodingContainer<SettingKey>, _ key: SettingKey) throws -> String? {
    try Value.Base.given(container, key, usual: wrappedValue.base).map { "\($0)" }
  }

  func problem(with other: any AnySetting) -> String? {
    guard let bounds, let value = (other as? Setting)?.wrappedValue.base, !bounds.contains(value) else {
      return nil
    }
    return "expected \(bounds.expected), found \(value)"
  }
}

/// The name of a setting.
struct SettingKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}
