import NNCore
import NNLayers

extension Module {
  /// Draws the weights of all convolutions and linear layers anew, layer by layer in the order in which torchvision
  /// goes through them.
  ///
  /// - Parameters:
  ///   - convolution: the new values of a weight [out, in, …]; nil leaves convolutions as they are.
  ///   - linear: the same for linear layers.
  ///   - zeroBiases: whether the biases of these layers become 0.
  func drawWeights(
    convolution: ((_ weight: Parameter) -> Tensor)? = nil, linear: ((_ weight: Parameter) -> Tensor)? = nil,
    zeroBiases: Bool = true
  ) {
    for module in modules {
      let parts: (weight: Parameter, bias: Parameter?, draw: ((Parameter) -> Tensor)?)
      switch module {
      case let conv as Conv2d: parts = (conv.weight, conv.bias, convolution)
      case let layer as Linear: parts = (layer.weight, layer.bias, linear)
      case let layer as PointwiseLinear: parts = (layer.weight, layer.bias, linear)
      default: continue
      }
      guard let draw = parts.draw else { continue }
      parts.weight.value = draw(parts.weight)
      if zeroBiases, let bias = parts.bias { bias.value = Init.zeros(bias.shape) }
    }
  }

  /// Draws weights as TensorFlow's small networks start: normal ones with variance 2 / (outputs per group · kernel area)
  /// for convolutions, uniform ones in ±1 / √outputs for linear layers, and biases of 0.
  func drawTensorFlowWeights() {
    drawWeights(
      convolution: { weight in
        // timm divides the fan-out by the groups: a depthwise convolution has one output in each.
        let (kernel, isDepthwise) = (weight.shape[2] * weight.shape[3], weight.shape[1] == 1)
        let outputs = isDepthwise ? 1 : weight.shape[0]
        return Init.normal(weight.shape, std: (2 / Double(kernel * outputs)).squareRoot())
      },
      linear: { weight in
        let bound = 1 / Double(weight.shape[0]).squareRoot()
        return Init.uniform(weight.shape, low: -bound, high: bound)
      })
  }
}

/// Normal with variance 2 / fan-out (He et al., 2015).
func kaimingFanOut(_ weight: Parameter) -> Tensor {
  Init.kaimingNormal(weight.shape, mode: .fanOut, nonlinearity: .relu)
}

/// Normal with standard deviation 0.01.
func normalHundredth(_ weight: Parameter) -> Tensor { Init.normal(weight.shape, std: 0.01) }
