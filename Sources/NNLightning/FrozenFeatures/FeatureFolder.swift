import Foundation
import NNCore
import NNData
import NNFiles

/// Rows of one value for one source of inputs, on disk: a folder named after a digest of all that the rows depend on.
///
/// Each file in it holds some rows, is written as a whole or not at all, and carries a digest of its bytes. So a run may
/// be killed at any moment, and several may write at the same time: the worst is that rows are there twice.
final class FeatureFolder: Sendable {
  /// What stands beside the rows, for people and for `nn cache list`.
  package struct Description: Codable {
    var format = FeatureFolder.format
    package var layer: String
    package var dataset: String
    package var rows: Int
    package var rowBytes: Int
    package var libraryVersion: String
  }

  static let format = "swift-nn features 1"
  static let descriptionName = "features.json"
  private static let nameLength = 32
  /// Whether a folder may be one of features by its name.
  static func isName(_ name: String) -> Bool {
    name.count == nameLength && name.allSatisfy { $0.isASCII && $0.isHexDigit }
  }
  private let path: String
  private let rowBytes: Int
  private let count: Int

  init(
    _ root: String, _ settings: FeatureCaching, _ graph: TraceGraph, _ value: TraceGraph.Value,
    _ loader: LoaderInputs, rowBytes: Int
  ) throws {
    guard let source = try loader.dataset.fingerprint() else {
      throw FeatureFolderError.noFingerprint("\(type(of: loader.dataset))")
    }
    var digest = Digest.sha256()
    digest.update(
      "\(Self.format) \(libraryVersion) \(KernelPath.current) \(settings.precision) \(settings.views ?? 0) \(source)"
    )
    let layer = graph.describe(value, into: &digest)
    path = "\(root)/\(digest.finished().prefix(Self.nameLength))"
    self.rowBytes = rowBytes
    count = loader.rowCount
    try FeatureCacheFolder(root).makeRoom(
      for: rowBytes * count, within: settings.limit, besides: path)
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw FeatureFolderError.notWritable(path)
    }
    let description = Description(
      layer: layer, dataset: "\(type(of: loader.dataset))", rows: count, rowBytes: rowBytes,
      libraryVersion: libraryVersion)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    let text = try encoder.encode(description)
    // Written anew at each use: its time tells when the rows were used last.
    try AtomicFile.write("\(path)/\(Self.descriptionName)") { try $0.write(Array(text)) }
  }

  /// Takes over what earlier runs left. A damaged file is taken away: its rows are computed again.
  func load(into table: FeatureTable) throws {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    for name in names.sorted() where name.hasSuffix(".safetensors") {
      let file = "\(path)/\(name)"
      guard let (rows, bytes) = try? read(file) else {
        try? FileManager.default.removeItem(atPath: file)
        continue
      }
      table.adopt(rows, bytes)
    }
  }

  private func read(_ file: String) throws -> (rows: [Int], bytes: Tensor) {
    let content = try StateDict(contentsOf: file)
    guard let rows = content["rows"], let bytes = content["features"], rows.dtype == .int64, rows.rank == 1,
      bytes.dtype == .uint8, bytes.shape == [rows.count, rowBytes]
    else { throw FeatureFolderError.damaged(file) }
    let numbers = rows.array(of: Int.self)
    guard numbers.allSatisfy({ $0 >= 0 && $0 < count }),
      content.metadata["sha256"] == Self.digest(numbers, bytes)
    else { throw FeatureFolderError.damaged(file) }
    return (numbers, bytes)
  }

  /// - Parameter bytes: uint8 [rows, rowBytes].
  func write(_ rows: [Int], _ bytes: Tensor) throws {
    let name = "\(path)/rows-\(UUID().uuidString).safetensors"
    try StateDict([("rows", Tensor(rows)), ("features", bytes)])
      .write(safetensors: name, metadata: ["sha256": Self.digest(rows, bytes)])
  }

  private static func digest(_ rows: [Int], _ bytes: Tensor) -> String {
    var digest = Digest.sha256()
    rows.withUnsafeBytes { digest.update($0) }
    bytes.withElements(of: UInt8.self) { digest.update(UnsafeRawBufferPointer($0)) }
    return digest.finished()
  }
}

enum FeatureFolderError: Error, CustomStringConvertible {
  case noFingerprint(String)
  case notWritable(String)
  case damaged(String)
  case tooLarge(size: Int, limit: Int)

  var description: String {
    switch self {
    case .noFingerprint(let type): "expected a data set with a fingerprint, found \(type) without one"
    case .notWritable(let path): "\(path): expected a folder that can be made, found that it cannot"
    case .damaged(let file): "\(file): expected rows of features, found something else"
    case .tooLarge(let size, let limit):
      "expected at most \(KeptFeatures.size(limit)) of features, found \(KeptFeatures.size(size))"
    }
  }
}

extension TraceGraph {
  /// Feeds a digest with all that a value is computed by: operations, settings, weights.
  ///
  /// - Returns: the layer that gives the value.
  fileprivate func describe(_ value: Value, into digest: inout Digest) -> String {
    let operations = operationsBehind(value)
    var numbers: [ObjectIdentifier: Int] = [ObjectIdentifier(input): -1]
    for (number, operation) in operations.enumerated() {
      numbers[ObjectIdentifier(operation.output)] = number
      let settings = operation.attributes.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      digest.update("\(operation.name) \(settings.joined(separator: " "))")
      for input in operation.inputs {
        switch input {
        case .value(let value): digest.update("value \(numbers[ObjectIdentifier(value)] ?? -2)")
        case .constant(let tensor, let isRepeated):
          let one = isRepeated ? tensor.narrow(0, start: 0, length: 1) : tensor
          digest.update("\(one.dtype) \(one.shape) \(isRepeated)")
          let dense = one.detach().to(.cpu).contiguous()
          withExtendedLifetime(dense) {
            digest.update(
              UnsafeRawBufferPointer(start: dense.hostPointer, count: dense.count * dense.dtype.byteCount))
          }
        }
      }
    }
    digest.update("\(value.shape.dropFirst()) \(value.dtype)")
    return operations.last { !$0.layer.isEmpty }?.layer ?? ""
  }
}
