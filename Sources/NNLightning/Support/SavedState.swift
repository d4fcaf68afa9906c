import Foundation
import NNCore

/// How state is written as text, and what is believed of it when it comes back: a file is from outside, and arithmetic
/// with its numbers must not leave the range of `Int`.
enum SavedState {
  /// What a checkpoint says that it is.
  static let checkpointFormat = "swift-nn checkpoint 2"

  /// JSON with its keys in order: equal values give equal bytes. NaN and infinities, for which JSON has no numbers, are
  /// the strings "nan", "inf" and "-inf".
  static func encode(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// Reads what `encode` gave.
  static func decode<Value: Decodable>(_ type: Value.Type, from text: String) throws -> Value {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try decoder.decode(type, from: Data(text.utf8))
  }

  /// The greatest counter: as a `Double` it is exact, and what is added to it later is far from overflowing.
  static let greatestCount = 1 << 53

  /// Refuses a number that is outside its range.
  static func check(_ name: String, _ value: Int, in range: ClosedRange<Int>) throws {
    guard range.contains(value) else {
      throw CheckpointError.invalid("\(name) in \(range.lowerBound)...\(range.upperBound)", "\(value)")
    }
  }

  /// Refuses what is no time that a run can have taken.
  static func check(seconds: Double, _ name: String) throws {
    guard (0...1e12).contains(seconds) else {
      throw CheckpointError.invalid("\(name) in 0...1e12 seconds", "\(seconds)")
    }
  }
}
