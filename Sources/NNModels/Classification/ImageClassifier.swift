import NNCore
import NNLayers

/// A network from images [N, 3, H, W] to one number (logit) per class, [N, classes].
///
/// The networks of this library have torchvision's names and state-dict keys, so that its weight files fit,
/// and draw their starting weights in its order, so that the same seed gives the same network.
///
/// Source: https://docs.pytorch.org/vision/stable/models.html
public protocol ImageClassifier: Layer {
  /// Puts a new last layer in place of the present one, for another number of classes, with PyTorch's default
  /// starting weights. It learns even if the rest of the network is frozen.
  func replaceHead(classes: Int)
}
