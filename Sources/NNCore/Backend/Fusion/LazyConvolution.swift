import Synchronization

/// A lazy convolution, which is not recorded. What follows it (a batch normalisation with
/// fixed statistics, a sum, a rectifier) is fused into its weights, its bias and its finish.
package final class LazyConvolution: LazyValues {
  private let x: Tensor
  private let weight: Tensor
  private let bias: Tensor?
  private let geometry: ConvolutionGeometry
  private let outputSize: Size2
  private let finish: ConvolutionFinish
  private let backend: any FusingBackend
  private let state = Mutex(State())

  private struct State {
    /// Where the values were written as a part of something larger.
    var part: Tensor?
    /// Whether another convolution went on from here. A second one may not: each computes all of it.
    var isContinued = false
  }

  init(
    _ x: Tensor, _ weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, outputSize: Size2,
    finish: ConvolutionFinish = ConvolutionFinish(keepsWeights: true), on backend: any FusingBackend
  ) {
    self.backend = backend
    self.x = x.detach()
    self.weight = weight.detach()
    self.bias = bias?.detach()
    self.geometry = geometry
    self.outputSize = outputSize
    self.finish = finish
  }

  package func evaluate() -> Tensor {
    if let part = state.withLock({ $0.part }) {
      return backend.copy(part, strides: Tensor.channelsLastStrides(part.shape))
    }
    return convolved(into: nil)
  }

  /// Computes the values into a view with adjacent channels.
  func write(to target: Tensor) {
    _ = convolved(into: target)
    state.withLock { $0.part = target }
  }

  private func convolved(into target: Tensor?) -> Tensor {
    backend.convolution(
      x, weight, bias: bias, geometry, outputSize: outputSize, finish: finish, into: target)
  }

  var result: Tensor {
    let shape = [x.shape[0], weight.shape[0], outputSize.height, outputSize.width]
    return Tensor(lazyImages: self, shape: shape, x.dtype, on: backend)
  }

  private func finished(_ change: (inout ConvolutionFinish) -> Void) -> Tensor {
    state.withLock { $0.isContinued = true }
    var finish = finish
    change(&finish)
    return LazyConvolution(
      x, weight, bias: bias, geometry, outputSize: outputSize, finish: finish, on: backend
    ).result
  }

  private var isOpen: Bool {
    finish.ceiling == nil && state.withLock { $0.part == nil && !$0.isContinued }
  }

  /// The result of a map of the channels, if nothing else follows so far.
  func mapped(_ map: ChannelMap) -> Tensor? {
    isOpen && finish.map == nil && finish.addend == nil ? finished { $0.map = map } : nil
  }
  func adding(_ addend: Tensor) -> Tensor? {
    isOpen && finish.addend == nil ? finished { $0.addend = addend.detach() } : nil
  }
  func rectified(ceiling: Double) -> Tensor? { isOpen ? finished { $0.ceiling = ceiling } : nil }
}
