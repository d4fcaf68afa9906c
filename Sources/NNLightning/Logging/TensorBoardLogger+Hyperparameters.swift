import Foundation
import NNCore
import NNFiles
import NNLayers

// What TensorBoard's HPARAMS page makes its table of runs from: the hyperparameters at the start of each run, and how it
// ended. The columns of metrics are the run's scalars. There is also a summary that names all columns of a folder of
// runs; a run knows only its own, and without that summary TensorBoard collects them.
//
// https://github.com/tensorflow/tensorboard/blob/master/tensorboard/plugins/hparams/plugin_data.proto

extension TensorBoardLogger {
  /// - Parameter json: an object; what lies deeper in it gets names such as `optimizer.lr`.
  func logSessionStart(hyperparameters json: String) throws {
    let values = try JSONDecoder().decode(Hyperparameter.self, from: Data(json.utf8)).flattened()
    try addSession("session_start_info", field: 3) {
      for (name, value) in values {
        $0.add(message: 1) {
          $0.add(text: 1, name)
          $0.add(message: 2, value)
        }
      }
      $0.add(double: 5, Date().timeIntervalSince1970)
    }
  }

  /// Only for models that have hyperparameters.
  func logSessionEnd(_ model: Module, succeeded: Bool) throws {
    guard model is any HasHyperparameters else { return }
    try addSession("session_end_info", field: 4) {
      $0.add(integer: 1, succeeded ? 1 : 2)  // STATUS_SUCCESS, STATUS_FAILURE
      $0.add(double: 2, Date().timeIntervalSince1970)
    }
  }

  private func addSession(_ tag: String, field: Int, _ info: (inout ProtobufMessage) -> Void) throws {
    try add("_hparams_/" + tag, step: 0) {
      // TensorBoard lists what has a tensor, be it empty.
      $0.add(message: 8) {
        $0.add(integer: 1, 1)  // DT_FLOAT
        $0.add(message: 2) { $0.add(message: 2) { $0.add(integer: 1, 0) } }
      }
      var content = ProtobufMessage()
      content.add(message: field, info)
      $0.addMetadata(plugin: "hparams", content: content.bytes)
    }
  }
}

extension ProtobufMessage {
  /// Says which of TensorBoard's pages a summary belongs to.
  mutating func addMetadata(plugin: String, content: Data = Data()) {
    add(message: 9) {
      $0.add(message: 1) {
        $0.add(text: 1, plugin)
        if !content.isEmpty { $0.add(bytes: 2, content) }
      }
    }
  }
}

/// A value of a JSON object, on the way into a table.
private enum Hyperparameter: Decodable {
  case bool(Bool), number(Double), text(String), list([Hyperparameter]), object([String: Hyperparameter])
  case null

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else if let value = try? container.decode([Hyperparameter].self) {
      self = .list(value)
    } else {
      self = .object(try container.decode([String: Hyperparameter].self))
    }
  }

  /// Names and `google.protobuf.Value` messages, in alphabetical order. The table has no lists: an element gets its
  /// place as name.
  func flattened(_ name: String = "") -> [(name: String, value: ProtobufMessage)] {
    let prefix = name.isEmpty ? "" : name + "."
    var message = ProtobufMessage()
    switch self {
    case .null: return []
    case .number(let value): message.add(double: 2, value)
    case .text(let value): message.add(text: 3, value)
    case .bool(let value): message.add(integer: 4, value ? 1 : 0)
    case .list(let values):
      return values.enumerated().flatMap { $1.flattened("\(prefix)\($0)") }
    case .object(let values):
      return values.sorted { $0.key < $1.key }.flatMap { $1.flattened(prefix + $0) }
    }
    return [(name.isEmpty ? "value" : name, message)]
  }
}
