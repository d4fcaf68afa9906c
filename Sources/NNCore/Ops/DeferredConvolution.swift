import Synchronization

/// A convolution that is not recorded and whose values nobody asked for yet. What follows it (a batch normalisation with
/// fixed statistics, a sum, a rectifier) goes into its weights, its bias and its finish.
final class DeferredConvolution: DeferredValues {
  private let x: Tensor
  private let weight: Tensor
  private let bias: Tensor?
  private let geometry: ConvolutionGeometry
  private let outputSize: Size2
  private let finish: ConvolutionFinish
  private let state = Mutex(State())

  private struct State {
    /// Where the values were written as a part of something larger.
    var part: Tensor?
    /// Whether another convolution went on from here. A second one may not: each computes all of it.
    var isContinued = false
  }

  init(
    _ x: Tensor, _ weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, outputSize: Size2,
    finish: ConvolutionFinish? = nil
  ) {
    self.x = x.detach()
    self.weight = weight.detach()
    self.bias = bias?.detach()
    self.geometry = geometry
    self.outputSize = outputSize
    var first = ConvolutionFinish()
    first.keepsWeights = true
    self.finish = finish ?? first
  }

  func evaluate() -> Tensor {
    if let part = state.withLock({ $0.part }) {
      return part.backend.copy(part, strides: Tensor.channelsLastStrides(part.shape))
    }
    return x.backend.conv2d(
      x, weight, bias: bias, geometry, outputSize: outputSize, finish: finish, into: nil)
  }

  /// Computes the values into a view with adjacent channels.
  func write(to target: Tensor) {
    _ = x.backend.conv2d(
      x, weight, bias: bias, geometry, outputSize: outputSize, finish: finish, into: target)
    state.withLock { $0.part = target }
  }

  var result: Tensor {
    let shape = [x.shape[0], weight.shape[0], outputSize.height, outputSize.width]
    return Tensor(deferring: self, shape: shape, strides: Tensor.channelsLastStrides(shape), x.dtype)
  }

  private func finished(_ change: (inout ConvolutionFinish) -> Void) -> Tensor {
    state.withLock { $0.isContinued = true }
    var finish = finish
    change(&finish)
    return DeferredConvolution(x, weight, bias: bias, geometry, outputSize: outputSize, finish: finish).result
  }

  private var isOpen: Bool {
    finish.ceiling == nil && state.withLock { $0.part == nil && !$0.isContinued }
  }

  /// The result of a map of the channels, if nothing else follows so far.
  func mapped(_ map: FixedMap) -> Tensor? {
    isOpen && finish.map == nil && finish.addend == nil ? finished { $0.map = map } : nil
  }
  func adding(_ addend: Tensor) -> Tensor? {
    isOpen && finish.addend == nil ? finished { $0.addend = addend.detach() } : nil
  }
  func rectified(ceiling: Double = .infinity) -> Tensor? { isOpen ? finished { $0.ceiling = ceiling } : nil }
}
