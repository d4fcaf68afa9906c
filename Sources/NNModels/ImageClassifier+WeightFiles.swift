import Foundation
import NNCore
import NNData
import NNFiles
import NNLayers

extension ImageClassifier {
  /// Takes over the weights of a file as people have them: `loadFittingWeights` with what is known of networks. The
  /// official file of the network, told by its name or its SHA-256, brings the network into the state that goes with it.
  ///
  ///     let network = try skipInit { try makeModel("resnet18") }
  ///     print(try network.loadPretrainedWeights(from: "run.ckpt", replacingHead: true))
  ///
  /// - Parameters:
  ///   - path: the file; untrusted.
  ///   - key: where in a checkpoint the weights are, with dots between the keys of nested dictionaries; nil for where they
  ///     fit.
  ///   - prefix: what to drop from keys; nil for what fits.
  ///   - replacingHead: whether the last layer, and auxiliary heads, may be missing in the file or have another number of
  ///     classes. They stay as they are then, for a caller that wants the features or replaces the head.
  /// - Returns: what was taken and what was left out, in one line as its description.
  /// - Throws: `FileError`, one line with the first keys that do not fit and the network that the file is most like;
  ///   nothing was changed then.
  @discardableResult
  public func loadPretrainedWeights(
    from path: String, key: String? = nil, prefix: String? = nil, replacingHead: Bool = false
  ) throws -> WeightsReport {
    let official = officialEntry(ofFile: path)
    let head = replacingHead ? headName : nil
    func isHead(_ key: String) -> Bool {
      guard let head else { return false }
      return key.hasPrefix(head + ".") || key.lowercased().hasPrefix("aux")
    }
    var report: WeightsReport
    do {
      report = try loadFittingWeights(from: path, key: key, prefix: prefix, isOptional: isHead)
    } catch FileError.malformed(let file, let expected, let found) {
      let nearest = nearestArchitecture(toFile: path, besides: self)
      throw FileError.malformed(
        file: file, expected: expected, found: found + (nearest.map { "; the file is most like \($0)" } ?? "")
      )
    }
    if let official {
      report.official = official.name.rawValue
      didLoadOfficialWeights()
      inputNormalization = InputNormalization(mean: official.transforms.mean, std: official.transforms.std)
    }
    if report.kept.contains(where: isHead) {
      report.headClasses = report.leftOut.last { $0.shape.count >= 2 }?.shape.first
    }
    return report
  }

  /// The entry of official weights that a file is, by its name or, for networks that behave otherwise with them, by its
  /// digest.
  private func officialEntry(ofFile path: String) -> PretrainedWeights? {
    let name = path.utf8.split(separator: UInt8(ascii: "/")).last.map { String(decoding: $0, as: UTF8.self) }
    if let entry = PretrainedWeights.all.first(where: { $0.fileName == name }) { return entry }
    guard self is any AuxiliaryClassifier else { return nil }
    return architectures(of: self).flatMap(\.weights).first { entry in
      (try? entry.checksum.digest(ofFile: path)).map(entry.checksum.matches) ?? false
    }
  }
}

/// The network of the library whose state dict a file is most like; nil if it is like none, or no more than like the
/// network that it was meant for.
private func nearestArchitecture(toFile path: String, besides network: any ImageClassifier) -> String? {
  guard let file = try? WeightFile(contentsOf: path) else { return nil }
  // No network has as many tensors as a hostile file.
  let parts = file.parts.filter { $0.tensors.count <= 10_000 }.sorted { $0.tensors.count > $1.tensors.count }
    .prefix(3)
  /// Share of the tensors that both have.
  func likeness(_ network: any ImageClassifier) -> Double {
    let target = network.readingTarget()
    return parts.map { part in
      let matched = WeightsReading.all(of: part, prefix: nil, target: target).map(\.matched.count).max() ?? 0
      return Double(matched) / Double(max(target.count, part.tensors.count))
    }.max() ?? 0
  }
  var best: (name: String?, likeness: Double) = (nil, max(likeness(network), 0.5))
  for name in listModels() {
    guard let other = try? skipInit({ try makeModel(name) }) else { continue }
    let likeness = likeness(other)
    if likeness > best.likeness { best = (name, likeness) }
  }
  return best.name
}
