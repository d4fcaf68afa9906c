import NNCore
import NNFiles

/// Reads numbers and tensors of a state dict, with errors that name the key.
struct StateReader {
  let state: StateDict
  let owner: String

  init(_ state: StateDict, owner: String) {
    self.state = state
    self.owner = owner
  }

  func check(_ condition: Bool, _ key: String, _ expected: String, _ found: String) throws {
    if !condition { throw StateError.invalid(owner: owner, expected: "\(key): \(expected)", found: found) }
  }

  func tensor(_ key: String) throws -> Tensor {
    guard let value = state[key] else {
      throw StateError.invalid(owner: owner, expected: "a value for \(key)", found: "none")
    }
    return value
  }

  func number(_ key: String) throws -> Double {
    let value = try tensor(key)
    try check(value.count == 1, key, "one number", "shape \(value.shape)")
    return value.item()
  }

  /// A whole number.
  func integer(_ key: String, from low: Int = 0) throws -> Int {
    let value = try number(key)
    // Up to there a Double holds every whole number, and steps are far from leaving the range of Int.
    let limit = 1 << 53
    try check(
      value >= Double(low) && value <= Double(limit) && value == value.rounded(), key,
      "a whole number in \(low)...\(limit)", "\(value)")
    return Int(value)
  }

  func optionalNumber(_ key: String) throws -> Double? { state[key] == nil ? nil : try number(key) }

  func numbers(_ key: String, count: Int) throws -> [Double] {
    let value = try tensor(key)
    try check(value.shape == [count], key, "shape [\(count)]", "shape \(value.shape)")
    return value.array(of: Double.self)
  }
}
