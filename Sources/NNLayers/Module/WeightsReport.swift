import NNCore
import NNFiles

/// What was taken over from a weight file, and what was not. Its description is one line for the user:
///
/// ```text
/// run.ckpt: took state_dict without prefix "model.", 52 tensors; left out: the head for 10 classes (fc.weight, fc.bias)
/// ```
public struct WeightsReport: Sendable, Equatable, CustomStringConvertible {
  /// A tensor of the file that was not taken.
  public struct LeftOut: Sendable, Equatable {
    /// Its key in the file.
    public var key: String
    public var shape: [Int]

    init(_ key: String, _ shape: [Int]) { (self.key, self.shape) = (key, shape) }
  }

  /// The file.
  public var file: String
  /// Where in a checkpoint the tensors were; nil if the file is one dictionary.
  public var key: String?
  /// What was dropped from the beginning of the file's keys.
  public var prefix: String
  /// Whose names the file's keys are; nil for the module's own.
  public var names: String?
  /// Number of tensors of the module that were taken.
  public var tensorCount: Int
  /// Tensors beside the wanted ones.
  public var leftOut: [LeftOut]
  /// Keys of the module that the file does not have, or has in another shape, and that were allowed to stay as they are.
  public var kept: [String]
  /// The name of the official weights that the file was taken for, with what belongs to them.
  public var official: String?
  /// Outputs of the file's last layer, if that was left out for another number of them.
  public var headClasses: Int?
  /// Other parts of the file that fit as well, for `key`.
  public var alternatives: [String]

  public var description: String {
    var text = "\(printable(file)): took "
    text += key.map { printable($0) } ?? "the weights"
    if !prefix.isEmpty { text += " without prefix \(quoted(prefix))" }
    if let names { text += " under the names of \(names)" }
    text += ", \(tensorCount) tensors"
    if let official { text += ", as the official \(official)" }
    if !leftOut.isEmpty {
      let keys = abbreviated(leftOut.map(\.key))
      text += "; left out: " + (headClasses.map { "the head for \($0) classes (\(keys))" } ?? keys)
    }
    if leftOut.isEmpty && !kept.isEmpty { text += "; not in the file: \(abbreviated(kept))" }
    if !alternatives.isEmpty { text += "; \(abbreviated(alternatives)) would fit too" }
    return text
  }
}

/// The first of some texts from a file, and how many more there are.
package func abbreviated(_ texts: [String], showing count: Int = 3, separator: String = ", ") -> String {
  let limit = 80
  let shown = texts.prefix(count).map { text in
    printable(text.unicodeScalars.count > limit ? String(text.unicodeScalars.prefix(limit)) + "…" : text)
  }
  let more = texts.count - shown.count
  return shown.joined(separator: separator) + (more > 0 ? "\(separator)\(more) more" : "")
}
