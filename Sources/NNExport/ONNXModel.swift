import Foundation
import NNCore
import NNLayers

/// Why a network could not be exported. Each case prints as one line.
public enum ExportError: Error, Equatable, CustomStringConvertible {
  /// An operation of a layer cannot be exported. `layer` is the key of the layer, empty for the network itself.
  case unsupported(operation: String, layer: String, reason: String)
  /// A file of the format cannot hold so many bytes.
  case tooLarge(bytes: Int)

  public var description: String {
    switch self {
    case .unsupported(let operation, let layer, let reason):
      "ONNX export: \(operation) in \(layer.isEmpty ? "the network" : "layer \(layer)"): \(reason)"
    case .tooLarge(let bytes): "ONNX export: the model has \(bytes) bytes, a file holds at most 2 GiB"
    }
  }
}

/// A network in the form that ONNX Runtime, OpenVINO, TensorRT and their like read: opset 18, with a first dimension
/// named "batch" that may have any size.
///
///     let model = try ONNXModel(network, inputShape: [1, 3, 224, 224])
///     try model.write(to: "network.onnx")
///
/// The network runs on zeros, in evaluation mode, and the operations that it calls become the nodes of the graph. So it
/// must do the same for every batch: conditions on values, and numbers taken from them, are refused. Weights keep their
/// values and their keys (`layer1.0.conv1.weight`), and nodes are named after the layers they come from.
///
/// Source: https://onnx.ai/onnx/repo-docs/IR.html
public struct ONNXModel {
  /// Name of the graph: the type of the network.
  public let name: String
  /// Facts for whoever uses the model, such as names of the classes; kept as the file's `metadata_props`.
  public var metadata: [String: String]
  let graph: ONNXGraph

  /// How often each operator stands in the graph: what a runtime has to know.
  public var operators: [String: Int] { graph.nodes.reduce(into: [:]) { $0[$1.type, default: 0] += 1 } }

  /// Traces a network.
  ///
  /// - Parameters:
  ///   - inputShape: the shape of an input, with the batch as the first dimension; its size does not matter.
  ///   - dtype: element type of the input; integers for a network that begins with an `Embedding`.
  /// - Throws: ``ExportError`` that names the operation which cannot be exported, and its layer.
  public init(
    _ network: any CallableModule, inputShape: [Int], dtype: DType = .float32, inputName: String = "input",
    outputName: String = "output", metadata: [String: String] = [:]
  ) throws {
    require(
      !inputShape.isEmpty && inputShape.allSatisfy { $0 > 0 }, "export",
      "needs the shape of an input with the batch first, got \(inputShape)")
    require(
      !inputName.isEmpty && !outputName.isEmpty && inputName != outputName, "export",
      "input and output need names of their own, got \(inputName.debugDescription) and \(outputName.debugDescription)"
    )
    name = network.typeName
    self.metadata = metadata
    let trace: WholeTrace
    do {
      trace = try network.traced(rowShape: Array(inputShape.dropFirst()), dtype: dtype)
    } catch let failure as WholeTrace.Failure {
      throw ExportError.unsupported(
        operation: failure.operation, layer: failure.layer, reason: failure.reason)
    }
    graph = try ONNXTranslator.graph(
      of: trace, inputName: inputName, outputName: outputName, keys: network.keysOfTensors)
  }

  /// Writes the model to a file, which is complete or not there at all.
  ///
  /// - Throws: ``ExportError/tooLarge(bytes:)``, `FileError`.
  public func write(to path: String) throws {
    let message = encoded
    guard message.byteCount <= Int32.max else { throw ExportError.tooLarge(bytes: message.byteCount) }
    try AtomicFile.write(path) { file in
      for part in message.parts { try part.withUnsafeBytes { try file.write($0) } }
    }
  }
}

extension CallableModule {
  /// Writes the network as an ONNX file with a dynamic batch; see ``ONNXModel``.
  ///
  ///     try network.export(onnx: "network.onnx", inputShape: [1, 3, 224, 224])
  ///
  /// - Parameters:
  ///   - inputShape: the shape of an input, with the batch as the first dimension; its size does not matter.
  ///   - dtype: element type of the input.
  ///   - metadata: facts kept in the file, such as names of the classes.
  /// - Throws: ``ExportError`` that names what cannot be exported, `FileError`.
  public func export(
    onnx path: String, inputShape: [Int], dtype: DType = .float32, inputName: String = "input",
    outputName: String = "output", metadata: [String: String] = [:]
  ) throws {
    try ONNXModel(
      self, inputShape: inputShape, dtype: dtype, inputName: inputName, outputName: outputName,
      metadata: metadata
    ).write(to: path)
  }
}

extension CallableModule {
  /// What the network does in evaluation mode.
  fileprivate func traced(rowShape: [Int], dtype: DType) throws -> WholeTrace {
    let layers = RunningLayers(self)
    defer { layers.remove() }
    return try leavingUnchanged {
      let device = (parameters().first?.value ?? buffers().first?.value)?.device ?? .cpu
      return try WholeTrace(rowShape: rowShape, dtype: dtype, device: device, layer: { layers.current }) {
        self.calledWithHooks($0)
      }
    }
  }

  /// Keys of parameters and buffers by what they show.
  fileprivate var keysOfTensors: [TensorIdentity: String] {
    let tensors =
      namedParameters().map { ($0.name, $0.parameter.value) }
      + namedBuffers().map { ($0.name, $0.buffer.value) }
    return Dictionary(tensors.map { (TensorIdentity($0.1), $0.0) }) { first, _ in first }
  }
}
