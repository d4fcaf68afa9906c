import Foundation
import NNCore
import NNData
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
