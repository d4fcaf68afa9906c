import Foundation
import NNCore
import NNData
import NNFiles
import NNLayers

/// A number that is NaN or infinite where a fit needs one that is not.
public struct NonFinite: Sendable, Equatable, CustomStringConvertible {
  /// What is not finite.
  public enum Place: Sendable, Equatable {
    /// The training loss, with its value.
    case loss(Double)
    /// The gradients of these parameters.
    case gradients([String])
    /// These parameters or buffers of the model itself.
    case model([String])
  }

  public let place: Place
  /// The optimizer step that it happened in, from 0: `globalStep` steps were made before.
  public let step: Int
  /// From 0.
  public let epoch: Int
  /// Place of the batch in its epoch, from 0.
  public let batch: Int
  /// Of each group of the optimizer.
  public let learningRates: [Double]
  /// Samples of the batch whose inputs are not finite themselves, by their place in it; nil if that is not known.
  public let brokenInputs: [Int]?

  public var description: String {
    let what =
      switch place {
      case .loss(let value): "a finite loss, found \(value)"
      case .gradients(let names): "finite gradients, found NaN or infinity in that of \(Self.list(names))"
      case .model(let names): "finite weights, found NaN or infinity in \(Self.list(names))"
      }
    let rates = Set(learningRates).sorted().map { String(format: "%g", $0) }.joined(separator: ", ")
    let text =
      "training: expected \(what) at step \(step) (epoch \(epoch), batch \(batch), learning rate \(rates)); "
    if let brokenInputs, !brokenInputs.isEmpty {
      let places = brokenInputs.prefix(3).map(String.init).joined(separator: ", ")
      return text + "the inputs of the batch are not finite themselves (at \(places) in it): look at the data"
    }
    return text
      + "try a lower learning rate, a warm-up or gradientClip, and look for extreme values in the data "
      + "(detectAnomaly: false goes on all the same)"
  }

  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(3).joined(separator: ", ")
    return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
  }
}

// A NaN must not get into the weights, and less into a file. So the loss is looked at before it is differentiated (its
// value is read for the metrics anyway), the gradients before the optimizer uses them (one pass over them, whose norm
// clipping needs anyway), and the weights before they are written or handed back.
extension FitLoop {
  func checkLoss(_ loss: Tensor, of batch: Any) throws {
    guard trainer.detectAnomaly else { return }
    let value = loss.detach().item()
    if value.isFinite { return }
    // Weights that the last step spoilt are the cause, and not this batch.
    let broken = brokenState(model.namedParameters().map { ($0.name, $0.parameter.value) })
    throw notFinite(broken.isEmpty ? .loss(value) : .model(broken), inputs: brokenInputs(batch))
  }

  /// - Parameter norm: of all gradients, if it is known.
  func checkGradients(norm: Double? = nil, of batch: Any) throws {
    guard trainer.detectAnomaly else { return }
    if norm?.isFinite == true { return }
    // The norm of finite numbers may be too large for a number itself.
    let broken = optimizer.parameters.filter { $0.grad.map { !$0.isAllFinite } ?? false }
    if broken.isEmpty { return }
    let names = model.namedParameters().filter { entry in broken.contains { $0 === entry.parameter } }.map(
      \.name)
    throw notFinite(.gradients(names), inputs: brokenInputs(batch))
  }

  /// Refuses a state of the model that is not finite where it was when the fit began.
  func checkState(_ state: StateDict) throws {
    guard trainer.detectAnomaly else { return }
    let broken = brokenState(state.map { ($0.key, $0.value) }).filter { !infiniteAtStart.contains($0) }
    if !broken.isEmpty { throw notFinite(.model(broken), inputs: nil) }
  }

  /// Buffers may hold infinities, such as the masks of attention.
  func noteInfiniteBuffers() {
    guard trainer.detectAnomaly else { return }
    infiniteAtStart = Set(brokenState(model.namedBuffers().map { ($0.name, $0.buffer.value) }))
  }

  private func brokenState(_ state: [(name: String, value: Tensor)]) -> [String] {
    state.filter { !$0.value.isAllFinite }.map(\.name)
  }

  private func notFinite(_ place: NonFinite.Place, inputs: [Int]?) -> TrainerError {
    .notFinite(
      NonFinite(
        place: place, step: trainer.globalStep, epoch: trainer.currentEpoch, batch: trainer.progress.batch,
        learningRates: optimizer.learningRates, brokenInputs: inputs))
  }

  private func brokenInputs(_ batch: Any) -> [Int]? {
    guard let input = (batch as? Sample)?.input, input.rank >= 1 else { return nil }
    return (0..<input.shape[0]).filter { !input.select(0, index: $0).isAllFinite }
  }
}
