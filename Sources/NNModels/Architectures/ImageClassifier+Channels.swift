import NNCore
import NNLayers

/// Channels of images that networks can be made for.
let inputChannelsRange = 1...1024
/// The name of their number in a network's configuration.
let channelsKey = "channels"

extension ImageClassifier {
  /// Number of channels of the images that the network takes.
  public var inputChannels: Int { inputConvolution?.inChannels ?? 3 }

  /// Lets the network take images of another number of channels, with the weights that its first convolution has: one
  /// channel gets the sum of those of all, and more than three repeat them, times 3 / channels, so that what the layers
  /// behind see is about as large as before. As timm's `adapt_input_conv`.
  ///
  ///     let network = try resnet18(weights: .default)
  ///     network.adaptInput(channels: 1)  // grey images [N, 1, H, W]
  ///
  /// - Parameter channels: 1...1024.
  public func adaptInput(channels: Int) {
    require(
      inputChannelsRange.contains(channels), "adaptInput", "needs 1...1024 channels, got \(channels)")
    guard let convolution = inputConvolution, convolution.inChannels != channels else { return }
    convolution.takeInput(weight: noGrad { adapted(convolution.weight.value, to: channels) })
    if let known = inputNormalization {
      inputNormalization = InputNormalization(
        mean: perChannel(known.mean, channels: channels), std: perChannel(known.std, channels: channels))
    }
  }

  /// The layer that the images go through first.
  private var inputConvolution: Conv2d? { modules.lazy.compactMap { $0 as? Conv2d }.first }
}

/// A weight [out, in, …] for another number of channels.
private func adapted(_ weight: Tensor, to channels: Int) -> Tensor {
  let count = weight.shape[1]
  if channels == 1 { return weight.sum(1, keepDim: true) }
  let repeated = cat(Array(repeating: weight, count: (channels + count - 1) / count), axis: 1)
  return repeated.narrow(1, start: 0, length: channels) * (Double(count) / Double(channels))
}

/// A number for each channel of images of which it is known for another number of channels: the mean for one, repeated
/// for several.
func perChannel(_ values: [Float], channels: Int) -> [Float] {
  if channels == 1 { return [values.reduce(0, +) / Float(values.count)] }
  return (0..<channels).map { values[$0 % values.count] }
}
