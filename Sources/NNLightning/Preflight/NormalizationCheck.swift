import NNCore
import NNData
import NNLayers

/// Finds images that are not normalised as the weights of a pretrained network expect it. Where the transform of a data
/// set cannot be seen into, what reaches the network tells: without normalisation no value is negative.
final class NormalizationCheck {
  private let expected: InputNormalization
  private let network: Module
  private let training: [Normalize?]
  private let validation: [Normalize?]
  private var hook: HookHandle?
  private var seesNegative: Bool?

  /// Nil if no part of the model says how its images are to be normalised.
  init?(_ trainer: Trainer, _ model: Module) {
    guard let network = model.modules.first(where: { $0.inputNormalization != nil }),
      let expected = network.inputNormalization
    else { return nil }
    self.network = network
    self.expected = expected
    training = Self.normalizations(ofLoader: trainer.activeFit?.trainingLoader)
    validation = trainer.validates ? Self.normalizations(ofLoader: trainer.activeFit?.validation?.loader) : []
  }

  /// Looks at the input of the network's next call.
  func watch() {
    hook = network.registerForwardPreHook { [self] _, input in
      if seesNegative == nil { seesNegative = input.detach().min().item() < 0 }
      return nil
    }
  }

  func stop() {
    hook?.remove()
    hook = nil
  }

  /// One sentence each; after a training step.
  func findings() -> [String] {
    stop()
    let known = training.compactMap { $0 }
    var findings: [String] = []
    if let other = known.first(where: { !isExpected($0) }) {
      findings.append(finding("training", other))
    } else if seesNegative == false, expected.mean.contains(where: { $0 > 0 }) {
      findings.append(finding("training", nil))
    }
    if let other = validation.first(where: { $0.map { !isExpected($0) } ?? !known.isEmpty }) {
      findings.append(finding("validation", other))
    }
    return findings
  }

  private func isExpected(_ normalize: Normalize) -> Bool {
    InputNormalization(mean: normalize.mean, std: normalize.std).isClose(to: expected)
  }

  private func finding(_ stage: String, _ found: Normalize?) -> String {
    let found = found.map { "go through \($0)" } ?? "are not normalised"
    let wanted = Normalize(mean: expected.mean, std: expected.std)
    let name = wanted == .imageNet ? "Normalize.imageNet, which is \(wanted)" : "\(wanted)"
    return
      "The \(stage) images \(found), but the weights of \(network.typeName) were trained on images normalised "
      + "otherwise. Give the data set's transform \(name)."
  }

  /// How the images of a loader are normalised, one for each data set in it; empty if it cannot be seen.
  private static func normalizations(ofLoader loader: Any?) -> [Normalize?] {
    func normalizations(of dataset: any Dataset) -> [Normalize?] {
      switch dataset {
      case let images as any VisionDataset: [images.transform.normalization]
      case let composite as any CompositeDataset: composite.parts.flatMap(normalizations)
      default: []
      }
    }
    return (loader as? DataLoader<Sample>).map { normalizations(of: $0.dataset) } ?? []
  }
}
