import Foundation
import NNCore
import NNLayers

/// Features of mean 0 and variance 1, and the layer that makes them so.
struct Standardized {
  let features: Tensor
  private let mean, variance: Tensor

  /// - Parameter features: [N, F].
  init(_ features: Tensor) {
    let wide = features.to(.float64)
    let spread = wide.variance([0], correction: 0)
    mean = wide.mean([0]).to(features.dtype)
    // What hardly ever differs would be blown up where it differs after all.
    variance = spread.maximum(spread.mean() * 1e-4).to(features.dtype)
    let layer = Self.layer(mean, variance)
    self.features = noGrad { layer.eval()(features) }
  }

  /// A batch normalisation with these statistics.
  var layer: BatchNorm1d { Self.layer(mean, variance) }

  private static func layer(_ mean: Tensor, _ variance: Tensor) -> BatchNorm1d {
    let layer = BatchNorm1d(mean.count)
    layer.runningMean?.value = mean
    layer.runningVariance?.value = variance
    return layer
  }
}

extension HeadSearch {
  /// A head that is solved.
  func solved(_ head: Head, _ standard: Standardized) throws -> Sequential {
    let layers = Sequential([])
    layers.append(standard.layer, named: "norm")
    switch head {
    case .trained(let candidate):
      fail("HeadSearch", "\(candidate) is trained, not solved")
    case .logistic(let regularization):
      let solution = try LogisticHead.solve(
        standard.features, train.target, classes: classes, regularization: regularization,
        weight: classWeights)
      layers.append(linear(solution.weight, solution.bias), named: "linear")
    case .ridge(let regularization):
      let solutions = try RidgeHead.solve(
        standard.features, train.target, classes: classes, regularizations: [regularization],
        weight: classWeights)
      layers.append(linear(solutions[0].weight, solutions[0].bias), named: "linear")
      scale(layers)
    case .neighbors(let count):
      layers.append(UnitLength(), named: "unit")
      let votes = train.target.oneHot(classes).to(.float32)
      layers.append(
        NearestNeighbors(standard.features, classWeights.map { votes * $0 } ?? votes, count: count),
        named: "neighbors")
    case .prototypes:
      layers.append(UnitLength(), named: "unit")
      let sides = train.target.oneHot(classes).to(.float32)
      let sums = sides.transpose(0, 1).matmul(UnitLength()(standard.features))
      layers.append(linear(UnitLength()(sums), Tensor.zeros([classes])), named: "linear")
      scale(layers)
    }
    return layers
  }

  private func linear(_ weight: Tensor, _ bias: Tensor) -> Linear {
    let layer = skipInit { Linear(weight.shape[1], weight.shape[0]) }
    layer.weight.value = weight.to(.float32).contiguous()
    layer.bias?.value = bias.to(.float32).contiguous()
    return layer
  }

  /// Multiplies the scores of a head by what makes the cross-entropy on the validation samples least, so that their
  /// softmax is a probability (Guo et al., 2017).
  private func scale(_ head: Sequential) {
    guard let linear = head["linear"] as? Linear else { return }
    let scores = noGrad { head.eval()(validation.features) }.to(.float64)
    func loss(_ exponent: Double) -> Double {
      crossEntropy(scores * exp(exponent), validation.target, weight: classWeights?.to(.float64)).item()
    }
    // The loss falls and then rises with the factor: the third in which it is greater is left out again and again.
    var (low, high) = (-5.0, 10.0)
    for _ in 0..<40 {
      let (first, second) = (low + (high - low) / 3, high - (high - low) / 3)
      if loss(first) <= loss(second) { high = second } else { low = first }
    }
    let factor = exp((low + high) / 2)
    linear.weight.value = linear.weight.value.detach() * factor
    if let bias = linear.bias { bias.value = bias.value.detach() * factor }
  }
}
