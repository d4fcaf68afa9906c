import NNCore
import NNLayers
import NNLightning

/// The network of the first experiment: four times convolution 3x3, batch normalisation, ReLU and max-pooling, then a
/// linear layer. For images of 32x32.
public final class ScratchNet: Module, Classifier, TrainStep, ValidationStep, TestStep {
  let conv1: Conv2d
  let bn1: BatchNorm2d
  let conv2: Conv2d
  let bn2: BatchNorm2d
  let conv3: Conv2d
  let bn3: BatchNorm2d
  let conv4: Conv2d
  let bn4: BatchNorm2d
  let fc: Linear
  private let learningRate: Double

  public init(classes: Int = 10, learningRate: Double = 0.01) {
    conv1 = Conv2d(3, 64, kernelSize: 3, padding: 1)
    bn1 = BatchNorm2d(64)
    conv2 = Conv2d(64, 128, kernelSize: 3, padding: 1)
    bn2 = BatchNorm2d(128)
    conv3 = Conv2d(128, 256, kernelSize: 3, padding: 1)
    bn3 = BatchNorm2d(256)
    conv4 = Conv2d(256, 512, kernelSize: 3, padding: 1)
    bn4 = BatchNorm2d(512)
    fc = Linear(2_048, classes)
    self.learningRate = learningRate
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    var h = bn1(conv1(x)).relu().maxPool2d(kernelSize: 2)
    h = bn2(conv2(h)).relu().maxPool2d(kernelSize: 2)
    h = bn3(conv3(h)).relu().maxPool2d(kernelSize: 2)
    h = bn4(conv4(h)).relu().maxPool2d(kernelSize: 2)
    return fc(h.flatten(from: 1))
  }

  public func configureOptimizers() -> any Optimizer {
    SGD(parameters(), learningRate: learningRate)
  }
}
