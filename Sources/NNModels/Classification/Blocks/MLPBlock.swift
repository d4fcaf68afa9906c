import NNCore
import NNLayers

/// Two linear layers with GELU between them, and dropout behind each: the second half of a transformer's block; as
/// `torchvision.ops.MLP`.
///
/// Starts from Xavier's uniform weights, and normal biases of standard deviation 1e-6.
public final class MLPBlock: Sequential, RenamesKeys {
  init(_ width: Int, hidden: Int, dropout: Double) {
    let layers = [Linear(width, hidden), Linear(hidden, width)]
    for layer in layers {
      layer.weight.value = Init.xavierUniform(layer.weight.shape)
      layer.bias?.value = Init.normal([layer.outFeatures], std: 1e-6)
    }
    super.init([layers[0], GELU(), Dropout(dropout), layers[1], Dropout(dropout)])
  }

  /// Files from before torchvision 0.13 call the linear layers `linear_1` and `linear_2`.
  public func currentKey(_ key: String) -> String {
    for (old, new) in [("linear_1.", "0."), ("linear_2.", "3.")] where key.hasPrefix(old) {
      return new + key.dropFirst(old.count)
    }
    return key
  }
}
