import NNCore
import NNFiles

/// A network that cannot be made.
public enum ModelError: Error, Equatable, CustomStringConvertible {
  /// There is no network of that name.
  case unknown(String, nearest: [String])
  /// A network has no such setting.
  case configuration(String, String, network: String, expected: [String: String])
  /// A network cannot be made with a setting: its name, what was asked for, and what the network has.
  case setting(String, String, network: String, expected: String)

  public var description: String {
    switch self {
    case .unknown(let name, let nearest):
      "unknown network \(quoted(name)); nearest names: \(nearest.joined(separator: ", "))"
    case .configuration(let name, let value, let network, let expected):
      "\(network): expected "
        + (expected.isEmpty
          ? "no settings"
          : "settings such as \(expected.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))")
        + ", found \(quoted(name)) \(quoted(value))"
    case .setting(let name, let value, let network, let expected):
      "\(network): \(name): expected \(expected), found \(printable(value))"
    }
  }
}
